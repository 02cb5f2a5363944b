package directory

import (
	"cmp"
	"slices"
	"strings"
)

// index is all objects and the ways to find them.
type index struct {
	accounts map[AccountID]*plan
	trunks   map[TrunkID]*Trunk
	numbers  *idTable
	links    map[InterlinkID]*Interlink
	keys     map[string]InterlinkID
	realms   map[string]AccountID
	orders   [accountOrders]sortedList[*plan] // of accounts
	table    accountTable
	sources  sourceTable
	records  recordPool
	limited  int // accounts with limits
	shelf    shelf
	// sharedPlans are those of the federations, federations their ids in order.
	sharedPlans map[FederationID]*sharedPlan
	federations sortedList[FederationID]
	// unsorted lets a Loader add accounts at the end of the list that is sorted
	// otherwise.
	unsorted bool
}

// plan is one account with all that hangs on it. What a lookup reads comes
// first, to lie in one line of the cache.
type plan struct {
	id AccountID
	// singles are the numbers dialled exactly, sorted by what is dialled; blocks
	// are the others, most specific first.
	singles sortedList[single]
	blocks  sortedList[*record]
	account *Account
	// name, connection and login are what an AccountRow tells beside the account.
	name       string // in lower case
	connection *Connection
	login      int64
	limits     *Limits
	numbers    sortedList[*record] // sorted by ID
	trunks     []*Trunk            // sorted by ID
	listing    listing
	links      []*Interlink      // sorted by ID
	children   sortedList[*plan] // sorted by id
	// shared is the plan of the federation that the account belongs to by the
	// membership member; nil for none.
	shared *sharedPlan
	member MembershipID
}

// listing counts an account's numbers while a Loader gathers them.
type listing struct{ numbers, singles int32 }

// newIndex returns an empty index with room for about so many objects.
func newIndex(room Room) index {
	return index{
		accounts: make(map[AccountID]*plan, room.Accounts), trunks: make(map[TrunkID]*Trunk, room.Trunks), numbers: newIDTable(room.Numbers),
		links: make(map[InterlinkID]*Interlink, room.Interlinks), keys: map[string]InterlinkID{}, realms: make(map[string]AccountID, room.Accounts),
		shelf: newShelf(), sharedPlans: map[FederationID]*sharedPlan{},
	}
}

func (x *index) put(d Delta) {
	switch d.Ref.Kind {
	case KindAccount:
		after, _ := d.After.(*Account)
		x.setAccount(AccountID(d.Ref.ID), after)
	case KindLimits:
		after, _ := d.After.(*Limits)
		x.setLimits(AccountID(d.Ref.ID), after)
	case KindTrunk:
		after, _ := d.After.(*Trunk)
		x.setTrunk(TrunkID(d.Ref.ID), after)
	case KindNumber:
		after, _ := d.After.(*InternalNumber)
		x.setNumber(NumberID(d.Ref.ID), after)
	case KindInterlink:
		after, _ := d.After.(*Interlink)
		x.setInterlink(InterlinkID(d.Ref.ID), after)
	case KindFederation:
		x.setFederation(d)
	case KindMembership:
		x.setMembership(d)
	case KindUser:
		x.setUser(d)
	case KindConnection:
		x.setConnection(d)
	default:
		x.shelf.put(d)
	}
}

// plan returns the account's plan, made when missing: a delta may name an
// account whose own delta comes later in the same entry.
func (x *index) plan(id AccountID) *plan {
	p := x.accounts[id]
	if p == nil {
		p = &plan{id: id}
		x.accounts[id] = p
	}
	return p
}

func byAccountID(a, b *plan) int { return cmp.Compare(a.id, b.id) }

// prune forgets an account's plan once nothing is left in it, in whatever order
// an entry deletes the account and what hangs on it.
func (x *index) prune(id AccountID) {
	if p := x.accounts[id]; p != nil && p.account == nil && p.limits == nil && p.shared == nil && p.connection == nil && p.login == 0 &&
		p.children.len()+p.numbers.len()+len(p.trunks)+len(p.links) == 0 {
		delete(x.accounts, id)
	}
}

