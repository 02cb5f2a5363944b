package directory

import (
	"cmp"
	"strings"
)

// AccountOrder is an order in which a view keeps all accounts. Those with the same
// key stand in the order of their ids.
type AccountOrder int

const (
	AccountsByID AccountOrder = iota
	AccountsByName
	AccountsByCreation
	accountOrders
)

// Compare compares two accounts by an order's key alone: names in lower case, the
// time of creation to the ns.
func (by AccountOrder) Compare(a, b *AccountRow) int {
	switch by {
	case AccountsByName:
		return strings.Compare(a.Name, b.Name)
	case AccountsByCreation:
		return cmp.Compare(a.Account.CreatedAt.UnixNano(), b.Account.CreatedAt.UnixNano())
	}
	return strings.Compare(string(a.ID), string(b.ID))
}

// plans orders the plans of accounts.
func (by AccountOrder) plans(a, b *plan) int {
	x, y := a.row(), b.row()
	if c := by.Compare(&x, &y); c != 0 {
		return c
	}
	return byAccountID(a, b)
}

// AccountWalk is a way through a view's accounts.
type AccountWalk struct {
	By AccountOrder
	// Descending begins with the greatest.
	Descending bool
	// From leaves out what stands before the first account with its key; nil
	// begins with the first of all.
	From *AccountRow
}

// rowsAtOnce is how many accounts are copied while the view is held: calls wait
// for no more.
const rowsAtOnce = 256

// AccountRows calls yield for accounts, some at a time, until it returns false or
// there are no more. The rows are yield's until it returns; it may take its time,
// and call the view. What changes meanwhile may be seen or not.
func (v *View) AccountRows(w AccountWalk, yield func([]AccountRow) bool) {
	rows := make([]AccountRow, 0, rowsAtOnce)
	last, from, begun := new(AccountRow), w.From, false
	for {
		rows = v.accountRows(w, from, begun, rows[:0])
		if len(rows) == 0 {
			return
		}
		*last = rows[len(rows)-1] // yield may change the rows
		if !yield(rows) || len(rows) < cap(rows) {
			return
		}
		from, begun = last, true
	}
}

// accountRows fills rows from a place on; where the walk has begun, from behind
// that very account.
func (v *View) accountRows(w AccountWalk, from *AccountRow, begun bool, rows []AccountRow) []AccountRow {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if w.By == AccountsByID && !w.Descending {
		if from == nil {
			from = new(AccountRow)
		}
		return v.table.from(from.ID, begun, rows)
	}
	passed := func(p *plan) bool {
		if from == nil {
			return false
		}
		row := p.row()
		c := w.By.Compare(&row, from)
		if c == 0 && begun {
			c = strings.Compare(string(p.id), string(from.ID))
			return w.Descending && c >= 0 || !w.Descending && c <= 0
		}
		return w.Descending && c > 0 || !w.Descending && c < 0
	}
	add := func(p *plan) bool {
		rows = append(rows, p.row())
		return len(rows) < cap(rows)
	}
	if w.Descending {
		v.orders[w.By].back(passed, add)
	} else {
		v.orders[w.By].from(passed, add)
	}
	return rows
}

// ChildAccounts returns up to limit of the accounts directly below one, in the
// order of their ids, beginning after the id given.
func (v *View) ChildAccounts(id, after AccountID, limit int) []*Account {
	v.mu.RLock()
	defer v.mu.RUnlock()
	p := v.accounts[id]
	if p == nil || p.children.len() == 0 || limit <= 0 {
		return nil
	}
	list := make([]*Account, 0, min(limit, p.children.len()))
	p.children.from(func(c *plan) bool { return c.id <= after }, func(c *plan) bool {
		list = append(list, c.account)
		return len(list) < limit
	})
	return list
}

// order puts an account that is there into all orders. A Loader sorts at the end.
func (x *index) order(p *plan) {
	if x.unsorted {
		x.orders[AccountsByID].append(p)
		return
	}
	for by := range accountOrders {
		x.orders[by].add(p, by.plans)
	}
	x.table.add(p.row())
}

// disorder takes it out again; it must still be what it was.
func (x *index) disorder(p *plan) {
	for by := range accountOrders {
		x.orders[by].remove(p, by.plans)
	}
	x.table.remove(p.id)
}

// sortAccounts makes all orders of what was appended to the first.
func (l *Loader) sortAccounts() {
	l.orders[AccountsByID].sort(byAccountID)
	count := l.orders[AccountsByID].len()
	for by := AccountsByID + 1; by < accountOrders; by++ {
		list := &l.orders[by]
		list.few = make([]*plan, 0, count)
		l.orders[AccountsByID].all(func(p *plan) bool { list.append(p); return true })
		list.sort(by.plans)
	}
	l.table.fill(&l.orders[AccountsByID])
}
