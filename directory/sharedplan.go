package directory

import (
	"cmp"
	"strings"
)

// sharedPlan finds what the members of one federation offer each other, at a
// cost that does not grow with their number: all numbers of all members lie in
// one list, each under its stem.
type sharedPlan struct {
	federation *Federation // nil while nobody has put it
	members    int
	numbers    sortedList[single]
	// shapes counts the blocks by length and by how many characters of their
	// stem are given, so that a lookup asks only for stems that there are.
	shapes [MaxNumberLength + 1][MaxNumberLength]int
}

// stem is what the numbers a pattern covers have in common: a single number
// itself, else the characters they all begin with, and x for the rest. given is
// how many characters that is.
func (p Pattern) stem() (stem packed, given int) {
	for given = 0; given < p.lo.len(); given++ {
		if p.lo.at(given) == 'x' || p.hi != 0 && p.lo.at(given) != p.hi.at(given) {
			break
		}
	}
	return p.lo.upTo(given), given
}

// upTo keeps the first n characters and puts x for the others.
func (p packed) upTo(n int) packed {
	const wild = packed('x') * 0x0101010101010101
	length := p.len()
	if n >= length {
		return p
	}
	keep := ^packed(0) << (64 - 8*n)
	used := ^packed(0) << (64 - 8*length)
	return p&keep | wild&used&^keep
}

// byOffer orders what has one stem: numbers that are not private first, then by
// account.
func byOffer(a, b single) int {
	if c := cmp.Compare(a.key, b.key); c != 0 {
		return c
	}
	if a.record.private != b.record.private {
		if a.record.private {
			return 1
		}
		return -1
	}
	return cmp.Or(strings.Compare(string(a.record.plan.id), string(b.record.plan.id)), byNumberID(a.record, b.record))
}

func (s *sharedPlan) count(r *record, by int) single {
	stem, given := r.number.stem()
	if length := r.number.lo.len(); given < length {
		s.shapes[length][given] += by
	}
	return single{stem.rank(), r}
}

func (s *sharedPlan) add(r *record)    { s.numbers.add(s.count(r, 1), byOffer) }
func (s *sharedPlan) remove(r *record) { s.numbers.remove(s.count(r, -1), byOffer) }

// offers calls yield for the records under one stem that are private, or that
// are not, until it returns false; it reports whether it never did.
func (s *sharedPlan) offers(stem rank, private bool, yield func(*record) bool) bool {
	before := func(x single) bool {
		return x.key < stem || x.key == stem && !x.record.private && private
	}
	more := true
	s.numbers.from(before, func(x single) bool {
		if x.key != stem || x.record.private != private {
			return false
		}
		more = yield(x.record)
		return more
	})
	return more
}

// covering calls yield for the records whose numbers cover a dialled one, those
// not private first, until it returns false.
func (s *sharedPlan) covering(dialled packed, yield func(*record) bool) {
	length := dialled.len()
	for _, private := range [...]bool{false, true} {
		for given := length; given >= 0; given-- {
			if given < length && s.shapes[length][given] == 0 {
				continue
			}
			if !s.offers(dialled.upTo(given).rank(), private, yield) {
				return
			}
		}
	}
}

// Fellow is what another member of an account's federation has for a dialled
// number.
type Fellow struct {
	Account *Account
	// Match is the member's most specific number that covers what is dialled,
	// private or not.
	Match Match
}

// Fellows calls yield for each other member of the account's federation that
// has an enabled number which covers the dialled one: first those whose number
// is not private. It stops when yield returns false. It returns the federation,
// nil where there is none; who has only asked to join is no member (FE3). It
// holds the view: yield must be quick and must not call the view.
func (v *View) Fellows(id AccountID, dialled string, yield func(Fellow) bool) *Federation {
	v.mu.RLock()
	defer v.mu.RUnlock()
	p := v.accounts[id]
	if p == nil || p.shared == nil {
		return nil
	}
	key := pack(dialled)
	if key == 0 {
		return p.shared.federation
	}
	p.shared.covering(key, func(r *record) bool {
		// A number that a more specific one of its own account hides is not
		// what that account has.
		if r.plan == p || r.plan.account == nil || !r.enabled || !r.number.covers(key) || r.plan.find(key) != r {
			return true
		}
		return yield(Fellow{r.plan.account, r.match()})
	})
	return p.shared.federation
}

// Federations calls yield for every federation in the order of their ids,
// beginning after the id given, until yield returns false. It holds the view:
// yield must be quick and must not call the view.
func (v *View) Federations(after FederationID, yield func(*Federation) bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	v.federations.from(func(id FederationID) bool { return id <= after }, func(id FederationID) bool {
		return yield(v.sharedPlans[id].federation)
	})
}

// sharedPlan returns a federation's plan, made when missing: a delta may name a
// federation whose own delta comes later in the same entry.
func (x *index) sharedPlan(id FederationID) *sharedPlan {
	s := x.sharedPlans[id]
	if s == nil {
		s = &sharedPlan{}
		x.sharedPlans[id] = s
	}
	return s
}

// pruneShared forgets a federation's plan once nothing is left in it.
func (x *index) pruneShared(id FederationID) {
	if s := x.sharedPlans[id]; s != nil && s.federation == nil && s.members == 0 {
		delete(x.sharedPlans, id)
	}
}

func (x *index) setFederation(d Delta) {
	id := FederationID(d.Ref.ID)
	x.shelf.put(d)
	now, _ := x.shelf.objects[d.Ref].(*Federation)
	s := x.sharedPlan(id)
	switch {
	case s.federation == nil && now != nil:
		x.federations.add(id, cmp.Compare)
	case s.federation != nil && now == nil:
		x.federations.remove(id, cmp.Compare)
	}
	s.federation = now
	x.pruneShared(id)
}

func (x *index) setMembership(d Delta) {
	before, _ := x.shelf.objects[d.Ref].(*Membership)
	x.shelf.put(d)
	now, _ := x.shelf.objects[d.Ref].(*Membership)
	if before != nil && now != nil && before.Pending() == now.Pending() && before.Account == now.Account && before.Federation == now.Federation {
		return
	}
	if before != nil && !before.Pending() {
		x.leave(before)
	}
	if now != nil && !now.Pending() {
		x.join(now)
	}
}

// join makes an account a member; where another membership of the account is
// about to go in the same entry, the new one counts.
func (x *index) join(m *Membership) {
	p, s := x.plan(m.Account), x.sharedPlan(m.Federation)
	if p.shared != nil {
		x.unshare(p)
	}
	p.shared, p.member = s, m.ID
	s.members++
	if x.unsorted {
		return // the numbers are hung on their accounts later
	}
	p.numbers.all(func(r *record) bool { s.add(r); return true })
}

func (x *index) leave(m *Membership) {
	p := x.plan(m.Account)
	if p.shared != nil && p.member == m.ID {
		x.unshare(p)
	}
	x.pruneShared(m.Federation)
	x.prune(m.Account)
}

func (x *index) unshare(p *plan) {
	s := p.shared
	p.shared, p.member = nil, ""
	s.members--
	if !x.unsorted {
		p.numbers.all(func(r *record) bool { s.remove(r); return true })
	}
}

// share puts all numbers of all members in place once the accounts have theirs.
func (x *index) share() {
	for _, p := range x.accounts {
		if s := p.shared; s != nil {
			p.numbers.all(func(r *record) bool { s.numbers.append(s.count(r, 1)); return true })
		}
	}
	for _, s := range x.sharedPlans {
		s.numbers.sort(byOffer)
	}
}
