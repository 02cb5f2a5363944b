package directory

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxAmount is the largest amount there is, in minor units. Whatever counts with
// amounts stays far below 2^53, to which every JSON reader and the ledger's
// scripts are exact.
const MaxAmount = 1_000_000_000_000

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

// Validate reports the first field that has an impossible value.
func (e *CreditEntry) Validate() error {
	switch {
	case e.Amount == 0 || e.Amount < -MaxAmount || e.Amount > MaxAmount:
		return Invalid("/amount", "amount_out_of_range", "An amount is not 0 and at most %d minor units.", int64(MaxAmount))
	case !utf8.ValidString(e.Note) || utf8.RuneCountInString(e.Note) > 256 || strings.ContainsFunc(e.Note, unicode.IsControl):
		return Invalid("/note", "note_invalid", "A note has at most 256 characters and no control characters.")
	}
	return CheckCurrency("/currency", e.Currency)
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

// With returns the sum with one entry more.
func (c *Credit) With(e *CreditEntry) (*Credit, error) {
	sum := *c
	if sum.Currency == "" {
		sum.Currency = e.Currency
	}
	sum.Added += e.Amount
	switch {
	case sum.Currency != e.Currency:
		return nil, Conflict("/currency", "currency_fixed", "The account's credit is in %s.", sum.Currency)
	case sum.Added < -MaxAmount || sum.Added > MaxAmount:
		return nil, Invalid("/amount", "amount_out_of_range", "The sum would be beyond %d minor units.", int64(MaxAmount))
	}
	return &sum, nil
}

// PerMinute tells what a minute costs an account beyond its lines, by the plan
// selected last, and what credit was added, both in minor units of the plan's
// currency. It is false where no plan is selected, or where there is credit in
// another currency. It allocates nothing.
func (v *View) PerMinute(id AccountID) (price, added int64, ok bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	s, _ := v.shelf.objects[Ref{KindPlanSelection, string(id)}].(*PlanSelection)
	if s == nil || len(s.Plans) == 0 {
		return 0, 0, false
	}
	p, _ := v.shelf.objects[Ref{KindPricePlan, string(s.Plans[0])}].(*PricePlan)
	if p == nil {
		return 0, 0, false
	}
	if !p.Unlimited {
		price = p.PerMinute
	}
	c, _ := v.shelf.objects[Ref{KindCredit, string(id)}].(*Credit)
	switch {
	case c == nil:
		return price, 0, true
	case c.Currency != p.Currency:
		return 0, 0, false
	}
	return price, c.Added, true
}
