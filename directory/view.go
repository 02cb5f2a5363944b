package directory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// View is the whole directory in memory, with the indexes routing and the API
// read. One writer (the store's watch) applies changes; any number of readers
// look things up. A lookup takes no allocation.
type View struct {
	mu        sync.RWMutex
	accounts  map[AccountID]*plan
	trunks    map[TrunkID]*Trunk
	numbers   map[NumberID]*InternalNumber
	links     map[InterlinkID]*Interlink
	keys      map[string]InterlinkID
	realms    map[string]AccountID
	order     []AccountID // sorted
	sources   sourceTable
	seq       uint64
	changedAt time.Time
	// advanced is closed and replaced whenever seq moves.
	advanced chan struct{}
}

// plan is one account with all that hangs on it.
type plan struct {
	account *Account
	limits  *Limits
	// singles are the numbers dialled exactly, sorted by what is dialled; blocks
	// are the others, most specific first.
	singles  []single
	blocks   []*InternalNumber
	numbers  []*InternalNumber // sorted by ID
	trunks   []*Trunk          // sorted by ID
	links    []*Interlink      // sorted by ID
	children int
}

// NewView returns an empty view at sequence 0.
func NewView() *View {
	v := &View{advanced: make(chan struct{})}
	v.reset()
	return v
}

func (v *View) reset() {
	v.accounts = map[AccountID]*plan{}
	v.trunks = map[TrunkID]*Trunk{}
	v.numbers = map[NumberID]*InternalNumber{}
	v.links = map[InterlinkID]*Interlink{}
	v.keys = map[string]InterlinkID{}
	v.realms = map[string]AccountID{}
	v.order = nil
	v.sources = sourceTable{}
}

// Delta is one object's new state in a change stream entry.
type Delta struct {
	Ref Ref
	// After is nil when the object was deleted.
	After Object
}

// Apply carries out one change stream entry: all of its deltas, in whatever
// order, become visible to readers together. Entries come in the order of their
// numbers; one that the view has already is skipped whole, so that an entry may
// be applied twice. A put not newer than what the view holds is skipped too: what
// was loaded may be ahead of the entries that follow it.
func (v *View) Apply(seq uint64, at time.Time, deltas []Delta) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if seq <= v.seq {
		return
	}
	for _, d := range deltas {
		v.applyOne(d)
	}
	v.advance(seq, at)
}

// Load replaces everything by the objects given, as of sequence seq.
func (v *View) Load(seq uint64, at time.Time, objects []Object) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reset()
	for _, d := range loadOrder(objects) {
		v.applyOne(d)
	}
	v.advance(seq, at)
}

// loadOrder puts objects into an order in which each finds what it requires, and
// each sorted list of the view grows at its end: a million insertions elsewhere
// would take minutes.
func loadOrder(objects []Object) []Delta {
	deltas := make([]Delta, 0, len(objects))
	for _, k := range kinds {
		first := len(deltas)
		for _, o := range objects {
			if ref := o.Ref(); ref.Kind == k {
				deltas = append(deltas, Delta{ref, o})
			}
		}
		slices.SortFunc(deltas[first:], func(a, b Delta) int { return strings.Compare(a.Ref.ID, b.Ref.ID) })
	}
	return deltas
}

func (v *View) advance(seq uint64, at time.Time) {
	v.seq, v.changedAt = seq, at
	close(v.advanced)
	v.advanced = make(chan struct{})
}

// Seq returns the sequence number of the last entry applied, and when that was
// written.
func (v *View) Seq() (uint64, time.Time) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.seq, v.changedAt
}

