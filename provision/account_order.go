package provision

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// accountRow is an account with what lists of accounts sort by.
type accountRow struct {
	directory.AccountRow
	provider string // the voice provider's name in lower case; empty for none
	lastCall int64  // Unix ms; never for none
}

// never sorts before every call and every login.
const never = math.MinInt64

// accountOrder is what a list is sorted by, in order of weight, ids last.
type accountOrder []orderKey

type orderKey struct {
	name       string
	descending bool
	compare    func(a, b *accountRow) int
}

func newAccountOrder(sort []string) (order accountOrder) {
	for _, key := range sort {
		name, descending := strings.CutPrefix(key, "-")
		order = append(order, orderKey{name, descending, comparison(name)})
	}
	return order
}

// comparison compares two accounts by a sort key. None makes anything: a page may
// need all accounts compared.
func comparison(name string) func(a, b *accountRow) int {
	by := func(o directory.AccountOrder) func(a, b *accountRow) int {
		return func(a, b *accountRow) int { return o.Compare(&a.AccountRow, &b.AccountRow) }
	}
	switch name {
	case "name":
		return by(directory.AccountsByName)
	case "last_login":
		return func(a, b *accountRow) int { return cmp.Compare(a.LastLogin, b.LastLogin) }
	case "created_at":
		created, id := by(directory.AccountsByCreation), by(directory.AccountsByID)
		return func(a, b *accountRow) int {
			if c := created(a, b); c != 0 {
				return c
			}
			return id(a, b) // ids tell the order within a moment
		}
	case "status":
		return func(a, b *accountRow) int { return cmp.Compare(a.status(), b.status()) }
	case "provider":
		return func(a, b *accountRow) int { return strings.Compare(a.provider, b.provider) }
	case "last_call":
		return func(a, b *accountRow) int { return cmp.Compare(a.lastCall, b.lastCall) }
	}
	return func(_, _ *accountRow) int { return 0 }
}

// status lets active stand before inactive.
func (r *accountRow) status() int64 {
	if r.Enabled {
		return 0
	}
	return 1
}

func (k orderKey) between(a, b *accountRow) int {
	if k.descending {
		return k.compare(b, a)
	}
	return k.compare(a, b)
}

func (o accountOrder) compare(a, b *accountRow) int {
	if c := o.keys(a, b); c != 0 {
		return c
	}
	return directory.AccountsByID.Compare(&a.AccountRow, &b.AccountRow)
}

// keys compares by all keys but the ids.
func (o accountOrder) keys(a, b *accountRow) int {
	for i := range o {
		if c := o[i].between(a, b); c != 0 {
			return c
		}
	}
	return 0
}

// beyond reports whether in a walk that the view keeps, a row and all that follow
// it stand behind another one.
func (o accountOrder) beyond(row, other *accountRow) bool {
	if len(o) == 0 || len(o) == 1 && !o[0].descending {
		return o.compare(row, other) > 0 // the walk's ties go by id as well
	}
	return o[0].between(row, other) > 0
}

// has reports whether a key is among those sorted by.
func (o accountOrder) has(name string) bool {
	return slices.ContainsFunc(o, func(k orderKey) bool { return k.name == name })
}

// walk is the way through all accounts that the view keeps for the key that weighs
// most; false: it keeps none, and the way is that of the ids.
func (o accountOrder) walk() (w directory.AccountWalk, kept bool) {
	if len(o) == 0 {
		return w, true
	}
	w.Descending = o[0].descending
	switch o[0].name {
	case "name":
		w.By = directory.AccountsByName
	case "created_at":
		w.By = directory.AccountsByCreation
	default:
		return directory.AccountWalk{}, false
	}
	return w, true
}

// sortKey is how a cursor holds a key: a number or a text.
type sortKey struct {
	n    int64
	text string
}

func (k sortKey) String() string { return strconv.FormatInt(k.n, 10) + " " + k.text }

func parseSortKey(s string) (k sortKey, ok bool) {
	n, text, ok := strings.Cut(s, " ")
	v, err := strconv.ParseInt(n, 10, 64)
	return sortKey{v, text}, ok && err == nil
}

// key is what a row is sorted by under a name.
func (r *accountRow) key(name string) sortKey {
	switch name {
	case "name":
		return sortKey{text: r.Name}
	case "status":
		return sortKey{n: r.status()}
	case "provider":
		return sortKey{text: r.provider}
	case "created_at":
		return sortKey{n: r.Account.CreatedAt.UnixNano()}
	case "last_call":
		return sortKey{n: r.lastCall}
	case "last_login":
		return sortKey{n: r.LastLogin}
	}
	return sortKey{}
}

// set is what key returned, put into another row, which compares as the first.
func (r *accountRow) set(name string, k sortKey) {
	switch name {
	case "name":
		r.Name = k.text
	case "status":
		r.Enabled = k.n == 0
	case "provider":
		r.provider = k.text
	case "created_at":
		r.Account.CreatedAt = time.Unix(0, k.n)
	case "last_call":
		r.lastCall = k.n
	case "last_login":
		r.LastLogin = k.n
	}
}

// position is where the list goes on behind a row.
func (o accountOrder) position(r *accountRow) position {
	at := position{ID: string(r.ID)}
	for _, key := range o {
		at.Keys = append(at.Keys, r.key(key.name).String())
	}
	return at
}

// row is one that stands where a cursor says; nil for no cursor.
func (o accountOrder) row(at position) (*accountRow, error) {
	if at.ID == "" {
		return nil, nil
	}
	if len(at.Keys) != len(o) {
		return nil, badCursor()
	}
	r := &accountRow{AccountRow: directory.AccountRow{ID: directory.AccountID(at.ID), Account: &directory.Account{}}}
	for i, text := range at.Keys {
		k, ok := parseSortKey(text)
		if !ok {
			return nil, badCursor()
		}
		r.set(o[i].name, k)
	}
	return r, nil
}

// filler completes rows with what an order needs beside the directory's own orders.
func (s *Server) filler(ctx context.Context, o accountOrder) (func(*accountRow), error) {
	var lastCall func(directory.AccountID) time.Time
	if o.has("last_call") {
		var err error
		if lastCall, err = s.cfg.CallLog.LastCalls(ctx); err != nil {
			return nil, err
		}
	}
	names, named := map[directory.ProviderID]string{}, o.has("provider")
	return func(r *accountRow) {
		if c := r.Connection; named && c != nil {
			name, ok := names[c.Provider]
			if !ok {
				if p := directory.Find[*directory.Provider](s.view, directory.KindProvider, string(c.Provider)); p != nil {
					name = strings.ToLower(p.Name)
				}
				names[c.Provider] = name
			}
			r.provider = name
		}
		if lastCall != nil {
			r.lastCall = never
			if at := lastCall(r.ID); !at.IsZero() {
				r.lastCall = at.UnixMilli()
			}
		}
	}, nil
}
