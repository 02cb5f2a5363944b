package directory

import (
	"slices"
	"strings"
	"sync"
)

// Loader gathers a whole directory for View.Replace. It is for one goroutine.
// Objects may come in any order, and more than once: of two the newer counts.
type Loader struct {
	index
	// listed are the numbers put so far. They are hung on their accounts and
	// found by id only from finish on: then it is known how many there are.
	listed []*record
	// unlent are those of them that have a trunk id of their own, since they came
	// before their trunk.
	unlent []*record
	// ids holds the ids of the next numbers: one block of memory for many.
	ids strings.Builder
	// plans and lenders are the accounts and trunks of the numbers being put; of a
	// trunk that is not there yet, nil.
	plans   []*plan
	lenders []*Trunk
}

// Room is how many objects a loader will get, about.
type Room struct{ Accounts, Trunks, Numbers, Interlinks int }

// Add makes room for n objects more of a kind.
func (r *Room) Add(k Kind, n int) {
	switch k {
	case KindAccount:
		r.Accounts += n
	case KindTrunk:
		r.Trunks += n
	case KindNumber:
		r.Numbers += n
	case KindInterlink:
		r.Interlinks += n
	}
}

// NewLoader returns an empty loader with room for so many objects.
func NewLoader(room Room) *Loader {
	l := &Loader{index: newIndex(room)}
	l.records.fresh = make([]record, max(0, room.Numbers))
	l.listed = make([]*record, 0, max(0, room.Numbers))
	l.unsorted = true
	return l
}

// Put adds an object. A number is copied, whatever memory its strings lie in;
// other objects are kept.
func (l *Loader) Put(o Object) {
	if n, ok := o.(*InternalNumber); ok {
		l.PutNumbers([]InternalNumber{*n})
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

// Size is how many objects there are.
func (l *Loader) Size() int {
	l.finish()
	return l.orders[AccountsByID].len() + len(l.trunks) + l.numbers.count() + len(l.links) + len(l.shelf.objects)
}

// PutNumbers is Put for many numbers, at half the price of each: what is looked up
// lies all over the memory, and where one look-up does not wait for the one before,
// the processor fetches for several at once. So every step is taken for all numbers
// before the next.
func (l *Loader) PutNumbers(numbers []InternalNumber) {
	l.findPlans(numbers)
	l.findTrunks(numbers)
	for i := range numbers {
		l.putNumber(&numbers[i], l.plans[i], l.lenders[i])
	}
}

// findPlans finds the numbers' accounts.
func (l *Loader) findPlans(numbers []InternalNumber) {
	l.plans = slices.Grow(l.plans[:0], len(numbers))[:len(numbers)]
	for i := range numbers {
		if id := numbers[i].Account; i > 0 && id == numbers[i-1].Account {
			l.plans[i] = l.plans[i-1] // they often come together
		} else {
			l.plans[i] = l.accounts[id]
		}
	}
	for i, p := range l.plans {
		if p == nil {
			l.plans[i] = l.plan(AccountID(strings.Clone(string(numbers[i].Account))))
		}
	}
}

// findTrunks finds the trunks that lend the numbers their ids, and counts the
// numbers of each account. Most accounts have one trunk.
func (l *Loader) findTrunks(numbers []InternalNumber) {
	l.lenders = slices.Grow(l.lenders[:0], len(numbers))[:len(numbers)]
	for i, p := range l.plans {
		l.lenders[i] = nil
		if len(p.trunks) > 0 {
			l.lenders[i] = p.trunks[0]
		}
		p.listing.numbers++
		if numbers[i].Number.Single() {
			p.listing.singles++
		}
	}
	for i, t := range l.lenders {
		if t != nil && t.ID != numbers[i].Trunk {
			l.lenders[i] = l.plans[i].trunk(numbers[i].Trunk)
		}
	}
}

func (l *Loader) putNumber(n *InternalNumber, p *plan, lender *Trunk) {
	r := l.records.take()
	r.set(n, p)
	if lender != nil {
		r.trunk = lender.ID
	} else {
		r.trunk = TrunkID(strings.Clone(string(n.Trunk)))
		l.unlent = append(l.unlent, r)
	}
	r.id = l.keep(n.ID)
	if r.extra != nil {
		r.extra.label, r.extra.user = strings.Clone(n.Label), strings.Clone(n.User)
	}
	l.listed = append(l.listed, r)
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
	l.plans, l.lenders = nil, nil
	var twice []*record
	var done sync.WaitGroup
	done.Go(func() { twice = l.numbers.addAll(l.listed) })
	done.Go(l.sortAccounts)
	for _, r := range l.unlent {
		r.borrow()
	}
	l.unlent = nil
	l.listNumbers()
	done.Wait()
	l.settle(twice)
	l.listed = nil
	l.share()
}

// listNumbers hangs the numbers on their accounts. Those of many accounts share
// a block of memory: two allocations an account would take longer than the rest.
func (l *Loader) listNumbers() {
	var numbers, blocks []*record
	var singles []single
	for _, p := range l.accounts {
		n, s := int(p.listing.numbers), int(p.listing.singles)
		p.numbers.few, numbers = cutBlock(numbers, n)
		p.singles.few, singles = cutBlock(singles, s)
		p.blocks.few, blocks = cutBlock(blocks, n-s)
		p.listing = listing{}
	}
	for _, r := range l.listed {
		p := r.plan
		p.numbers.append(r)
		if r.number.Single() {
			p.singles.append(single{r.number.lo.rank(), r})
		} else {
			p.blocks.append(r)
		}
	}
	for _, p := range l.accounts {
		p.sort()
	}
}

// listBlock is how many list entries share a block of memory. An account's part
// of it is given back with all others of the block.
const listBlock = 512

// cutBlock returns an empty list with room for n, and what is left of the block.
func cutBlock[T any](block []T, n int) (list, rest []T) {
	if n == 0 {
		return nil, block
	}
	if n > len(block) {
		if n > listBlock/8 {
			return make([]T, 0, n), block
		}
		block = make([]T, listBlock)
	}
	return block[:0:n], block[n:]
}

// settle drops all but the newest record of each number that came more than
// once.
func (l *Loader) settle(twice []*record) {
	older, plans := map[*record]bool{}, map[*plan]bool{}
	for _, r := range twice {
		there := l.numbers.slot(r.id)
		if r.version > (*there).version {
			*there, r = r, *there
		}
		older[r], plans[r.plan] = true, true
	}
	for p := range plans {
		p.numbers.cull(func(r *record) bool { return older[r] })
		p.singles.cull(func(s single) bool { return older[s.record] })
		p.blocks.cull(func(r *record) bool { return older[r] })
		l.prune(p.id)
	}
	for r := range older {
		l.records.put(r)
	}
}
