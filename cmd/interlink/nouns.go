package main

import (
	"context"
	"reflect"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

// nouns is the table of all that the API has, in the order of the help.
func nouns() []noun {
	return append(append(accountNouns(), linkNouns()...), append(settingNouns(), platformNouns()...)...)
}

func accountNouns() []noun {
	return []noun{
		{name: "account", short: "Accounts: the PBXs, and the resellers above them",
			columns: []string{"id", "name", "status", "provider", "lines.used", "lines.allowed", "last_call", "last_login", "last_sync", "realm"},
			verbs: []verb{
				searchOf(noAccount, func(c *api, ctx context.Context, _ owner, q provision.AccountQuery, p provision.Paging) (*provision.Page[provision.Account], error) {
					return c.Accounts(ctx, q, p)
				}),
				getOf(noAccount, "account", with1((*api).Account)),
				createOf(noAccount, with1((*api).CreateAccount)),
				updateOf(noAccount, "account", with1((*api).Account), func(c *api, ctx context.Context, _ owner, a *provision.Account, p provision.AccountPatch) (*provision.Account, error) {
					return c.PatchAccount(ctx, a.ID, a.Version, p)
				}),
				{name: "delete", short: "Delete one; --cascade deletes the accounts and federations below it, too", args: []string{"account"}, writes: true,
					query: reflect.TypeFor[deleteQuery](), run: func(ctx context.Context, x *asked) (any, error) {
						return nil, x.api.DeleteAccount(ctx, owner(x.ids[0]), x.version, x.query.(*deleteQuery).Cascade)
					}},
			}},
		{name: "configuration", short: "All of an account that one write can set", verbs: []verb{
			oneOf((*api).Configuration),
			{name: "set", short: "Make the account what a file says; parts it does not have stay", account: ofAccount, writes: true,
				body: reflect.TypeFor[provision.Configuration](), run: func(ctx context.Context, x *asked) (any, error) {
					return x.api.Configure(ctx, x.account, x.version, *x.body.(*provision.Configuration))
				}},
		}},
		{name: "trunk", short: "Trunks: the SIP connections to PBXs", columns: []string{"id", "name", "addresses", "source_addresses"}, verbs: []verb{
			listOf(ofAccount, (*api).Trunks), getOf(ofAccount, "trunk", (*api).Trunk), createOf(ofAccount, (*api).CreateTrunk),
			updateOf(ofAccount, "trunk", (*api).Trunk, (*api).PatchTrunk), deleteOf(ofAccount, "trunk", (*api).DeleteTrunk),
		}},
		{name: "number", short: "Internal numbers", columns: []string{"id", "number", "label", "trunk", "private", "enabled"}, verbs: []verb{
			searchOf(ofAccount, (*api).Numbers), getOf(ofAccount, "number", (*api).Number), createOf(ofAccount, (*api).CreateNumber),
			updateOf(ofAccount, "number", (*api).Number, (*api).PatchNumber), deleteOf(ofAccount, "number", (*api).DeleteNumber),
		}},
		{name: "user", short: "Users of an account, or of the platform", columns: []string{"id", "email", "first_name", "last_name", "role", "last_login"}, verbs: []verb{
			listOf(ofOwner, (*api).Users), getOf(ofOwner, "user", (*api).User), createOf(ofOwner, (*api).CreateUser),
			updateOf(ofOwner, "user", (*api).User, (*api).PatchUser), deleteOf(ofOwner, "user", (*api).DeleteUser),
		}},
		{name: "token", short: "API tokens of an account, or of the platform", columns: []string{"id", "use", "name", "scopes", "expires_at", "created_by"}, verbs: []verb{
			listOf(ofOwner, (*api).Tokens), getOf(ofOwner, "token", (*api).Token), createOf(ofOwner, (*api).CreateToken),
			deleteOf(ofOwner, "token", (*api).DeleteToken).as("revoke", "End one at once"),
		}},
		{name: "webhook", short: "Webhooks", columns: []string{"id", "url", "events", "enabled"}, verbs: []verb{
			listOf(ofAccount, (*api).Webhooks), getOf(ofAccount, "webhook", (*api).Webhook), createOf(ofAccount, (*api).CreateWebhook),
			updateOf(ofAccount, "webhook", (*api).Webhook, (*api).PatchWebhook), deleteOf(ofAccount, "webhook", (*api).DeleteWebhook),
			{name: "deliveries", short: "The last attempts to post", args: []string{"webhook"}, account: ofAccount, columns: []string{"id", "at", "try", "outcome", "status", "reason"},
				run: func(ctx context.Context, x *asked) (any, error) {
					p, err := x.api.Deliveries(ctx, x.account, directory.WebhookID(x.ids[0]))
					if err != nil {
						return nil, err
					}
					return p.Items, nil
				}},
		}},
	}
}

// deleteQuery is what the deletion of an account can be told.
type deleteQuery struct {
	Cascade bool `query:"cascade" doc:"Delete the accounts below and the federations it owns, too."`
}

func settingNouns() []noun {
	return []noun{
		{name: "limits", short: "Concurrent calls", verbs: []verb{
			oneOf((*api).Limits), setOf((*api).Limits, (*api).SetLimits),
			oneOf((*api).Capacity).as("capacity", "Who holds the lines"),
		}},
		{name: "calls", short: "Live calls and the call log", columns: []string{"id", "direction", "peer", "number", "state", "since"}, verbs: []verb{
			listOf(ofAccount, (*api).Calls),
			listOf(ofAccount, (*api).CallLog).as("log", "Read the call log, newest first").shows("started_at", "direction", "from", "to", "peer", "result", "reason", "sip_status", "duration"),
			{name: "end", short: "End a call and free its lines", args: []string{"call"}, writes: true, run: func(ctx context.Context, x *asked) (any, error) {
				return nil, x.api.EndCall(ctx, x.ids[0])
			}},
		}},
		{name: "restriction", short: "Classes of numbers an account may not dial", verbs: []verb{
			oneOf((*api).Restrictions), setOf((*api).Restrictions, (*api).SetRestrictions),
			{name: "classes", short: "Read the platform's number classes", run: func(ctx context.Context, x *asked) (any, error) { return x.api.NumberClasses(ctx) }},
			platformSet(setOf(func(c *api, ctx context.Context, _ owner) (*provision.NumberClasses, error) {
				return c.NumberClasses(ctx)
			}, with2((*api).SetNumberClasses)).
				as("set-classes", "Replace the platform's number classes")),
		}},
		{name: "credit", short: "Credit", columns: []string{"id", "created_at", "amount", "currency", "note"}, verbs: []verb{
			oneOf((*api).Credit), listOf(ofAccount, (*api).CreditEntries), createOf(ofAccount, (*api).CreateCreditEntry).as("add", "Add to it"),
			getOf(ofAccount, "entry", (*api).CreditEntry).as("entry", "Read one addition"),
		}},
		{name: "licence", short: "Licences and their minutes", columns: []string{"id", "valid_from", "valid_until", "free_minutes", "addon_minutes", "remarks"}, verbs: []verb{
			searchOf(ofAccount, (*api).Licences), getOf(ofAccount, "licence", (*api).Licence), createOf(ofAccount, (*api).CreateLicence),
			oneOf((*api).CurrentLicence).as("current", "All that hold now taken together"),
		}},
		{name: "permissions", short: "What a customer sees: a draft, and what is published", verbs: []verb{
			oneOf((*api).Permissions), oneOf((*api).PermissionDraft).as("draft", "Read the draft"),
			setOf((*api).PermissionDraft, (*api).SetPermissionDraft).as("set", "Edit the draft"),
			{name: "publish", short: "Publish the draft", account: ofAccount, writes: true, run: func(ctx context.Context, x *asked) (any, error) {
				return x.api.PublishPermissions(ctx, x.account, x.version)
			}},
			listOf(ofAccount, (*api).PermissionVersions).as("versions", "What was published, newest first").shows("version", "published_at", "by", "features"),
			oneOf((*api).PermissionDiff).as("diff", "Compare the draft with what is published"),
		}},
		{name: "settings", short: "An account's switches", verbs: []verb{oneOf((*api).Settings), setOf((*api).Settings, (*api).SaveSettings)}},
	}
}

// platformSet is a set verb that belongs to no account.
func platformSet(v verb) verb {
	v.account = noAccount
	return v
}

func platformNouns() []noun {
	return []noun{
		{name: "provider", short: "Voice providers, and which one an account has", columns: []string{"id", "name", "capacity", "login_url"}, verbs: []verb{
			listOf(noAccount, page0((*api).Providers)), getOf(noAccount, "provider", with1((*api).Provider)), createOf(noAccount, with1((*api).CreateProvider)),
			updateOf(noAccount, "provider", with1((*api).Provider), with2((*api).PatchProvider)), deleteOf(noAccount, "provider", gone((*api).DeleteProvider)),
			oneOf((*api).Connection).as("of", "Read which one an account has"),
			setOf((*api).Connection, (*api).SetConnection).as("connect", "Connect an account through one; another one than before needs --confirm"),
		}},
		{name: "plan", short: "Price plans and which ones an account has; with -f: compare a world file with the gateway",
			columns: []string{"id", "name", "per_minute", "currency", "unlimited", "popular"}, verbs: []verb{
				listOf(noAccount, page0((*api).Plans)), getOf(noAccount, "plan", with1((*api).Plan)), createOf(noAccount, with1((*api).CreatePlan)),
				updateOf(noAccount, "plan", with1((*api).Plan), with2((*api).PatchPlan)), deleteOf(noAccount, "plan", gone((*api).DeletePlan)),
				oneOf((*api).PlanSelection).as("of", "Read which ones an account has"),
				setOf((*api).PlanSelection, (*api).SelectPlans).as("select", "Select an account's plans"),
			}},
		{name: "audit", short: "The audit trail", columns: []string{"number", "at", "actor", "subject", "action", "outcome"}, verbs: []verb{
			searchOf(noAccount, func(c *api, ctx context.Context, _ owner, q provision.AuditQuery, p provision.Paging) (*provision.Page[provision.AuditEntry], error) {
				return c.Audit(ctx, q, p)
			}),
			{name: "verify", short: "Have the server check the trail's chain", run: func(ctx context.Context, x *asked) (any, error) { return x.api.VerifyAudit(ctx) }},
		}},
	}
}
