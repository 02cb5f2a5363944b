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
		return q.reaches(p.lo.String(), p.hi.String())
	case q.hi != 0:
		return p.reaches(q.lo.String(), q.hi.String())
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
// length, both included: whether the least number it covers that is not below
// lo is not above hi.
func (p Pattern) reaches(lo, hi string) bool {
	// The least is lo itself, or agrees with lo before some place, is greater
	// there by as little as the block allows, and as low as it allows behind.
	// The longest agreement gives the least number.
	if p.Match(lo) {
		return true
	}
	for at := len(lo) - 1; at >= 0; at-- {
		least, ok := p.leastAbove(lo, at)
		if ok {
			return least <= hi
		}
	}
	return false
}

// leastAbove returns the least number of the block that agrees with lo before
// the place and is greater at it.
func (p Pattern) leastAbove(lo string, at int) (string, bool) {
	n := []byte(p.lo.String())
	for i := range n {
		switch {
		case !digits(string(n[i])) && n[i] != 'x':
			return "", false // * and # are in no range
		case i < at:
			if !meet(n[i], lo[i]) {
				return "", false
			}
			n[i] = lo[i]
		case i == at && n[i] == 'x':
			if lo[i] == '9' {
				return "", false
			}
			n[i] = lo[i] + 1
		case i == at:
			if n[i] <= lo[i] {
				return "", false
			}
		case n[i] == 'x':
			n[i] = '0'
		}
	}
	return string(n), true
}
