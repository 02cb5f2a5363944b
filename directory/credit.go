package directory

import "time"

// CreditEntryID identifies an entry ("crd_" and a ULID).
type CreditEntryID string

// CreditEntry is one addition to an account's credit; it is never changed (LI9).
// What calls cost is not an entry: the ledger counts it.
type CreditEntry struct {
	ID      CreditEntryID `json:"id"`
	Account AccountID     `json:"account"`
	// Amount is in minor units of the currency; it may be negative (a
	// correction).
	Amount int64 `json:"amount"`
	// Currency is an ISO 4217 code, the same for all entries of an account.
	Currency string `json:"currency"`
	Note     string `json:"note,omitempty"`
	// By is the principal who made it.
	By        string    `json:"by"`
	CreatedAt time.Time `json:"created_at"`
	Version   uint64    `json:"version"`
}

func (e *CreditEntry) Ref() Ref              { return Ref{KindCreditEntry, string(e.ID)} }
func (e *CreditEntry) ObjectVersion() uint64 { return e.Version }
func (e *CreditEntry) Owner() AccountID      { return e.Account }
func (e *CreditEntry) Claims() []string      { return nil }
func (e *CreditEntry) Requires() []Ref       { return ownedBy(e.Account) }
func (e *CreditEntry) Redacted() Object      { return e }
func (e *CreditEntry) withVersion(v uint64) Object {
	c := *e
	c.Version = v
	return &c
}

// Credit is the sum of an account's entries; it is written with each of them, so
// that two at once cannot both count on the same sum.
type Credit struct {
	Account  AccountID `json:"account"`
	Currency string    `json:"currency"`
	// Added is the sum of all entries, in minor units.
	Added   int64  `json:"added"`
	Version uint64 `json:"version"`
}

func (c *Credit) Ref() Ref              { return Ref{KindCredit, string(c.Account)} }
func (c *Credit) ObjectVersion() uint64 { return c.Version }
func (c *Credit) Owner() AccountID      { return c.Account }
func (c *Credit) Claims() []string      { return nil }
func (c *Credit) Requires() []Ref       { return ownedBy(c.Account) }
func (c *Credit) Redacted() Object      { return c }
func (c *Credit) withVersion(v uint64) Object {
	d := *c
	d.Version = v
	return &d
}
