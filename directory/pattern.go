package directory

import (
	"math/bits"
	"strings"
)

// MaxNumberLength is the most characters an internal number has. A packed
// number is one octet each in eight: it cannot grow.
const MaxNumberLength = 8

// Pattern is a single number ("2001"), a block with wildcards ("20xx", x is any
// digit) or a range ("2000-2099", both ends included). It holds no pointers: a
// node keeps a million of them.
type Pattern struct {
	// lo is the number, the block with 'x', or the range's first number.
	lo packed
	// hi is the range's last number; 0 otherwise.
	hi packed
}

// packed is up to MaxNumberLength characters, the first in the highest octet.
// None of them is NUL, so the octets left over tell the length; numbers of one
// length compare as their text does.
type packed uint64

// pack returns s packed; 0 for what no number can be: nothing, too long, or
// with a NUL in it.
func pack(s string) (p packed) {
	if len(s) > MaxNumberLength {
		return 0
	}
	for i := range len(s) {
		if s[i] == 0 {
			return 0
		}
		p |= packed(s[i]) << (56 - 8*i)
	}
	return p
}

func (p packed) len() int      { return 8 - bits.TrailingZeros64(uint64(p))/8 }
func (p packed) at(i int) byte { return byte(p >> (56 - 8*i)) }

func (p packed) String() string {
	var b [MaxNumberLength]byte
	n := p.len()
	for i := range n {
		b[i] = p.at(i)
	}
	return string(b[:n])
}

// rank orders numbers by length, then as their text: those of one length that
// lie between two others stand together.
type rank uint64

func (p packed) rank() rank { return rank(p >> (bits.TrailingZeros64(uint64(p)) &^ 7)) }

// packed returns what has this rank.
func (r rank) packed() packed { return packed(r << (bits.LeadingZeros64(uint64(r)) &^ 7)) }

// digits reports whether p has digits only.
func (p packed) digits() bool {
	for i := range p.len() {
		if c := p.at(i); c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// wildcards is how many characters are x.
func (p packed) wildcards() (n int) {
	for i := range p.len() {
		if p.at(i) == 'x' {
			n++
		}
	}
	return n
}

func (p packed) decimal() int64 {
	var n int64
	for i := range p.len() {
		n = n*10 + int64(p.at(i)-'0')
	}
	return n
}

// ParsePattern reads a Pattern: 1–8 characters of 0–9, * and #; x only in a
// block; a range is of digits only, of one length, first not after last.
func ParsePattern(s string) (Pattern, error) {
	if single := pack(s); single != 0 && single.digits() {
		return Pattern{lo: single}, nil
	}
	s = strings.ReplaceAll(s, "X", "x")
	lo, hi, isRange := strings.Cut(s, "-")
	if isRange {
		if !digits(lo) || !digits(hi) || len(lo) != len(hi) || len(lo) > MaxNumberLength || lo > hi {
			return Pattern{}, Invalid("/number", "number_invalid", "%q is not a range of numbers of one length, the first not after the last.", s)
		}
		if lo == hi {
			return Pattern{lo: pack(lo)}, nil
		}
		return Pattern{pack(lo), pack(hi)}, nil
	}
	if len(s) == 0 || len(s) > MaxNumberLength || !dialable(strings.ReplaceAll(s, "x", "0")) {
		return Pattern{}, Invalid("/number", "number_invalid", "%q is not 1 to %d characters of 0-9, * and # (x for any digit in a block).", s, MaxNumberLength)
	}
	return Pattern{lo: pack(s)}, nil
}

func (p Pattern) String() string {
	if p.hi != 0 {
		return p.lo.String() + "-" + p.hi.String()
	}
	return p.lo.String()
}

func (p Pattern) IsZero() bool                 { return p.lo == 0 }
func (p Pattern) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

func (p *Pattern) UnmarshalText(b []byte) error {
	v, err := ParsePattern(string(b))
	if err != nil {
		return err
	}
	*p = v
	return nil
}

// Single reports whether the pattern is one number.
func (p Pattern) Single() bool { return p.hi == 0 && p.lo.wildcards() == 0 }

// Size is how many numbers the pattern covers; the smaller of two that match is
// the more specific (IN5).
func (p Pattern) Size() int64 {
	if p.hi != 0 {
		return p.hi.decimal() - p.lo.decimal() + 1
	}
	n := int64(1)
	for range p.lo.wildcards() {
		n *= 10
	}
	return n
}

// Match reports whether the pattern covers a dialled number.
func (p Pattern) Match(dialled string) bool {
	d := pack(dialled)
	return (d != 0 || dialled == "") && p.covers(d)
}

func (p Pattern) covers(d packed) bool {
	if d.len() != p.lo.len() {
		return false
	}
	if p.hi != 0 {
		return d.digits() && p.lo <= d && d <= p.hi
	}
	for i := range p.lo.len() {
		switch c, d := p.lo.at(i), d.at(i); {
		case c == 'x' && (d < '0' || d > '9'), c != 'x' && c != d:
			return false
		}
	}
	return true
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// dialable reports whether s has only characters of a telephone keypad.
func dialable(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && c != '*' && c != '#' {
			return false
		}
	}
	return true
}
