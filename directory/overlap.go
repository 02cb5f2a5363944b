package directory

// Overlaps reports whether some number is covered by both patterns.
func (p Pattern) Overlaps(q Pattern) bool {
	if p.lo.len() != q.lo.len() {
		return false
	}
	switch {
	case p.hi != 0 && q.hi != 0:
		return p.lo <= q.hi && q.lo <= p.hi
	case p.hi != 0:
		return q.reaches(p.lo, p.hi)
	case q.hi != 0:
		return p.reaches(q.lo, q.hi)
	}
	for i := range p.lo.len() {
		if !meet(p.lo.at(i), q.lo.at(i)) {
			return false
		}
	}
	return true
}

// meet reports whether two characters of blocks can stand for the same one.
func meet(a, b byte) bool {
	isDigit := func(c byte) bool { return c >= '0' && c <= '9' }
	return a == b || a == 'x' && isDigit(b) || b == 'x' && isDigit(a)
}

// reaches reports whether a block covers a number between two others of its
// length, both included.
func (p Pattern) reaches(lo, hi packed) bool {
	for i := range p.lo.len() {
		if c := p.lo.at(i); (c < '0' || c > '9') && c != 'x' {
			return false // * and # are in no range
		}
	}
	least, ok := p.lo.least(lo)
	return ok && least <= hi
}

// least returns the least number the pattern covers that is not before from,
// which has its length.
func (p Pattern) least(from packed) (packed, bool) {
	if p.hi == 0 {
		return p.lo.least(from)
	}
	// A range is what a block of x's covers between two numbers.
	least, ok := allDigits(p.lo.len()).least(max(p.lo, from))
	return least, ok && least <= p.hi
}

// allDigits is the block of all numbers of a length.
func allDigits(length int) packed {
	const all = 0x7878787878787878 // xxxxxxxx
	return packed(uint64(all) << (64 - 8*length))
}

// least returns the least number of a block that is not before from, which has
// its length. That is from itself, or agrees with from before some place, is
// greater there by as little as the block allows, and as low as it allows behind;
// the longest agreement gives the least number.
func (p packed) least(from packed) (packed, bool) {
	if (Pattern{lo: p}).covers(from) {
		return from, true
	}
	for at := p.len() - 1; at >= 0; at-- {
		if n, ok := p.leastAbove(from, at); ok {
			return n, true
		}
	}
	return 0, false
}

// leastAbove returns the least number of the block that agrees with from before
// the place and is greater at it.
func (p packed) leastAbove(from packed, at int) (n packed, ok bool) {
	for i := range p.len() {
		c, f := p.at(i), from.at(i)
		switch {
		case i < at && !meet(c, f):
			return 0, false
		case i < at:
			c = f
		case i == at && c == 'x':
			if f >= '9' {
				return 0, false
			}
			c = max('0', f+1)
		case i == at && c <= f:
			return 0, false
		case c == 'x':
			c = '0'
		}
		n |= packed(c) << (56 - 8*i)
	}
	return n, true
}

// overlapSteps bounds how many numbers are looked at for a report, so that none
// holds the view for long. A block that begins with an x can jump over many
// numbers that it does not cover.
const overlapSteps = 2000

// Overlaps returns up to limit of the account's other numbers that cover some of
// the same digits as a pattern: single numbers in their order, then blocks, most
// specific first. self is the object that does not count. It looks at the blocks
// and at the single numbers within the pattern, not at all numbers.
func (v *View) Overlaps(id AccountID, self NumberID, pattern Pattern, limit int) []Pattern {
	v.mu.RLock()
	defer v.mu.RUnlock()
	p := v.accounts[id]
	if p == nil {
		return nil
	}
	found := p.singlesWithin(pattern, self, limit)
	p.blocks.all(func(r *record) bool {
		if r.id != self && len(found) < limit && r.number.Overlaps(pattern) {
			found = append(found, r.number)
		}
		return len(found) < limit
	})
	return found
}

// singlesWithin returns up to limit single numbers that a pattern covers.
func (p *plan) singlesWithin(pattern Pattern, self NumberID, limit int) (found []Pattern) {
	at, steps := pattern.lo.first(), 0
	for steps < overlapSteps && len(found) < limit {
		steps++
		least, ok := pattern.least(at)
		if !ok {
			break
		}
		next, ok := p.firstSingle(least.rank())
		if !ok || next.key.packed().len() != pattern.lo.len() {
			break
		}
		if at = next.key.packed(); at == least {
			if next.record.id != self {
				found = append(found, next.record.number)
			}
			at = (next.key + 1).packed()
		}
	}
	return found
}

// first is not behind any number the block covers, and of its length.
func (p packed) first() packed {
	var n packed
	for i := range p.len() {
		n |= packed(min(p.at(i), '0')) << (56 - 8*i)
	}
	return n
}

// firstSingle returns the first single number that is not before a rank.
func (p *plan) firstSingle(from rank) (first single, ok bool) {
	p.singles.from(func(s single) bool { return s.key < from }, func(s single) bool {
		first, ok = s, true
		return false
	})
	return first, ok
}

// spelled returns the account's number that is written the same way, or nil.
func (p *plan) spelled(pattern Pattern) (same *record) {
	if pattern.Single() {
		return p.single(pattern.lo.rank())
	}
	size := pattern.Size()
	p.blocks.from(func(r *record) bool { return r.number.Size() < size }, func(r *record) bool {
		if r.number == pattern {
			same = r
		}
		return same == nil && r.number.Size() == size
	})
	return same
}
