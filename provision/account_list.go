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
	list := fmt.Sprintf("accounts q=%q status=%s parent=%q provider=%q sort=%v", strings.ToLower(in.Query), in.Status, in.Parent, in.Provider, in.Sort)
	at, err := s.position(list, in.Cursor)
	if err != nil {
		return nil, err
	}
	order := newAccountOrder(in.Sort)
	rows, err := s.accountRows(ctx, in, order, at)
	if err != nil {
		return nil, err
	}
	page := &Listing[Account]{}
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		page.Body.Next = s.cursor(list, order.position(&rows[in.Limit-1]))
	}
	accounts := make([]*directory.Account, len(rows))
	for i, r := range rows {
		accounts[i] = r.Account
	}
	page.Body.Items = s.renderAccounts(ctx, accounts)
	return page, nil
}

// accountRows returns one row more than the page holds, if there is one, of those
// that follow the position. It looks at the accounts in the order that is asked
// for, where the view keeps that, and stops behind the page; else it looks at all.
// Either way it makes as much as the page needs, not as there are accounts.
func (s *Server) accountRows(ctx context.Context, in *listAccountsInput, order accountOrder, at position) ([]accountRow, error) {
	last, err := order.row(at)
	if err != nil {
		return nil, err
	}
	fill, err := s.filler(ctx, order)
	if err != nil {
		return nil, err
	}
	visible, query := s.visible(requestOf(ctx).principal), strings.ToLower(in.Query)
	each, kept := s.candidates(visible, query, order, last)
	page, row := newLeast(in.Limit+1, order.compare), new(accountRow)
	each(func(rows []directory.AccountRow) bool {
		for i := range rows {
			*row = accountRow{AccountRow: rows[i]}
			worst := page.greatest()
			if worst != nil && kept && order.beyond(row, worst) {
				return false
			}
			if !in.match(&row.AccountRow, query) || !visible.sees(row.Account) {
				continue
			}
			fill(row)
			if worst != nil && !kept && order.keys(row, worst) >= 0 {
				continue // no id is less than those before
			}
			if last == nil || order.compare(row, last) > 0 {
				page.add(row)
			}
		}
		return true
	})
	return page.sorted(), nil
}

// visibleAccounts are those that a principal sees: the few, in the order of their
// ids, or of all there are those for which above is true.
type visibleAccounts struct {
	few   []directory.AccountID
	above func(*directory.Account) bool // nil: few counts
}

// all reports whether all accounts have to be looked at.
func (v visibleAccounts) all() bool { return v.above != nil }

func (v visibleAccounts) sees(a *directory.Account) bool { return v.above == nil || v.above(a) }

const (
	// fewAccounts is how many accounts are looked up one by one, at the most,
	// rather than looked for among all.
	fewAccounts = 1000
	// fewFound is how many accounts a search may find for all of them to be
	// looked at. Where it finds more, any walk comes by them soon.
	fewFound = 500
)

// candidates is a way through accounts among which are all that a list shows
// behind its last row; kept, if they come in the list's order, else in that of the
// ids.
func (s *Server) candidates(visible visibleAccounts, query string, order accountOrder, last *accountRow) (each func(func([]directory.AccountRow) bool), kept bool) {
	if !visible.all() {
		rows := make([]directory.AccountRow, 0, len(visible.few))
		for _, id := range visible.few {
			if r, ok := s.view.AccountRow(id); ok {
				rows = append(rows, r)
			}
		}
		return func(yield func([]directory.AccountRow) bool) { yield(rows) }, len(order) == 0
	}
	if query != "" {
		if found, whole := s.view.AccountsContaining(query, fewFound); whole {
			return func(yield func([]directory.AccountRow) bool) { yield(found) }, len(order) == 0
		}
	}
	walk, kept := order.walk()
	if kept && last != nil {
		walk.From = &last.AccountRow
	}
	return func(yield func([]directory.AccountRow) bool) { s.view.AccountRows(walk, yield) }, kept
}

// visible returns the accounts a principal sees.
func (s *Server) visible(p principal) visibleAccounts {
	if p.Kind == staff {
		return visibleAccounts{above: func(*directory.Account) bool { return true }}
	}
	own := s.view.Account(p.Account)
	if own == nil {
		return visibleAccounts{}
	}
	ids := s.steered(p)
	ids[own.ID] = true
	if p.Kind == partner {
		tree, whole := s.subtree(own, fewAccounts)
		if !whole {
			return visibleAccounts{above: func(a *directory.Account) bool {
				return a.Parent == own.ID || ids[a.ID] || a.Parent != "" && s.above(p, a.Parent)
			}}
		}
		for _, a := range tree {
			ids[a.ID] = true
		}
	}
	return visibleAccounts{few: slices.Sorted(maps.Keys(ids))}
}

// steered are the members of the federations that a principal administers (FE5).
func (s *Server) steered(p principal) map[directory.AccountID]bool {
	ids := map[directory.AccountID]bool{}
	if p.Actor != "" {
		return ids
	}
	for _, o := range s.view.Dependents(directory.Ref{Kind: directory.KindUser, ID: string(p.User)}) {
		steered, ok := o.(*directory.FederationAdmin)
		if !ok {
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

func (in *listAccountsInput) match(r *directory.AccountRow, query string) bool {
	return (in.Status == "" || (in.Status == "active") == r.Enabled) &&
		(in.Parent == "" || in.Parent == r.Account.Parent) &&
		(in.Provider == "" || r.Connection != nil && r.Connection.Provider == in.Provider) &&
		(query == "" || strings.Contains(r.Name, query) || strings.Contains(r.Account.Realm, query))
}
