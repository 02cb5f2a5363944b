package provision

import (
	"context"
	"slices"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// Plan is a plan as it is read.
type Plan struct {
	ID          directory.PricePlanID `json:"id" doc:"The plan's id." example:"pln_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Name        string                `json:"name" doc:"Unique on the platform." example:"Business"`
	Description string                `json:"description" doc:"For people." example:"For offices that call all day"`
	PerMinute   int64                 `json:"per_minute" minimum:"0" doc:"What a minute costs, in minor units of the currency." example:"3"`
	Currency    string                `json:"currency" doc:"ISO 4217." example:"EUR"`
	Unlimited   bool                  `json:"unlimited" doc:"Minutes cost nothing, whatever per_minute says."`
	Popular     bool                  `json:"popular" doc:"To be put forward to customers."`
	Version     uint64                `json:"version" doc:"Counts the plan's changes; the ETag."`
	CreatedAt   time.Time             `json:"created_at" doc:"When it was created."`
}

// NewPlan creates a plan.
type NewPlan struct {
	Name        string `json:"name" minLength:"1" maxLength:"128" doc:"Unique on the platform in any case." example:"Business"`
	Description string `json:"description,omitempty" maxLength:"1024" doc:"For people." example:"For offices that call all day"`
	PerMinute   int64  `json:"per_minute,omitempty" minimum:"0" maximum:"1000000" default:"0" doc:"What a minute costs, in minor units of the currency." example:"3"`
	Currency    string `json:"currency" minLength:"3" maxLength:"3" doc:"ISO 4217." example:"EUR"`
	Unlimited   bool   `json:"unlimited,omitempty" default:"false" doc:"Minutes cost nothing, whatever per_minute says."`
	Popular     bool   `json:"popular,omitempty" default:"false" doc:"To be put forward to customers."`
}

// PlanPatch changes a plan.
type PlanPatch struct {
	Name        Optional[string] `json:"name,omitzero" doc:"Unique on the platform in any case."`
	Description Optional[string] `json:"description,omitzero" doc:"For people."`
	PerMinute   Optional[int64]  `json:"per_minute,omitzero" doc:"What a minute costs, in minor units; null: nothing." example:"4"`
	Currency    Optional[string] `json:"currency,omitzero" doc:"ISO 4217."`
	Unlimited   Optional[bool]   `json:"unlimited,omitzero" doc:"Minutes cost nothing; null: false."`
	Popular     Optional[bool]   `json:"popular,omitzero" doc:"To be put forward to customers; null: false."`
}

// InPlan is the plan a path names.
type InPlan struct {
	Plan directory.PricePlanID `path:"plan" maxLength:"64" doc:"The plan's id."`
}

type createPlanInput struct {
	Rehearsal
	Repeatable
	Body NewPlan
}

func (s *Server) createPlan(ctx context.Context, in *createPlanInput) (*Creation[Plan], error) {
	if err := s.platform(ctx, platformWrite); err != nil {
		return nil, err
	}
	b := in.Body
	p := &directory.PricePlan{
		ID: directory.PricePlanID(s.ids.next("pln_")), Name: b.Name, Description: b.Description, PerMinute: b.PerMinute,
		Currency: b.Currency, Unlimited: b.Unlimited, Popular: b.Popular, CreatedAt: now(),
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	change := directory.Create(p)
	if err := s.apply(ctx, in.Rehearsal, change); err != nil {
		return nil, err
	}
	p = written[*directory.PricePlan](change)
	return created(in.Rehearsal, "/v1/plans/"+string(p.ID), p.Version, renderPlan(p)), nil
}

type listPlansInput struct{ Paging }

func (s *Server) listPlans(ctx context.Context, in *listPlansInput) (*Listing[Plan], error) {
	if err := s.platform(ctx, plansRead); err != nil {
		return nil, err
	}
	hidden := s.hiddenPlans(requestOf(ctx).principal.Account)
	plans := slices.DeleteFunc(directory.List[*directory.PricePlan](s.view, directory.KindPricePlan, ""),
		func(p *directory.PricePlan) bool { return hidden[p.ID] })
	return pageOf(s, "plans", in.Paging, plans, func(p *directory.PricePlan) string { return string(p.ID) }, renderPlan)
}

// hiddenPlans are the plans an account does not see: those hidden from it or
// from an account above it.
func (s *Server) hiddenPlans(id directory.AccountID) map[directory.PricePlanID]bool {
	hidden := map[directory.PricePlanID]bool{}
	for range routing.MaxDepth + 1 {
		a := s.view.Account(id)
		if a == nil {
			break
		}
		for _, p := range s.selection(id).Hidden {
			hidden[p] = true
		}
		id = a.Parent
	}
	return hidden
}

// plan returns the plan a path names, if the principal sees it.
func (s *Server) plan(ctx context.Context, id directory.PricePlanID, do permission) (*directory.PricePlan, error) {
	if err := s.platform(ctx, do); err != nil {
		return nil, err
	}
	p := directory.Find[*directory.PricePlan](s.view, directory.KindPricePlan, string(id))
	if p == nil || s.hiddenPlans(requestOf(ctx).principal.Account)[id] {
		return nil, directory.NotFound("plan")
	}
	return p, nil
}

func (s *Server) getPlan(ctx context.Context, in *InPlan) (*Reading[Plan], error) {
	p, err := s.plan(ctx, in.Plan, plansRead)
	if err != nil {
		return nil, err
	}
	return &Reading[Plan]{ETag: etag(p.Version), Body: renderPlan(p)}, nil
}

type patchPlanInput struct {
	InPlan
	Precondition
	Rehearsal
	Body PlanPatch
}

func (s *Server) patchPlan(ctx context.Context, in *patchPlanInput) (*Reading[Plan], error) {
	var after *directory.PricePlan
	err := s.retry(ctx, func() (error, error) {
		before, err := s.plan(ctx, in.Plan, platformWrite)
		if err != nil {
			return nil, err
		}
		if err := in.check(before.Version); err != nil {
			return nil, err
		}
		next := *before
		patch(&next.Name, in.Body.Name, "")
		patch(&next.Description, in.Body.Description, "")
		patch(&next.PerMinute, in.Body.PerMinute, 0)
		patch(&next.Currency, in.Body.Currency, "")
		patch(&next.Unlimited, in.Body.Unlimited, false)
		patch(&next.Popular, in.Body.Popular, false)
		if err := next.Validate(); err != nil {
			return nil, err
		}
		change := directory.Replace(before, &next)
		after = written[*directory.PricePlan](change)
		return s.apply(ctx, in.Rehearsal, change), nil
	})
	if err != nil {
		return nil, err
	}
	return &Reading[Plan]{ETag: etag(after.Version), Body: renderPlan(after)}, nil
}

type deletePlanInput struct {
	InPlan
	Precondition
	Rehearsal
}

func (s *Server) deletePlan(ctx context.Context, in *deletePlanInput) (*struct{}, error) {
	return nil, s.retry(ctx, func() (error, error) {
		p, err := s.plan(ctx, in.Plan, platformWrite)
		if err != nil {
			return nil, err
		}
		if err := in.check(p.Version); err != nil {
			return nil, err
		}
		if n := len(s.view.Dependents(p.Ref())); n > 0 {
			return nil, directory.Conflict("", "in_use", "Accounts have selected this plan: %d of them.", n)
		}
		return s.apply(ctx, in.Rehearsal, directory.Delete(p)), nil
	})
}

func renderPlan(p *directory.PricePlan) Plan {
	return Plan{
		ID: p.ID, Name: p.Name, Description: p.Description, PerMinute: p.PerMinute, Currency: p.Currency,
		Unlimited: p.Unlimited, Popular: p.Popular, Version: p.Version, CreatedAt: p.CreatedAt.UTC(),
	}
}
