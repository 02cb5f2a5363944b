package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

// label is an object as a person may name it.
type label struct{ id, name string }

// finder knows a sort of object by name. word is the part of a name that is
// known; a list may leave out what does not have it.
type finder struct {
	prefix string // of ids
	list   func(ctx context.Context, x *asked, word string) ([]label, error)
}

// finders are the sorts of objects that arguments name.
func finders() map[string]finder {
	return map[string]finder{
		"account": {"acc_", func(ctx context.Context, x *asked, word string) ([]label, error) {
			return labels(ctx, func(ctx context.Context, p provision.Paging) (*provision.Page[provision.Account], error) {
				return x.api.Accounts(ctx, provision.AccountQuery{Query: word}, p)
			}, func(a provision.Account) label { return label{string(a.ID), a.Name} })
		}},
		"trunk": {"trk_", ofAccountBy((*api).Trunks, func(t provision.Trunk) label { return label{string(t.ID), t.Name} })},
		"number": {"num_", ofAccountBy(allNumbers, func(n provision.Number) label {
			return label{string(n.ID), n.Number}
		})},
		"user":       {"usr_", ofAccountBy((*api).Users, func(u provision.User) label { return label{string(u.ID), u.Email} })},
		"token":      {"tok_", ofAccountBy((*api).Tokens, func(t provision.Token) label { return label{string(t.ID), t.Name} })},
		"webhook":    {"whk_", ofAccountBy((*api).Webhooks, func(w provision.Webhook) label { return label{string(w.ID), w.URL} })},
		"interlink":  {"lnk_", ofAccountBy((*api).Interlinks, func(l provision.Interlink) label { return label{string(l.ID), l.Name} })},
		"federation": {"fed_", ofAccountBy(page0((*api).Federations), func(f provision.Federation) label { return label{string(f.ID), f.Name} })},
		"provider":   {"prv_", ofAccountBy(page0((*api).Providers), func(p provision.Provider) label { return label{string(p.ID), p.Name} })},
		"plan":       {"pln_", ofAccountBy(page0((*api).Plans), func(p provision.Plan) label { return label{string(p.ID), p.Name} })},
		"request": {"mem_", func(ctx context.Context, x *asked, _ string) ([]label, error) {
			return labels(ctx, func(ctx context.Context, p provision.Paging) (*provision.Page[provision.JoinRequest], error) {
				return x.api.JoinRequests(ctx, directory.FederationID(x.ids[0]), p)
			}, func(r provision.JoinRequest) label { return label{string(r.ID), r.Account.Name} })
		}},
	}
}

func ofAccountBy[T any](page func(*api, context.Context, owner, provision.Paging) (*provision.Page[T], error), name func(T) label) func(context.Context, *asked, string) ([]label, error) {
	return func(ctx context.Context, x *asked, _ string) ([]label, error) {
		return labels(ctx, func(ctx context.Context, p provision.Paging) (*provision.Page[T], error) {
			return page(x.api, ctx, x.account, p)
		}, name)
	}
}

func labels[T any](ctx context.Context, page func(context.Context, provision.Paging) (*provision.Page[T], error), name func(T) label) ([]label, error) {
	all, err := some(ctx, 0, page)
	if err != nil {
		return nil, err
	}
	out := make([]label, len(all))
	for i, o := range all {
		out[i] = name(o)
	}
	return out, nil
}

// find returns the id of what an argument names: an id, or a name that exactly
// one object has.
func find(ctx context.Context, x *asked, sort, text string) (string, error) {
	f, known := finders()[sort]
	if !known || strings.HasPrefix(text, f.prefix) {
		return text, nil
	}
	all, err := f.list(ctx, x, text)
	if err != nil {
		return "", err
	}
	var ids []string
	for _, l := range all {
		if l.name == text {
			ids = append(ids, l.id)
		}
	}
	switch len(ids) {
	case 1:
		return ids[0], nil
	case 0:
		return "", notThere(fmt.Sprintf("there is no %s called %q", sort, text))
	}
	return "", usagef("%d of this sort (%s) are called %q; name one by its id: %s", len(ids), sort, text, strings.Join(ids, ", "))
}

func notThere(text string) error { return &exitError{exitNotFound, fmt.Errorf("%s", text)} }

// allNumbers is the list of an account's numbers that asks for no few of them.
func allNumbers(c *api, ctx context.Context, a owner, p provision.Paging) (*provision.Page[provision.Number], error) {
	return c.Numbers(ctx, a, provision.NumberQuery{}, p)
}