// WaitFor returns once the view has applied the entry seq, or with the
// context's error.
func (v *View) WaitFor(ctx context.Context, seq uint64) error {
	for {
		v.mu.RLock()
		have, advanced := v.seq, v.advanced
		v.mu.RUnlock()
		if have >= seq {
			return nil
		}
		select {
		case <-advanced:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (v *View) applyOne(d Delta) {
	switch d.Ref.Kind {
	case KindAccount:
		after, _ := d.After.(*Account)
		v.setAccount(AccountID(d.Ref.ID), after)
	case KindLimits:
		after, _ := d.After.(*Limits)
		v.setLimits(AccountID(d.Ref.ID), after)
	case KindTrunk:
		after, _ := d.After.(*Trunk)
		v.setTrunk(TrunkID(d.Ref.ID), after)
	case KindNumber:
		after, _ := d.After.(*InternalNumber)
		v.setNumber(NumberID(d.Ref.ID), after)
	case KindInterlink:
		after, _ := d.After.(*Interlink)
		v.setInterlink(InterlinkID(d.Ref.ID), after)
	}
}

// plan returns the account's plan, made when missing: a delta may name an
// account whose own delta comes later in the same entry.
func (v *View) plan(id AccountID) *plan {
	p := v.accounts[id]
	if p == nil {
		p = &plan{}
		v.accounts[id] = p
	}
	return p
}

// prune forgets an account's plan once nothing is left in it, in whatever order
// an entry deletes the account and what hangs on it.
func (v *View) prune(id AccountID) {
	if p := v.accounts[id]; p != nil && p.account == nil && p.limits == nil && p.children == 0 &&
		len(p.numbers)+len(p.trunks)+len(p.links) == 0 {
		delete(v.accounts, id)
	}
}

func (v *View) setAccount(id AccountID, after *Account) {
	p := v.plan(id)
	before := p.account
	if before != nil && after != nil && after.Version <= before.Version {
		return
	}
	if before != nil {
		if realm := strings.ToLower(before.Realm); v.realms[realm] == id {
			delete(v.realms, realm)
		}
		if before.Parent != "" {
			v.plan(before.Parent).children--
			v.prune(before.Parent)
		}
	}
	p.account = after
	if after == nil {
		if i, ok := slices.BinarySearch(v.order, id); ok {
			v.order = slices.Delete(v.order, i, i+1)
		}
		v.prune(id)
		return
	}
	if before == nil {
		i, _ := slices.BinarySearch(v.order, id)
		v.order = slices.Insert(v.order, i, id)
	}
	v.realms[strings.ToLower(after.Realm)] = id
	if after.Parent != "" {
		v.plan(after.Parent).children++
	}
}

func (v *View) setLimits(id AccountID, after *Limits) {
	p := v.plan(id)
	if p.limits != nil && after != nil && after.Version <= p.limits.Version {
		return
	}
	p.limits = after
	v.prune(id)
}

func (v *View) setTrunk(id TrunkID, after *Trunk) {
	before := v.trunks[id]
	if before != nil && after != nil && after.Version <= before.Version {
		return
	}
	if before != nil {
		for _, s := range before.Sources {
			v.sources.remove(s, id)
		}
		p := v.plan(before.Account)
		p.trunks = without(p.trunks, before)
		delete(v.trunks, id)
		v.prune(before.Account)
	}
	if after == nil {
		return
	}
	for _, s := range after.Sources {
		v.sources.add(s, after)
	}
	v.trunks[id] = after
	p := v.plan(after.Account)
	p.trunks = with(p.trunks, after)
}

func (v *View) setNumber(id NumberID, after *InternalNumber) {
	before := v.numbers[id]
	if before != nil && after != nil && after.Version <= before.Version {
		return
	}
	if before != nil {
		p := v.plan(before.Account)
		p.numbers = without(p.numbers, before)
		if before.Number.Single() {
			p.singles = cut(p.singles, single{keyOf(before.Number.lo), before}, byKey)
		} else {
			p.blocks = cut(p.blocks, before, moreSpecific)
		}
		delete(v.numbers, id)
		v.prune(before.Account)
	}
	if after == nil {
		return
	}
	after = v.shared(after)
	v.numbers[after.ID] = after
	p := v.plan(after.Account)
	p.numbers = with(p.numbers, after)
	if after.Number.Single() {
		p.singles = put(p.singles, single{keyOf(after.Number.lo), after}, byKey)
	} else {
		p.blocks = put(p.blocks, after, moreSpecific)
	}
}

// shared returns a copy of n that refers to its trunk and account by the memory
// of their own ids: with a million numbers, copies of those take 64 MB.
func (v *View) shared(n *InternalNumber) *InternalNumber {
	t := v.trunks[n.Trunk]
	if t == nil || t.Account != n.Account {
		return n
	}
	c := *n
	c.Trunk, c.Account = t.ID, t.Account
	return &c
}

// single is a number dialled exactly. The key lies beside the pointer so that a
// search reads one stretch of memory, not a number per step.
type single struct {
	key    uint64
	number *InternalNumber
}

// keyOf packs a number, which has MaxNumberLength characters at most.
func keyOf(number string) (key uint64) {
	for i := range min(len(number), MaxNumberLength) {
		key |= uint64(number[i]) << (56 - 8*i)
	}
	return key
}

// byKey orders single numbers; two have the same key only while an entry that
// replaces one by the other is being applied.
func byKey(a, b single) int {
	return cmp.Or(cmp.Compare(a.key, b.key), strings.Compare(string(a.number.ID), string(b.number.ID)))
}

// moreSpecific orders blocks: fewer numbers first, then the older object.
func moreSpecific(a, b *InternalNumber) int {
	return cmp.Or(cmp.Compare(a.Number.Size(), b.Number.Size()), cmp.Compare(a.ID, b.ID))
}

func (v *View) setInterlink(id InterlinkID, after *Interlink) {
	before := v.links[id]
	if before != nil && after != nil && after.Version <= before.Version {
		return
	}
	if before != nil {
		for _, r := range before.Requires() {
			p := v.plan(AccountID(r.ID))
			// Links hands the list out beyond the lock: never changed in place.
			p.links = without(slices.Clone(p.links), before)
			v.prune(AccountID(r.ID))
		}
		if v.keys[before.Secret.KeyHash] == id {
			delete(v.keys, before.Secret.KeyHash)
		}
		delete(v.links, id)
	}
	if after == nil {
		return
	}
	v.links[id] = after
	if after.Secret.KeyHash != "" {
		v.keys[after.Secret.KeyHash] = id
	}
	for _, r := range after.Requires() {
		p := v.plan(AccountID(r.ID))
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
