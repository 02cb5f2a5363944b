package directory

import (
	"cmp"
	"context"
	"net/netip"
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
	// single finds a number dialled exactly; blocks are the others, most
	// specific first.
	single   map[string]*InternalNumber
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

// Apply carries out one change stream entry: all of its deltas become visible
// to readers together. A put older than what the view holds is skipped, so that
// an entry may be applied twice.
func (v *View) Apply(seq uint64, at time.Time, deltas []Delta) {
	v.mu.Lock()
	defer v.mu.Unlock()
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
	for _, o := range objects {
		v.applyOne(Delta{Ref: o.Ref(), After: o})
	}
	v.seq = 0
	v.advance(seq, at)
}

func (v *View) advance(seq uint64, at time.Time) {
	if seq <= v.seq {
		return
	}
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
		delete(v.realms, strings.ToLower(before.Realm))
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
			delete(p.single, before.Number.lo)
		} else {
			p.blocks = slices.DeleteFunc(p.blocks, func(n *InternalNumber) bool { return n.ID == id })
		}
		delete(v.numbers, id)
		v.prune(before.Account)
	}
	if after == nil {
		return
	}
	v.numbers[id] = after
	p := v.plan(after.Account)
	p.numbers = with(p.numbers, after)
	if after.Number.Single() {
		if p.single == nil {
			p.single = map[string]*InternalNumber{}
		}
		p.single[after.Number.lo] = after
		return
	}
	i, _ := slices.BinarySearchFunc(p.blocks, after, moreSpecific)
	p.blocks = slices.Insert(p.blocks, i, after)
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
		delete(v.keys, before.Secret.KeyHash)
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
func with[T Object](list []T, o T) []T {
	i, _ := slices.BinarySearchFunc(list, o, byID[T])
	return slices.Insert(list, i, o)
}

func without[T Object](list []T, o T) []T {
	if i, ok := slices.BinarySearchFunc(list, o, byID[T]); ok {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// sourceTable finds the trunk that sends from an address: an exact address and
// port first, then the longest prefix.
type sourceTable struct {
	exact    map[netip.AddrPort]*Trunk
	prefixes map[netip.Prefix]*Trunk
	// lengths holds the prefix lengths in use, longest first, by family.
	lengths4, lengths6 []int
}

func (t *sourceTable) add(s Source, trunk *Trunk) {
	if s.Port != 0 {
		if t.exact == nil {
			t.exact = map[netip.AddrPort]*Trunk{}
		}
		t.exact[netip.AddrPortFrom(s.Prefix.Addr(), s.Port)] = trunk
		return
	}
	if t.prefixes == nil {
		t.prefixes = map[netip.Prefix]*Trunk{}
	}
	t.prefixes[s.Prefix] = trunk
	lengths := &t.lengths4
	if s.Prefix.Addr().Is6() {
		lengths = &t.lengths6
	}
	descending := func(a, b int) int { return b - a }
	if i, ok := slices.BinarySearchFunc(*lengths, s.Prefix.Bits(), descending); !ok {
		*lengths = slices.Insert(*lengths, i, s.Prefix.Bits())
	}
}

// remove leaves a prefix length in use behind: a lookup that finds nothing at
// it costs a few nanoseconds, counting its users would cost more code.
func (t *sourceTable) remove(s Source, id TrunkID) {
	if s.Port != 0 {
		if ap := netip.AddrPortFrom(s.Prefix.Addr(), s.Port); t.exact[ap] != nil && t.exact[ap].ID == id {
			delete(t.exact, ap)
		}
		return
	}
	if t.prefixes[s.Prefix] != nil && t.prefixes[s.Prefix].ID == id {
		delete(t.prefixes, s.Prefix)
	}
}

func (t *sourceTable) find(ap netip.AddrPort) *Trunk {
	addr := ap.Addr().Unmap()
	if trunk := t.exact[netip.AddrPortFrom(addr, ap.Port())]; trunk != nil {
		return trunk
	}
	lengths := t.lengths4
	if addr.Is6() {
		lengths = t.lengths6
	}
	for _, bits := range lengths {
		p, err := addr.Prefix(bits)
		if err != nil {
			continue
		}
		if trunk := t.prefixes[p]; trunk != nil {
			return trunk
		}
	}
	return nil
}
