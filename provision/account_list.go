package provision

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

type listAccountsInput struct {
	Paging
	Query  string              `query:"q" maxLength:"128" doc:"Part of the name or realm, in any case."`
	Status string              `query:"status" enum:"active,inactive" doc:"Only these."`
	Parent directory.AccountID `query:"parent" maxLength:"64" doc:"Only accounts directly below this one."`
	Sort   []string            `query:"sort" maxItems:"4" enum:"name,-name,created_at,-created_at,last_call,-last_call,last_login,-last_login" doc:"Keys in order of weight, - for descending; the order of creation without. Accounts without a call or a login come first under last_call and last_login."`
}

func (s *Server) listAccounts(ctx context.Context, in *listAccountsInput) (*Listing[Account], error) {
	list := fmt.Sprintf("accounts q=%q status=%s parent=%q sort=%v", strings.ToLower(in.Query), in.Status, in.Parent, in.Sort)
	at, err := s.position(list, in.Cursor)
	if err != nil {
		return nil, err
	}
	rows, err := s.accountRows(ctx, in, at)
	if err != nil {
		return nil, err
	}
	page := &Listing[Account]{}
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		last := rows[len(rows)-1]
		page.Body.Next = s.cursor(list, last.position())
	}
	accounts := make([]*directory.Account, len(rows))
	for i, r := range rows {
		accounts[i] = r.account
	}
	page.Body.Items = s.renderAccounts(ctx, accounts)
	return page, nil
}

// accountRow is an account with its sort keys.
type accountRow struct {
	account *directory.Account
	keys    []sortKey
}

// sortKey compares by its number, then by its text.
type sortKey struct {
	n    int64
	text string
}

func (k sortKey) compare(o sortKey) int {
	if k.n != o.n {
		return cmp.Compare(k.n, o.n)
	}
	return strings.Compare(k.text, o.text)
}

// String is how a cursor holds a key.
func (k sortKey) String() string { return strconv.FormatInt(k.n, 10) + " " + k.text }

func parseSortKey(s string) (k sortKey, ok bool) {
	n, text, ok := strings.Cut(s, " ")
	v, err := strconv.ParseInt(n, 10, 64)
	return sortKey{v, text}, ok && err == nil
}

// position is where the list goes on behind a row.
func (r accountRow) position() position {
	at := position{ID: string(r.account.ID)}
	for _, k := range r.keys {
		at.Keys = append(at.Keys, k.String())
	}
	return at
}

// accountRows returns one row more than the page holds, if there is one, of
// those that follow the position.
func (s *Server) accountRows(ctx context.Context, in *listAccountsInput, at position) ([]accountRow, error) {
	if len(in.Sort) == 0 {
		rows := make([]accountRow, 0, in.Limit+1)
		s.matching(ctx, in, directory.AccountID(at.ID), func(a *directory.Account) bool {
			rows = append(rows, accountRow{account: a})
			return len(rows) <= in.Limit
		})
		return rows, nil
	}
	var accounts []*directory.Account
	s.matching(ctx, in, "", func(a *directory.Account) bool {
		accounts = append(accounts, a)
		return true
	})
	order := newAccountOrder(in.Sort)
	rows, err := s.keyed(ctx, accounts, order)
	if err != nil {
		return nil, err
	}
	if at.ID != "" {
		last, err := in.lastRow(at)
		if err != nil {
			return nil, err
		}
		rows = slices.DeleteFunc(rows, func(r accountRow) bool { return order.compare(r, last) <= 0 })
	}
	return least(rows, in.Limit+1, order.compare), nil
}

// lastRow is the row that a cursor stands for.
func (in *listAccountsInput) lastRow(at position) (accountRow, error) {
	last := accountRow{account: &directory.Account{ID: directory.AccountID(at.ID)}}
	for _, text := range at.Keys {
		k, ok := parseSortKey(text)
		if !ok {
			return last, badCursor()
		}
		last.keys = append(last.keys, k)
	}
	if len(last.keys) != len(in.Sort) {
		return last, badCursor()
	}
	return last, nil
}

// matching calls yield for the accounts that the principal sees and the question
// is about, in the order of their ids, until it returns false.
func (s *Server) matching(ctx context.Context, in *listAccountsInput, after directory.AccountID, yield func(*directory.Account) bool) {
	visible, query := s.visible(requestOf(ctx).principal), strings.ToLower(in.Query)
	s.eachAccount(after, func(a *directory.Account) bool {
		return !in.match(a, query) || visible != nil && !visible[a.ID] || yield(a)
	})
}

// accountsAtOnce is how many accounts are copied while the view is held: calls
// wait for no more.
const accountsAtOnce = 256

