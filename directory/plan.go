package directory

import "time"

// PricePlanID identifies a plan ("pln_" and a ULID).
type PricePlanID string

// PricePlan is a price list entry that accounts select (SU3).
type PricePlan struct {
	ID   PricePlanID `json:"id"`
	Name string      `json:"name"`
	// Description is for people.
	Description string `json:"description,omitempty"`
	// Unlimited: calls per minute cost nothing.
	Unlimited bool `json:"unlimited"`
	Popular   bool `json:"popular"`
	// PerMinute is what a minute costs, in minor units of Currency.
	PerMinute int64     `json:"per_minute"`
	Currency  string    `json:"currency"`
	Version   uint64    `json:"version"`
	CreatedAt time.Time `json:"created_at"`
}

func (p *PricePlan) Ref() Ref              { return Ref{KindPricePlan, string(p.ID)} }
func (p *PricePlan) ObjectVersion() uint64 { return p.Version }
func (p *PricePlan) Owner() AccountID      { return "" }
func (p *PricePlan) Claims() []string      { return []string{"plan:" + p.Name} }
func (p *PricePlan) Requires() []Ref       { return nil }
func (p *PricePlan) Redacted() Object      { return p }
func (p *PricePlan) withVersion(v uint64) Object {
	c := *p
	c.Version = v
	return &c
}

// PlanSelection is what an account sees of the plans.
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
