package provision

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

type listAccountsInput struct {
	Paging
	Query    string               `query:"q" maxLength:"128" doc:"Part of the name or realm, in any case."`
	Status   string               `query:"status" enum:"active,inactive" doc:"Only these."`
	Parent   directory.AccountID  `query:"parent" maxLength:"64" doc:"Only accounts directly below this one."`
	Provider directory.ProviderID `query:"provider" maxLength:"64" doc:"Only accounts connected through this voice provider."`
	Sort     []string             `query:"sort" maxItems:"4" enum:"name,-name,status,-status,provider,-provider,created_at,-created_at,last_call,-last_call,last_login,-last_login" doc:"Keys in order of weight, - for descending; the order of creation without. Accounts without a provider, a call or a login come first under that key."`
}

func (s *Server) listAccounts(ctx context.Context, in *listAccountsInput) (*Listing[Account], error) {
	if p := requestOf(ctx).principal; p.Token != nil && !inScope(p.Token.Scopes, accountRead) {
		return nil, forbidden()
	}
	if p := requestOf(ctx).principal; p.Token != nil && !inScope(p.Token.Scopes, accountRead) {
		return nil, forbidden()
	}
	list := fmt.Sprintf("accounts q=%q status=%s parent=%q provider=%q sort=%v", strings.ToLower(in.Query), in.Status, in.Parent, in.Provider, in.Sort)
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
	each := func(a *directory.Account) bool {
		return !in.match(a, query) || in.Provider != "" && !s.has(a, in.Provider) || yield(a)
	}
	if visible == nil {
		s.eachAccount(after, each)
		return
	}
	// Who sees few accounts must not have all there are looked at.
	for _, id := range slices.Sorted(maps.Keys(visible)) {
		if a := s.view.Account(id); a != nil && id > after && !each(a) {
			return
		}
	}
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

// has reports whether an account is connected through a provider.
func (s *Server) has(a *directory.Account, provider directory.ProviderID) bool {
	c := directory.Find[*directory.Connection](s.view, directory.KindConnection, string(a.ID))
	return c != nil && c.Provider == provider
}
