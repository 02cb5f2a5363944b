package main

import (
	"context"
	"fmt"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

// linkNouns are what joins accounts.
func linkNouns() []noun {
	return []noun{
		{name: "interlink", short: "Interlinks between two accounts", columns: []string{"id", "name", "status", "peer", "priority", "prefix"}, verbs: []verb{
			listOf(ofAccount, (*api).Interlinks), getOf(ofAccount, "interlink", (*api).Interlink),
			createOf(ofAccount, (*api).CreateInterlink).as("create", "Generate an authorization key for the other side"),
			createOf(ofAccount, redeem).as("redeem", "Enter the other side's key"),
			previewOf(),
			updateOf(ofAccount, "interlink", (*api).Interlink, (*api).PatchInterlink),
			suspension("suspend", "Let no calls pass", true), suspension("resume", "Let calls pass again", false),
			deleteOf(ofAccount, "interlink", (*api).DeleteInterlink).as("delete", "End one on both sides"),
		}},
		{name: "federation", short: "Federations, their members and join requests", columns: []string{"id", "name", "owner", "members"}, verbs: append([]verb{
			listOf(noAccount, page0((*api).Federations)), getOf(noAccount, "federation", with1((*api).Federation)), createOf(noAccount, with1((*api).CreateFederation)),
			updateOf(noAccount, "federation", with1((*api).Federation), with2((*api).PatchFederation)),
			deleteOf(noAccount, "federation", gone((*api).DeleteFederation)),
			{name: "rotate", short: "Replace the access code", args: []string{"federation"}, writes: true, run: func(ctx context.Context, x *asked) (any, error) {
				return x.api.RotateAccessCode(ctx, directory.FederationID(x.ids[0]))
			}},
		}, append(memberVerbs(), administratorVerbs()...)...)},
	}
}

// redeem, preview and join tell a slip of the finger from a wrong key or code
// before anybody is asked: an attempt that fails counts there.
func redeem(a *api, ctx context.Context, account owner, r provision.Redemption) (*provision.Interlink, error) {
	if provision.MistypedKey(r.Key) {
		return nil, mistyped("authorization key")
	}
	return a.Redeem(ctx, account, r)
}

func preview(a *api, ctx context.Context, account owner, r provision.Redemption) (*provision.Preview, error) {
	if provision.MistypedKey(r.Key) {
		return nil, mistyped("authorization key")
	}
	return a.PreviewRedeem(ctx, account, r)
}

func join(a *api, ctx context.Context, account owner, code provision.Admission) (*provision.JoinRequest, error) {
	if provision.MistypedCode(code.Code) {
		return nil, mistyped("access code")
	}
	return a.Join(ctx, account, code)
}

func mistyped(what string) error {
	return &exitError{exitInvalid, fmt.Errorf("this cannot be an %s: its check symbols do not fit; is it typed in full?", what)}
}

func suspension(name, short string, suspended bool) verb {
	return verb{name: name, short: short, args: []string{"interlink"}, account: ofAccount, writes: true, run: func(ctx context.Context, x *asked) (any, error) {
		l, err := x.api.Interlink(ctx, x.account, directory.InterlinkID(x.ids[0]))
		if err != nil {
			return nil, err
		}
		return x.api.PatchInterlink(ctx, x.account, l, provision.InterlinkPatch{Suspended: provision.To(suspended)})
	}}
}

// previewOf tells what a key would link to, and what the two would hide from
// each other.
func previewOf() verb {
	return createOf(ofAccount, preview).as("preview", "Tell what a key would link to, without linking")
}

// memberVerbs are what an account and a federation's owner do about membership.
func memberVerbs() []verb {
	federation := func(x *asked) directory.FederationID { return directory.FederationID(x.ids[0]) }
	settle := func(name, short string, settle func(*api, context.Context, directory.FederationID, directory.MembershipID) (*provision.JoinRequest, error)) verb {
		return verb{name: name, short: short, args: []string{"federation", "request"}, writes: true, run: func(ctx context.Context, x *asked) (any, error) {
			return settle(x.api, ctx, federation(x), directory.MembershipID(x.ids[1]))
		}}
	}
	return []verb{
		createOf(ofAccount, join).as("join", "Ask to join with the access code"),
		{name: "of", short: "Read what federation an account is in", account: ofAccount, run: func(ctx context.Context, x *asked) (any, error) {
			return x.api.Belonging(ctx, x.account)
		}},
		{name: "leave", short: "End the membership, or withdraw the join request", account: ofAccount, writes: true, run: func(ctx context.Context, x *asked) (any, error) {
			b, err := x.api.Belonging(ctx, x.account)
			switch {
			case err != nil:
				return nil, err
			case b == nil:
				return nil, notThere("the account is in no federation and has asked to join none")
			case b.JoinedAt == nil:
				return nil, x.api.WithdrawJoinRequest(ctx, b.ID, b.JoinRequest, b.Version)
			}
			return nil, x.api.RemoveMember(ctx, b.ID, x.account, b.Version)
		}},
		{name: "requests", short: "List the join requests", args: []string{"federation"}, columns: []string{"id", "account.name", "account.id", "created_at"},
			run: func(ctx context.Context, x *asked) (any, error) {
				return some(ctx, x.limit, func(ctx context.Context, p provision.Paging) (*provision.Page[provision.JoinRequest], error) {
					return x.api.JoinRequests(ctx, federation(x), p)
				})
			}},
		settle("accept", "Accept a join request, named by its id or its account", (*api).AcceptJoinRequest),
		settle("decline", "Decline a join request, named by its id or its account", (*api).DeclineJoinRequest),
		{name: "members", short: "List the members", args: []string{"federation"}, columns: []string{"account", "name", "joined_at"},
			run: func(ctx context.Context, x *asked) (any, error) {
				return some(ctx, x.limit, func(ctx context.Context, p provision.Paging) (*provision.Page[provision.Member], error) {
					return x.api.Members(ctx, federation(x), p)
				})
			}},
		{name: "remove", short: "Remove a member", args: []string{"federation", "account"}, writes: true, run: func(ctx context.Context, x *asked) (any, error) {
			return nil, x.api.RemoveMember(ctx, federation(x), directory.AccountID(x.ids[1]), x.version)
		}},
	}
}

func administratorVerbs() []verb {
	return []verb{
		{name: "admins", short: "List the administrators", args: []string{"federation"}, columns: []string{"user", "name", "account", "created_at"},
			run: func(ctx context.Context, x *asked) (any, error) {
				return some(ctx, x.limit, func(ctx context.Context, p provision.Paging) (*provision.Page[provision.FederationAdministrator], error) {
					return x.api.Administrators(ctx, directory.FederationID(x.ids[0]), p)
				})
			}},
		{name: "admin", short: "Name a user of the owner or of a member an administrator", args: []string{"federation", "user"}, account: ofOwner, writes: true,
			run: func(ctx context.Context, x *asked) (any, error) {
				f, u := directory.FederationID(x.ids[0]), directory.UserID(x.ids[1])
				return x.api.NameAdministrator(ctx, f, u, x.version)
			}},
		{name: "dismiss", short: "Take an administrator's rights away", args: []string{"federation", "user"}, account: ofOwner, writes: true,
			run: func(ctx context.Context, x *asked) (any, error) {
				return nil, x.api.DismissAdministrator(ctx, directory.FederationID(x.ids[0]), directory.UserID(x.ids[1]), x.version)
			}},
	}
}
