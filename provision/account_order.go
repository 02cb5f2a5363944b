package provision

import (
	"cmp"
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

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
		if key.name != "last_call" {
			for _, r := range rows {
				r.keys[k] = s.sortKeyOf(r.account, key.name)
			}
			continue
		}
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
	return rows, nil
}

// sortKeyOf is a sort key that the directory knows.
func (s *Server) sortKeyOf(a *directory.Account, name string) sortKey {
	switch name {
	case "name":
		return sortKey{text: strings.ToLower(a.Name)}
	case "status":
		return sortKey{text: accountStatus(a)}
	case "provider":
		if _, p := s.connection(a.ID); p != nil {
			return sortKey{text: strings.ToLower(p.Name)}
		}
	case "created_at":
		// Ids tell the order within a millisecond.
		return sortKey{a.CreatedAt.UnixNano(), string(a.ID)}
	case "last_login":
		if at := s.newestLogin(a.ID); at != nil {
			return sortKey{n: at.UnixMilli()}
		}
		return sortKey{n: never}
	}
	return sortKey{}
}

func (s *Server) lastCalls(ctx context.Context, accounts []*directory.Account) ([]time.Time, error) {
	ids := make([]directory.AccountID, len(accounts))
	for i, a := range accounts {
		ids[i] = a.ID
	}
	return s.cfg.CallLog.LastCalls(ctx, ids)
}
