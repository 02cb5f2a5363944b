package directory

import (
	"strings"
	"time"
	"unicode/utf8"
)

// NumberID identifies an internal number ("num_" and a ULID).
type NumberID string

// MaxNumberLength is the most characters an internal number has.
const MaxNumberLength = 8

// InternalNumber is an extension, or a block of them, of one account.
type InternalNumber struct {
	ID      NumberID  `json:"id"`
	Account AccountID `json:"account"`
	// Number is what is dialled.
	Number Pattern `json:"number"`
	Label  string  `json:"label,omitempty"`
	// Trunk takes the calls.
	Trunk TrunkID `json:"trunk"`
	// User replaces the dialled number in the Request-URI sent to the PBX;
	// empty keeps it.
	User string `json:"user,omitempty"`
	// Private numbers ring for their own account only (IN2, IN3).
	Private   bool      `json:"private"`
	Enabled   bool      `json:"enabled"`
	Version   uint64    `json:"version"`
	CreatedAt time.Time `json:"created_at"`
}

func (n *InternalNumber) Ref() Ref              { return Ref{KindNumber, string(n.ID)} }
func (n *InternalNumber) ObjectVersion() uint64 { return n.Version }
func (n *InternalNumber) Redacted() Object      { return n }
func (n *InternalNumber) withVersion(v uint64) Object {
	c := *n
	c.Version = v
	return &c
}

// Claims: a number, or a block written the same way, is unique in its account.
func (n *InternalNumber) Claims() []string {
	return []string{"number:" + string(n.Account) + ":" + n.Number.String()}
}

func (n *InternalNumber) Requires() []Ref {
	return []Ref{{KindAccount, string(n.Account)}, {KindTrunk, string(n.Trunk)}}
}

// Validate reports the first field that has an impossible value.
func (n *InternalNumber) Validate() error {
	if n.Number.IsZero() {
		return Invalid("/number", "number_required", "A number is required.")
	}
	if utf8.RuneCountInString(n.Label) > 128 || !utf8.ValidString(n.Label) {
		return Invalid("/label", "label_invalid", "A label has at most 128 characters of UTF-8.")
	}
	if n.Trunk == "" {
		return Invalid("/trunk", "trunk_required", "A trunk of the account is required.")
	}
	if len(n.User) > 64 || strings.ContainsFunc(n.User, func(r rune) bool { return !userChar(r) }) {
		return Invalid("/user", "user_invalid", "A user part has at most 64 letters, digits and -_.!~*'()&=+$,/?# characters.")
	}
	return nil
}

// userChar: unreserved and user-unreserved of RFC 3261 §25.1 without ";", and
// "#", which is escaped on the wire.
func userChar(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("-_.!~*'()&=+$,/?#", r)
}

// Pattern is a single number ("2001"), a block with wildcards ("20xx", x is any
// digit) or a range ("2000-2099", both ends included).
type Pattern struct {
	// lo is the number, the block with 'x', or the range's first number.
	lo string
	// hi is the range's last number; empty otherwise.
	hi string
}

// ParsePattern reads a Pattern: 1–8 characters of 0–9, * and #; x only in a
// block; a range is of digits only, of one length, first not after last.
func ParsePattern(s string) (Pattern, error) {
	s = strings.ReplaceAll(s, "X", "x")
	lo, hi, isRange := strings.Cut(s, "-")
	if isRange {
		if !digits(lo) || !digits(hi) || len(lo) != len(hi) || len(lo) > MaxNumberLength || lo > hi {
			return Pattern{}, Invalid("/number", "number_invalid", "%q is not a range of numbers of one length, the first not after the last.", s)
		}
		if lo == hi {
			return Pattern{lo: lo}, nil
		}
		return Pattern{lo, hi}, nil
	}
	if len(s) == 0 || len(s) > MaxNumberLength || !dialable(strings.ReplaceAll(s, "x", "0")) {
		return Pattern{}, Invalid("/number", "number_invalid", "%q is not 1 to %d characters of 0-9, * and # (x for any digit in a block).", s, MaxNumberLength)
	}
	return Pattern{lo: s}, nil
}

func (p Pattern) String() string {
	if p.hi != "" {
		return p.lo + "-" + p.hi
	}
	return p.lo
}

func (p Pattern) IsZero() bool                 { return p.lo == "" }
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
func (p Pattern) Single() bool { return p.hi == "" && strings.IndexByte(p.lo, 'x') < 0 }

// Size is how many numbers the pattern covers; the smaller of two that match is
// the more specific (IN5).
func (p Pattern) Size() int64 {
	if p.hi != "" {
		return decimal(p.hi) - decimal(p.lo) + 1
	}
	n := int64(1)
	for i := range len(p.lo) {
		if p.lo[i] == 'x' {
			n *= 10
		}
	}
	return n
}

// Match reports whether the pattern covers a dialled number.
func (p Pattern) Match(dialled string) bool {
	if len(dialled) != len(p.lo) {
		return false
	}
	if p.hi != "" {
		return digits(dialled) && p.lo <= dialled && dialled <= p.hi
	}
	for i := range len(p.lo) {
		switch c, d := p.lo[i], dialled[i]; {
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

func decimal(s string) int64 {
	var n int64
	for i := range len(s) {
		n = n*10 + int64(s[i]-'0')
	}
	return n
}