// eachAccount is View.Accounts for who takes longer over an account.
func (s *Server) eachAccount(after directory.AccountID, yield func(*directory.Account) bool) {
	for page := make([]*directory.Account, 0, accountsAtOnce); ; {
		page = page[:0]
		s.view.Accounts(after, func(a *directory.Account) bool {
			page = append(page, a)
			return len(page) < accountsAtOnce
		})
		for _, a := range page {
			if !yield(a) {
				return
			}
			after = a.ID
		}
		if len(page) < accountsAtOnce {
			return
		}
	}
}

// least returns the n least of a list, in order, without sorting all of it.
func least[T any](list []T, n int, compare func(a, b T) int) []T {
	// Enough room that sorting is rare, even where every entry is less than all
	// before it.
	room := max(2*n, 4096)
	few := make([]T, 0, min(room, len(list)))
	isFull := false
	for _, x := range list {
		if isFull && compare(x, few[n-1]) >= 0 {
			continue
		}
		if few = append(few, x); len(few) == room {
			slices.SortFunc(few, compare)
			few, isFull = few[:n], true
		}
	}
	slices.SortFunc(few, compare)
	return few[:min(n, len(few))]
}

// visible returns the accounts a principal sees; nil stands for all.
func (s *Server) visible(p principal) map[directory.AccountID]bool {
	if p.Kind == staff {
		return nil
	}
	ids := map[directory.AccountID]bool{}
	own := s.view.Account(p.Account)
	if own == nil {
		return ids
	}
	ids[own.ID] = true
	if p.Kind == partner {
		for _, a := range s.subtree(own) {
			ids[a.ID] = true
		}
	}
	for _, o := range s.view.Dependents(directory.Ref{Kind: directory.KindUser, ID: string(p.User)}) {
		steered, ok := o.(*directory.FederationAdmin)
		if !ok || p.Actor != "" {
			continue
		}
		for _, m := range s.view.Dependents(directory.Ref{Kind: directory.KindFederation, ID: string(steered.Federation)}) {
			if m, ok := m.(*directory.Membership); ok && !m.Pending() {
				ids[m.Account] = true
			}
		}
	}
	return ids
}

func (in *listAccountsInput) match(a *directory.Account, query string) bool {
	return (in.Status == "" || in.Status == accountStatus(a)) &&
		(in.Parent == "" || in.Parent == a.Parent) &&
		(query == "" || strings.Contains(strings.ToLower(a.Name), query) || strings.Contains(a.Realm, query))
}

// accountOrder is what a list is sorted by, in order of weight.
type accountOrder []orderKey

type orderKey struct {
	name       string
	descending bool
}

func newAccountOrder(sort []string) (order accountOrder) {
	for _, key := range sort {
		name, descending := strings.CutPrefix(key, "-")
		order = append(order, orderKey{name, descending})
	}
	return order
}

func (o accountOrder) compare(a, b accountRow) int {
	for i, key := range o {
		c := a.keys[i].compare(b.keys[i])
		if key.descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return strings.Compare(string(a.account.ID), string(b.account.ID))
}

// never sorts before every call and every login.
const never = math.MinInt64

// keyed returns accounts with their sort keys.
func (s *Server) keyed(ctx context.Context, accounts []*directory.Account, order accountOrder) ([]accountRow, error) {
	rows := make([]accountRow, len(accounts))
	keys := make([]sortKey, len(accounts)*len(order))
	for i, a := range accounts {
		rows[i] = accountRow{a, keys[i*len(order) : (i+1)*len(order)]}
	}
	for k, key := range order {
		switch key.name {
		case "name":
			for _, r := range rows {
				r.keys[k].text = strings.ToLower(r.account.Name)
			}
		case "created_at":
			for _, r := range rows {
				// Ids tell the order within a millisecond.
				r.keys[k] = sortKey{r.account.CreatedAt.UnixNano(), string(r.account.ID)}
			}
		case "last_login":
			for _, r := range rows {
				r.keys[k].n = never
				if at := s.newestLogin(r.account.ID); at != nil {
					r.keys[k].n = at.UnixMilli()
				}
			}
		case "last_call":
			last, err := s.lastCalls(ctx, accounts)
			if err != nil {
				return nil, err
			}
			for i, r := range rows {
				if r.keys[k].n = never; !last[i].IsZero() {
					r.keys[k].n = last[i].UnixMilli()
				}
			}
		}
	}
	return rows, nil
}

func (s *Server) lastCalls(ctx context.Context, accounts []*directory.Account) ([]time.Time, error) {
	ids := make([]directory.AccountID, len(accounts))
	for i, a := range accounts {
		ids[i] = a.ID
	}
	return s.cfg.CallLog.LastCalls(ctx, ids)
}
