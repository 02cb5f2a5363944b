package provision

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

// maxLastCallSort bounds the accounts that are sorted by last_call: each costs
// a read of its newest call record.
const maxLastCallSort = 2000

type listAccountsInput struct {
	Paging
	Query  string              `query:"q" maxLength:"128" doc:"Part of the name or realm, in any case."`
	Status string              `query:"status" enum:"active,inactive" doc:"Only these."`
	Parent directory.AccountID `query:"parent" maxLength:"64" doc:"Only accounts directly below this one."`
	Sort   []string            `query:"sort" maxItems:"4" enum:"name,-name,created_at,-created_at,last_call,-last_call" doc:"Keys in order of weight, - for descending; the order of creation without. Accounts without a call come first under last_call."`
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
		page.Body.Next = s.cursor(list, position{Keys: last.keys, ID: string(last.account.ID)})
	}
	accounts := make([]*directory.Account, len(rows))
	for i, r := range rows {
		accounts[i] = r.account
	}
	page.Body.Items = s.renderAccounts(ctx, accounts)
	return page, nil
}

// accountRow is an account with its sort keys, which compare as text.
type accountRow struct {
	account *directory.Account
	keys    []string
}

// accountRows returns at least one row more than the page holds, if there is
// one, of those that follow the position.
func (s *Server) accountRows(ctx context.Context, in *listAccountsInput, at position) ([]accountRow, error) {
	var rows []accountRow
	after, enough := directory.AccountID(""), -1
	if len(in.Sort) == 0 {
		after, enough = directory.AccountID(at.ID), in.Limit+1
	}
	visible, query := s.visible(requestOf(ctx).principal), strings.ToLower(in.Query)
	s.view.Accounts(after, func(a *directory.Account) bool {
		if in.match(a, query) && (visible == nil || visible[a.ID]) {
			rows = append(rows, accountRow{account: a})
		}
		return len(rows) != enough
	})
	if len(in.Sort) == 0 {
		return rows, nil
	}
	if err := s.sortKeys(ctx, rows, in.Sort); err != nil {
		return nil, err
	}
	compare := func(a, b accountRow) int { return in.compare(a.keys, b.keys, a.account.ID, b.account.ID) }
	slices.SortFunc(rows, compare)
	if at.ID == "" {
		return rows, nil
	}
	if len(at.Keys) != len(in.Sort) {
		return nil, badCursor()
	}
	first := slices.IndexFunc(rows, func(r accountRow) bool {
		return in.compare(r.keys, at.Keys, r.account.ID, directory.AccountID(at.ID)) > 0
	})
	if first < 0 {
		return nil, nil
	}
	return rows[first:], nil
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

func (in *listAccountsInput) compare(a, b []string, ida, idb directory.AccountID) int {
	for i, key := range in.Sort {
		c := strings.Compare(a[i], b[i])
		if strings.HasPrefix(key, "-") {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(ida, idb)
}

func (s *Server) sortKeys(ctx context.Context, rows []accountRow, sort []string) error {
	// Fixed width, so that later is greater as text.
	const stamp = "2006-01-02T15:04:05.000000000Z"
	var last []activity
	for _, key := range sort {
		if strings.TrimPrefix(key, "-") != "last_call" || last != nil {
			continue
		}
		if len(rows) > maxLastCallSort {
			return badParameter("sort", "too_many_to_sort", "At most %d accounts can be sorted by last_call; narrow the list with q, status or parent.", maxLastCallSort)
		}
		ids := make([]directory.AccountID, len(rows))
		for i, r := range rows {
			ids[i] = r.account.ID
		}
		var err error
		if last, err = s.activity(ctx, ids); err != nil {
			return err
		}
	}
	for i, r := range rows {
		for _, key := range sort {
			value := ""
			switch strings.TrimPrefix(key, "-") {
			case "name":
				value = strings.ToLower(r.account.Name)
			case "created_at":
				// Ids tell the order within a millisecond.
				value = r.account.CreatedAt.UTC().Format(stamp) + string(r.account.ID)
			case "last_call":
				if last[i].call != nil {
					value = last[i].call.Format(stamp)
				}
			}
			rows[i].keys = append(rows[i].keys, value)
		}
	}
	return nil
}
