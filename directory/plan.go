package directory

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// PricePlanID identifies a plan ("pln_" and a ULID).
type PricePlanID string

// PricePlan is a price list entry that accounts select (SU3).
type PricePlan struct {
	ID   PricePlanID `json:"id"`
	Name string      `json:"name"`
	// Description is for people.
	Description string `json:"description,omitempty"`
	// Unlimited: calls per minute cost nothing, whatever PerMinute says.
	Unlimited bool `json:"unlimited"`
	// Popular is shown to people; nothing else follows from it.
	Popular bool `json:"popular"`
	// PerMinute is what a minute costs, 0 to MaxPerMinute minor units of
	// Currency.
	PerMinute int64 `json:"per_minute"`
	// Currency is an ISO 4217 code.
	Currency  string    `json:"currency"`
	Version   uint64    `json:"version"`
	CreatedAt time.Time `json:"created_at"`
}

// MaxPerMinute is the highest price of a minute, in minor units.
const MaxPerMinute = 1_000_000

// maxDescription is the longest description in characters.
const maxDescription = 1024

func (p *PricePlan) Ref() Ref              { return Ref{KindPricePlan, string(p.ID)} }
func (p *PricePlan) ObjectVersion() uint64 { return p.Version }
func (p *PricePlan) Owner() AccountID      { return "" }
func (p *PricePlan) Claims() []string      { return []string{"plan:" + strings.ToLower(p.Name)} }
func (p *PricePlan) Requires() []Ref       { return nil }
func (p *PricePlan) Redacted() Object      { return p }
func (p *PricePlan) withVersion(v uint64) Object {
	c := *p
	c.Version = v
	return &c
}

// Validate reports the first field that has an impossible value.
func (p *PricePlan) Validate() error {
	if err := CheckName("/name", p.Name); err != nil {
		return err
	}
	switch {
	case !utf8.ValidString(p.Description) || utf8.RuneCountInString(p.Description) > maxDescription || strings.ContainsFunc(p.Description, notInText):
		return Invalid("/description", "description_invalid", "A description has at most %d characters, and of control characters only line breaks and tabs.", maxDescription)
	case p.PerMinute < 0 || p.PerMinute > MaxPerMinute:
		return Invalid("/per_minute", "price_out_of_range", "%d is not 0 to %d.", p.PerMinute, MaxPerMinute)
	}
	return CheckCurrency("/currency", p.Currency)
}

// CheckCurrency holds for every currency: the form of an ISO 4217 code.
func CheckCurrency(field, code string) error {
	if len(code) != 3 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return Invalid(field, "currency_invalid", "A currency is three capital letters (ISO 4217).")
	}
	return nil
}

// MaxSelected is the most plans an account can have selected, or hidden.
const MaxSelected = 100

// PlanSelection is what an account sees of the plans (SU3).
type PlanSelection struct {
	Account AccountID `json:"account"`
	// Plans are those selected, the last selected first.
	Plans []PricePlanID `json:"plans"`
	// Hidden are the plans the account does not see.
	Hidden  []PricePlanID `json:"hidden,omitempty"`
	Version uint64        `json:"version"`
}

func (s *PlanSelection) Ref() Ref              { return Ref{KindPlanSelection, string(s.Account)} }
func (s *PlanSelection) ObjectVersion() uint64 { return s.Version }
func (s *PlanSelection) Owner() AccountID      { return s.Account }
func (s *PlanSelection) Claims() []string      { return nil }
func (s *PlanSelection) Redacted() Object      { return s }
func (s *PlanSelection) withVersion(v uint64) Object {
	c := *s
	c.Version = v
	return &c
}

func (s *PlanSelection) Requires() []Ref {
	r := ownedBy(s.Account)
	for _, p := range s.Plans {
		r = append(r, Ref{KindPricePlan, string(p)})
	}
	return r
}

// Shows reports whether the account sees a plan.
func (s *PlanSelection) Shows(p PricePlanID) bool { return !slices.Contains(s.Hidden, p) }

// Select returns the plans in the order they have after these were asked for:
// what is selected newly stands in front, in the order asked, and what stays
// keeps its order behind.
func (s *PlanSelection) Select(asked []PricePlanID) []PricePlanID {
	next := make([]PricePlanID, 0, len(asked))
	for _, p := range asked {
		if !slices.Contains(s.Plans, p) {
			next = append(next, p)
		}
	}
	for _, p := range s.Plans {
		if slices.Contains(asked, p) {
			next = append(next, p)
		}
	}
	return next
}
