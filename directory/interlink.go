package directory

import (
	"strconv"
	"time"
)

// InterlinkID identifies an interlink ("lnk_" and a ULID).
type InterlinkID string

// InterlinkStatus is what a side reads.
type InterlinkStatus string

const (
	// InterlinkPending: the key waits to be redeemed.
	InterlinkPending InterlinkStatus = "pending"
	// InterlinkActive: both accounts dial each other.
	InterlinkActive InterlinkStatus = "active"
	// InterlinkSuspended: a side has suspended it.
	InterlinkSuspended InterlinkStatus = "suspended"
)

// Side is one account's end of an interlink. What it holds is that account's
// own business and never seen by the other side.
type Side struct {
	Account AccountID `json:"account"`
	// Name is this side's name for the connection.
	Name string `json:"name"`
	// Priority 1–100 decides between links that own the same number: lower
	// wins, 0 stands for none given (DI3).
	Priority int `json:"priority,omitempty"`
	// Prefix is dialled before a number to reach this link whatever else has
	// the number; empty for none (IL8).
	Prefix string `json:"prefix,omitempty"`
	// Suspended by this side.
	Suspended bool `json:"suspended,omitempty"`
	// Version is the side's own ETag: it changes when this side's view of the
	// interlink does, and only then, so that neither side can watch the other
	// edit its name.
	Version uint64 `json:"version"`
}

// Interlink joins two accounts' dial plans. It is pending, with one side, until
// its authorization key is redeemed; then it has two.
type Interlink struct {
	ID InterlinkID `json:"id"`
	// A is the side that generated the key.
	A Side `json:"a"`
	// B is the side that redeemed it; nil while pending.
	B *Side `json:"b,omitempty"`
	// ExpiresAt is when a pending key stops working; zero for never.
	ExpiresAt time.Time       `json:"expires_at,omitzero"`
	CreatedAt time.Time       `json:"created_at"`
	LinkedAt  time.Time       `json:"linked_at,omitzero"`
	Version   uint64          `json:"version"`
	Secret    InterlinkSecret `json:"secret,omitzero"`
}

// InterlinkSecret is what the store keeps of an authorization key while it is
// pending. It is gone once the key is spent.
type InterlinkSecret struct {
	// KeyHash finds the interlink by its key without storing the key.
	KeyHash string `json:"key_hash,omitempty"`
	// KeySealed is the key under the cluster key, so that its creator can copy
	// it again.
	KeySealed string `json:"key_sealed,omitempty"`
}

func (l *Interlink) Ref() Ref              { return Ref{KindInterlink, string(l.ID)} }
func (l *Interlink) ObjectVersion() uint64 { return l.Version }

// Claims: a key finds one interlink; a pair of accounts is linked once (IL7).
func (l *Interlink) Claims() []string {
	var c []string
	if l.Secret.KeyHash != "" {
		c = append(c, "key:"+l.Secret.KeyHash)
	}
	if l.B != nil {
		a, b := l.A.Account, l.B.Account
		if b < a {
			a, b = b, a
		}
		c = append(c, "pair:"+string(a)+":"+string(b))
	}
	return c
}

func (l *Interlink) Requires() []Ref {
	r := []Ref{{KindAccount, string(l.A.Account)}}
	if l.B != nil {
		r = append(r, Ref{KindAccount, string(l.B.Account)})
	}
	return r
}

func (l *Interlink) Redacted() Object {
	c := *l
	c.Secret = InterlinkSecret{}
	return &c
}

func (l *Interlink) withVersion(v uint64) Object {
	c := *l
	c.Version = v
	return &c
}

// Status is the same for both sides.
func (l *Interlink) Status() InterlinkStatus {
	switch {
	case l.B == nil:
		return InterlinkPending
	case l.A.Suspended || l.B.Suspended:
		return InterlinkSuspended
	}
	return InterlinkActive
}

// Sides returns the side of an account and the other one (nil while pending);
// own is nil when the account is on neither side.
func (l *Interlink) Sides(a AccountID) (own, peer *Side) {
	switch {
	case l.A.Account == a:
		return &l.A, l.B
	case l.B != nil && l.B.Account == a:
		return l.B, &l.A
	}
	return nil, nil
}

// Validate reports the first field of a side that has an impossible value.
func (s *Side) Validate() error {
	if err := CheckName("/name", s.Name); err != nil {
		return err
	}
	if s.Priority < 0 || s.Priority > 100 {
		return Invalid("/priority", "priority_out_of_range", "%s is not 1 to 100.", strconv.Itoa(s.Priority))
	}
	if len(s.Prefix) > 4 || !dialable(s.Prefix) {
		return Invalid("/prefix", "prefix_invalid", "A prefix is at most 4 digits, * or #.")
	}
	return nil
}
