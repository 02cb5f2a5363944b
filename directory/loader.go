package directory

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Loader gathers a whole directory for View.Replace. It is for one goroutine.
// Objects may come in any order, and more than once: of two the newer counts. It
// takes least memory when they come in the order of Kinds.
type Loader struct {
	index
	// ids holds the ids of the next numbers: one block of memory for many.
	ids strings.Builder
	// last is the account of the last number: they often come together.
	last *plan
}

// NewLoader returns an empty loader with room for so many numbers.
func NewLoader(numbers int) *Loader {
	l := &Loader{index: newIndex(numbers)}
	l.records.fresh = make([]record, max(0, numbers))
	l.unsorted = true
	return l
}

// Put adds an object. A number is copied, whatever memory its strings lie in;
// other objects are kept.
func (l *Loader) Put(o Object) {
	if n, ok := o.(*InternalNumber); ok {
		l.putNumber(n)
		return
	}
	l.put(Delta{o.Ref(), o})
}

// Apply carries out one change stream entry upon what was put before.
func (l *Loader) Apply(deltas []Delta) {
	l.finish()
	for _, d := range deltas {
		l.put(d)
	}
}

// Size is how many accounts, trunks, numbers and interlinks there are.
func (l *Loader) Size() int {
	return l.order.len() + len(l.trunks) + l.numbers.count + len(l.links)
}

func (l *Loader) putNumber(n *InternalNumber) {
	c := *n
	c.Label, c.User = strings.Clone(n.Label), strings.Clone(n.User)
	if l.last == nil || l.last.id != n.Account {
		if l.last = l.accounts[n.Account]; l.last == nil {
			l.last = l.plan(AccountID(strings.Clone(string(n.Account))))
		}
	}
	if !slices.ContainsFunc(l.last.trunks, func(t *Trunk) bool { return t.ID == n.Trunk }) {
		c.Trunk = TrunkID(strings.Clone(string(n.Trunk)))
	}
	r := l.records.take()
	r.id = n.ID
	there := l.numbers.add(r)
	if there == nil {
		c.ID = l.keep(n.ID)
		r.set(&c, l.last)
		l.list(r)
		return
	}
	l.records.put(r)
	if c.Version > there.version {
		c.Account = l.last.id
		l.editNumber(there, &c)
		l.last = nil // it may have gone
	}
}

// idBlock is the octets of ids that share a block of memory; the block stays
// until the last of them goes.
const idBlock = 1024

// keep returns a copy of an id.
func (l *Loader) keep(id NumberID) NumberID {
	if l.ids.Cap()-l.ids.Len() < len(id) {
		l.ids.Reset()
		l.ids.Grow(max(idBlock, len(id)))
	}
	from := l.ids.Len()
	l.ids.WriteString(string(id))
	return NumberID(l.ids.String()[from:])
}

// finish puts everything into order, on two cores where there are.
func (l *Loader) finish() {
	if !l.unsorted {
		return
	}
	l.unsorted = false
	plans := slices.Collect(maps.Values(l.accounts))
	var done sync.WaitGroup
	half := len(plans) / 2
	done.Go(func() { sortPlans(plans[:half]) })
	sortPlans(plans[half:])
	l.order.sort(cmp.Compare)
	done.Wait()
}

func sortPlans(plans []*plan) {
	for _, p := range plans {
		p.sort()
	}
}
