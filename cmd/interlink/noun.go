package main

import (
	"context"
	"reflect"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

// noun is a sort of object that the API has, as a command: a row of the table in
// nouns.go.
type noun struct {
	name, short string
	// columns are shown of a list.
	columns []string
	verbs   []verb
}

// verb is what can be done with a noun.
type verb struct {
	name, short string
	// args are the arguments, each the sort of object it names: "trunk". One
	// that finders does not know stands for itself.
	args []string
	// account says whose objects they are.
	account accountUse
	// body and query are the request's types, whose fields are flags; nil for
	// none.
	body, query reflect.Type
	// current, when set, is what the flags are laid over: what is kept there now.
	current func(context.Context, *asked) (any, error)
	writes  bool
	columns []string
	run     func(context.Context, *asked) (any, error)
}

// accountUse says whether a verb needs to know an account.
type accountUse int

const (
	noAccount accountUse = iota
	// ofAccount: --account, or else the principal's own.
	ofAccount
	// ofOwner is ofAccount, or for staff without --account the platform.
	ofOwner
)

// asked is a verb on its way.
type asked struct {
	api     *provision.Client
	account directory.AccountID
	// ids are the arguments as ids.
	ids []string
	// body and query are pointers to values of the verb's types.
	body, query any
	// limit is the most items of a list; 0 all.
	limit int
	// version is what a write expects.
	version uint64
	// seen is what current returned.
	seen any
}

type api = provision.Client
type owner = directory.AccountID

// Builders: each makes a verb of one or two methods of the client.

// listOf reads a list to its end.
func listOf[T any](use accountUse, page func(*api, context.Context, owner, provision.Paging) (*provision.Page[T], error)) verb {
	return verb{name: "list", short: "List them", account: use, run: func(ctx context.Context, x *asked) (any, error) {
		return some(ctx, x.limit, func(ctx context.Context, p provision.Paging) (*provision.Page[T], error) {
			return page(x.api, ctx, x.account, p)
		})
	}}
}

// searchOf is listOf with a query.
func searchOf[T, Q any](use accountUse, page func(*api, context.Context, owner, Q, provision.Paging) (*provision.Page[T], error)) verb {
	return verb{name: "list", short: "List them", account: use, query: reflect.TypeFor[Q](), run: func(ctx context.Context, x *asked) (any, error) {
		return some(ctx, x.limit, func(ctx context.Context, p provision.Paging) (*provision.Page[T], error) {
			return page(x.api, ctx, x.account, *x.query.(*Q), p)
		})
	}}
}

// some reads a list until there are limit items, or to its end for 0.
func some[T any](ctx context.Context, limit int, page func(context.Context, provision.Paging) (*provision.Page[T], error)) ([]T, error) {
	const most = 200
	all := []T{}
	for next := (provision.Paging{Limit: most}); ; {
		if limit > 0 {
			next.Limit = min(most, limit-len(all))
		}
		p, err := page(ctx, next)
		if err != nil {
			return nil, err
		}
		all = append(all, p.Items...)
		if p.Next == nil || limit > 0 && len(all) >= limit {
			return all, nil
		}
		next.Cursor = *p.Next
	}
}

// getOf reads one object by its id.
func getOf[ID ~string, T any](use accountUse, arg string, get func(*api, context.Context, owner, ID) (*T, error)) verb {
	return verb{name: "get", short: "Read one", args: []string{arg}, account: use, run: func(ctx context.Context, x *asked) (any, error) {
		return get(x.api, ctx, x.account, ID(x.ids[0]))
	}}
}

// oneOf reads what an account has one of.
func oneOf[T any](get func(*api, context.Context, owner) (*T, error)) verb {
	return verb{name: "get", short: "Read it", account: ofAccount, run: func(ctx context.Context, x *asked) (any, error) {
		return get(x.api, ctx, x.account)
	}}
}

// createOf makes an object of a body.
func createOf[B, T any](use accountUse, create func(*api, context.Context, owner, B) (*T, error)) verb {
	return verb{name: "create", short: "Create one", account: use, writes: true, body: reflect.TypeFor[B](), run: func(ctx context.Context, x *asked) (any, error) {
		return create(x.api, ctx, x.account, *x.body.(*B))
	}}
}

// updateOf changes an object as it is when the command reads it, unless
// --if-match names another version.
func updateOf[ID ~string, T, B any](
	use accountUse, arg string, get func(*api, context.Context, owner, ID) (*T, error), update func(*api, context.Context, owner, *T, B) (*T, error),
) verb {
	return verb{name: "update", short: "Change one", args: []string{arg}, account: use, writes: true, body: reflect.TypeFor[B](), run: func(ctx context.Context, x *asked) (any, error) {
		o, err := get(x.api, ctx, x.account, ID(x.ids[0]))
		if err != nil {
			return nil, err
		}
		if x.version != provision.AnyVersion {
			reflect.ValueOf(o).Elem().FieldByName("Version").SetUint(x.version)
		}
		return update(x.api, ctx, x.account, o, *x.body.(*B))
	}}
}

// deleteOf deletes an object.
func deleteOf[ID ~string](use accountUse, arg string, remove func(*api, context.Context, owner, ID, uint64) error) verb {
	return verb{name: "delete", short: "Delete one", args: []string{arg}, account: use, writes: true, run: func(ctx context.Context, x *asked) (any, error) {
		return nil, remove(x.api, ctx, x.account, ID(x.ids[0]), x.version)
	}}
}

// setOf changes what an account has one of: what is not given stays as it is.
func setOf[B, R, T any](get func(*api, context.Context, owner) (*R, error), set func(*api, context.Context, owner, uint64, B) (*T, error)) verb {
	return verb{
		name: "set", short: "Change it; what is not given stays", account: ofAccount, writes: true, body: reflect.TypeFor[B](),
		current: func(ctx context.Context, x *asked) (any, error) { return get(x.api, ctx, x.account) },
		run: func(ctx context.Context, x *asked) (any, error) {
			if x.version == provision.AnyVersion {
				x.version = reflect.ValueOf(x.seen).Elem().FieldByName("Version").Uint()
			}
			return set(x.api, ctx, x.account, x.version, *x.body.(*B))
		},
	}
}

// as gives a verb another name.
func (v verb) as(name, short string) verb {
	v.name, v.short = name, short
	return v
}

// shows gives a verb's list columns of its own.
func (v verb) shows(columns ...string) verb {
	v.columns = columns
	return v
}

// Methods about the platform take no account; these make them as the others.

func page0[T any](f func(*api, context.Context, provision.Paging) (*provision.Page[T], error)) func(*api, context.Context, owner, provision.Paging) (*provision.Page[T], error) {
	return func(c *api, ctx context.Context, _ owner, p provision.Paging) (*provision.Page[T], error) {
		return f(c, ctx, p)
	}
}

func with1[A, T any](f func(*api, context.Context, A) (*T, error)) func(*api, context.Context, owner, A) (*T, error) {
	return func(c *api, ctx context.Context, _ owner, a A) (*T, error) { return f(c, ctx, a) }
}

func with2[A, B, T any](f func(*api, context.Context, A, B) (T, error)) func(*api, context.Context, owner, A, B) (T, error) {
	return func(c *api, ctx context.Context, _ owner, a A, b B) (T, error) { return f(c, ctx, a, b) }
}

func gone[A any](f func(*api, context.Context, A, uint64) error) func(*api, context.Context, owner, A, uint64) error {
	return func(c *api, ctx context.Context, _ owner, a A, v uint64) error { return f(c, ctx, a, v) }
}
