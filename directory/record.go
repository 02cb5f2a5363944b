package directory

import (
	"cmp"
	"strings"
	"time"
)

// record is an internal number as a view keeps it: half the size of an
// InternalNumber, which is made of it for who asks. Nobody outside the view's
// lock holds a record; what is written to it is not seen by readers of copies.
type record struct {
	id   NumberID
	plan *plan
	// trunk shares the memory of the trunk's own id where it can.
	trunk   TrunkID
	number  Pattern
	version uint64
	// created is in ns since 1970 in UTC; where extra has a time, that counts.
	created          int64
	extra            *extra // nil for most
	private, enabled bool
}

// extra is what few numbers have.
type extra struct {
	label, user string
	// created counts where odd: it is not in UTC, or beyond what ns can tell.
	created time.Time
	odd     bool
}

// set writes a number into a record.
func (r *record) set(n *InternalNumber, p *plan) {
	*r = record{id: n.ID, plan: p, trunk: n.Trunk, number: n.Number, version: n.Version, private: n.Private, enabled: n.Enabled}
	odd := n.CreatedAt.Year() < 1970 || n.CreatedAt.Year() > 2200 || n.CreatedAt != time.Unix(0, n.CreatedAt.UnixNano()).UTC()
	if !odd {
		r.created = n.CreatedAt.UnixNano()
	}
	if odd || n.Label != "" || n.User != "" {
		r.extra = &extra{label: n.Label, user: n.User, odd: odd}
		if odd {
			r.extra.created = n.CreatedAt
		}
	}
}

// borrow has a trunk of the account lend its own id: a million copies of those
// would take 32 MB.
func (r *record) borrow() {
	if t := r.plan.trunk(r.trunk); t != nil {
		r.trunk = t.ID
	}
}

// trunk returns the account's trunk of an id; nil where there is none, yet.
func (p *plan) trunk(id TrunkID) *Trunk {
	for _, t := range p.trunks {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// full returns the number as the API knows it.
func (r *record) full() *InternalNumber {
	n := &InternalNumber{ID: r.id, Account: r.plan.id, Number: r.number, Trunk: r.trunk, Private: r.private, Enabled: r.enabled, Version: r.version}
	if r.extra == nil || !r.extra.odd {
		n.CreatedAt = time.Unix(0, r.created).UTC()
	}
	if r.extra != nil {
		n.Label, n.User = r.extra.label, r.extra.user
		if r.extra.odd {
			n.CreatedAt = r.extra.created
		}
	}
	return n
}

// Match is an internal number as a call finds it.
type Match struct {
	ID     NumberID
	Number Pattern
	// Trunk takes the call.
	Trunk TrunkID
	// User replaces the dialled number; empty keeps it.
	User    string
	Private bool
}

func (r *record) match() Match {
	m := Match{ID: r.id, Number: r.number, Trunk: r.trunk, Private: r.private}
	if r.extra != nil {
		m.User = r.extra.user
	}
	return m
}

// find returns the most specific enabled number that covers a dialled one.
func (p *plan) find(dialled packed) *record {
	if r := p.single(dialled.rank()); r != nil && r.enabled {
		return r
	}
	for n := range p.blocks.parts() {
		for _, r := range p.blocks.part(n) {
			if r.enabled && r.number.covers(dialled) {
				return r
			}
		}
	}
	return nil
}

// single returns the number dialled exactly so. This is written out, not by
// sortedList.from: every call comes here.
func (p *plan) single(key rank) *record {
	list := p.singles.few
	if p.singles.many != nil {
		parts := p.singles.many.list
		low, high := 0, len(parts)-1
		for low < high {
			if mid := (low + high) / 2; parts[mid][len(parts[mid])-1].key < key {
				low = mid + 1
			} else {
				high = mid
			}
		}
		list = parts[low]
	}
	low, high := 0, len(list)
	for low < high {
		if mid := (low + high) / 2; list[mid].key < key {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low < len(list) && list[low].key == key {
		return list[low].record
	}
	return nil
}

// single is a number dialled exactly. The key lies beside the pointer so that a
// search reads one stretch of memory, not a number per step.
type single struct {
	key    rank
	record *record
}

// byKey orders single numbers; two have the same key only while an entry that
// replaces one by the other is being applied.
func byKey(a, b single) int {
	return cmp.Or(cmp.Compare(a.key, b.key), byNumberID(a.record, b.record))
}

func byNumberID(a, b *record) int { return strings.Compare(string(a.id), string(b.id)) }

// moreSpecific orders blocks: fewer numbers first, then the older object.
func moreSpecific(a, b *record) int {
	return cmp.Or(cmp.Compare(a.number.Size(), b.number.Size()), byNumberID(a, b))
}

// recordPool gives out records, many from one block of memory; one that is
// given back is used again.
type recordPool struct {
	free  []*record
	fresh []record
}

const recordBlock = 128

func (p *recordPool) take() *record {
	if n := len(p.free); n > 0 {
		r := p.free[n-1]
		p.free = p.free[:n-1]
		return r
	}
	if len(p.fresh) == 0 {
		p.fresh = make([]record, recordBlock)
	}
	r := &p.fresh[0]
	p.fresh = p.fresh[1:]
	return r
}

func (p *recordPool) put(r *record) {
	*r = record{}
	p.free = append(p.free, r)
}

// list adds a record to its account's lists.
func (x *index) list(r *record) {
	p := r.plan
	if r.number.Single() {
		p.singles.add(single{r.number.lo.rank(), r}, byKey)
	} else {
		p.blocks.add(r, moreSpecific)
	}
	p.numbers.add(r, byNumberID)
	if p.shared != nil {
		p.shared.add(r)
	}
}

// unlist takes a record out of its account's lists.
func (x *index) unlist(r *record) {
	p := r.plan
	p.numbers.remove(r, byNumberID)
	if r.number.Single() {
		p.singles.remove(single{r.number.lo.rank(), r}, byKey)
	} else {
		p.blocks.remove(r, moreSpecific)
	}
	if p.shared != nil {
		p.shared.remove(r)
	}
}

// sort puts the lists of numbers into order and gives spare memory back.
func (p *plan) sort() {
	p.numbers.sort(byNumberID)
	p.singles.sort(byKey)
	p.blocks.sort(moreSpecific)
}

func (x *index) setNumber(id NumberID, after *InternalNumber) {
	r := x.numbers.get(id)
	switch {
	case r == nil && after == nil:
	case r == nil:
		x.addNumber(x.plan(after.Account), after)
	case after == nil:
		p := r.plan
		x.unlist(r)
		x.numbers.remove(id)
		x.records.put(r)
		x.prune(p.id)
	case after.Version > r.version:
		x.editNumber(r, after)
	}
}

func (x *index) addNumber(p *plan, n *InternalNumber) {
	r := x.records.take()
	r.set(n, p)
	r.borrow()
	x.numbers.add(r)
	x.list(r)
}

func (x *index) editNumber(r *record, after *InternalNumber) {
	before, id := r.plan, r.id
	relist := before.id != after.Account || r.number != after.Number || before.shared != nil && r.private != after.Private
	if relist {
		x.unlist(r)
	}
	r.set(after, x.plan(after.Account))
	r.borrow()
	r.id = id
	if relist {
		x.list(r)
		x.prune(before.id)
	}
}