func (x *index) setAccount(id AccountID, after *Account) {
	p := x.plan(id)
	before := p.account
	if before != nil && after != nil && after.Version <= before.Version {
		return
	}
	moved := before == nil || after == nil || before.Name != after.Name || before.Realm != after.Realm ||
		!before.CreatedAt.Equal(after.CreatedAt)
	if before != nil {
		if realm := strings.ToLower(before.Realm); x.realms[realm] == id {
			delete(x.realms, realm)
		}
		if above := x.accounts[before.Parent]; above != nil {
			above.children.remove(p, byAccountID)
			x.prune(before.Parent)
		}
		if moved && !x.unsorted {
			x.disorder(p)
		}
	}
	if p.account = after; moved {
		p.name = lowerName(after)
	}
	if after == nil {
		x.prune(id)
		return
	}
	switch {
	case before == nil || moved && !x.unsorted:
		x.order(p)
	case !x.unsorted:
		x.table.set(p.row())
	}
	x.realms[strings.ToLower(after.Realm)] = id
	if after.Parent != "" {
		x.plan(after.Parent).children.add(p, byAccountID)
	}
}

func lowerName(a *Account) string {
	if a == nil {
		return ""
	}
	return strings.ToLower(a.Name)
}

func (x *index) setLimits(id AccountID, after *Limits) {
	p := x.plan(id)
	if p.limits != nil && after != nil && after.Version <= p.limits.Version {
		return
	}
	if p.limits != nil {
		x.limited--
	}
	if after != nil {
		x.limited++
	}
	p.limits = after
	x.prune(id)
}

func (x *index) setTrunk(id TrunkID, after *Trunk) {
	before := x.trunks[id]
	if before != nil && after != nil && after.Version <= before.Version {
		return
	}
	if before != nil {
		for _, s := range before.Sources {
			x.sources.remove(s, id)
		}
		p := x.plan(before.Account)
		p.trunks = without(p.trunks, before)
		delete(x.trunks, id)
		x.prune(before.Account)
	}
	if after == nil {
		return
	}
	for _, s := range after.Sources {
		x.sources.add(s, after)
	}
	x.trunks[id] = after
	p := x.plan(after.Account)
	p.trunks = with(p.trunks, after)
}

func (x *index) setInterlink(id InterlinkID, after *Interlink) {
	before := x.links[id]
	if before != nil && after != nil && after.Version <= before.Version {
		return
	}
	if before != nil {
		for _, r := range before.Requires() {
			p := x.plan(AccountID(r.ID))
			// Links hands the list out beyond the lock: never changed in place.
			p.links = without(slices.Clone(p.links), before)
			x.prune(AccountID(r.ID))
		}
		if x.keys[before.Secret.KeyHash] == id {
			delete(x.keys, before.Secret.KeyHash)
		}
		delete(x.links, id)
	}
	if after == nil {
		return
	}
	x.links[id] = after
	if after.Secret.KeyHash != "" {
		x.keys[after.Secret.KeyHash] = id
	}
	for _, r := range after.Requires() {
		p := x.plan(AccountID(r.ID))
		p.links = with(slices.Clone(p.links), after)
	}
}

// byID orders objects by their sortable id.
func byID[T Object](a, b T) int { return strings.Compare(a.Ref().ID, b.Ref().ID) }

// with and without return a list sorted by id with o added or taken out.
func with[T Object](list []T, o T) []T    { return put(list, o, byID) }
func without[T Object](list []T, o T) []T { return cut(list, o, byID) }

// put and cut do so for a list in another order.
func put[T any](list []T, o T, order func(a, b T) int) []T {
	i, _ := slices.BinarySearchFunc(list, o, order)
	return slices.Insert(list, i, o)
}

func cut[T any](list []T, o T, order func(a, b T) int) []T {
	if i, ok := slices.BinarySearchFunc(list, o, order); ok {
		return slices.Delete(list, i, i+1)
	}
	return list
}
