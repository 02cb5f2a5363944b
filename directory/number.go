package directory

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// NumberID identifies an internal number ("num_" and a ULID).
type NumberID string

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
	if utf8.RuneCountInString(n.Label) > 128 || !utf8.ValidString(n.Label) || strings.ContainsFunc(n.Label, unicode.IsControl) {
		return Invalid("/label", "label_invalid", "A label has at most 128 characters of UTF-8, none of them a control character.")
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
