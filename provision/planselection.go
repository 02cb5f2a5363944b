package provision

import (
	"context"
	"fmt"
	"slices"

	"github.com/pbx-interlink/interlink/directory"
)

// PlanSelection is what an account has selected.
type PlanSelection struct {
	Plans []directory.PricePlanID `json:"plans" nullable:"false" doc:"The plans selected, the last selected first; the first one prices the account's minutes." example:"[\"pln_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C\"]"`
	// Hidden is nil where the reader must not know.
	Hidden  *[]directory.PricePlanID `json:"hidden,omitempty" doc:"The plans this account and those below it do not see. Only for who may change them."`
	Version uint64                   `json:"version" doc:"Counts the changes; the ETag. 0 while nothing was ever selected."`
}

// NewPlanSelection selects plans.
type NewPlanSelection struct {
	Plans  []directory.PricePlanID  `json:"plans" nullable:"false" maxItems:"100" maxLength:"64" doc:"All the plans to be selected. Those selected newly come first, in this order; the others stay in theirs behind." example:"[\"pln_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C\"]"`
	Hidden *[]directory.PricePlanID `json:"hidden,omitempty" maxItems:"100" maxLength:"64" doc:"The plans that this account and those below it do not see; without, as before."`
}

// selection is an account's; an empty object stands for none.
func (s *Server) selection(id directory.AccountID) *directory.PlanSelection {
	if p := directory.Find[*directory.PlanSelection](s.view, directory.KindPlanSelection, string(id)); p != nil {
		return p
	}
	return &directory.PlanSelection{Account: id}
}

func (s *Server) getPlanSelection(ctx context.Context, in *InAccount) (*Reading[PlanSelection], error) {
	a, err := s.account(ctx, in.Account, plansRead)
	if err != nil {
		return nil, err
	}
	return s.renderSelection(ctx, s.selection(a.ID)), nil
}

type putPlanSelectionInput struct {
	InAccount
	Precondition
	Rehearsal
	Body NewPlanSelection
}

func (s *Server) putPlanSelection(ctx context.Context, in *putPlanSelectionInput) (*Reading[PlanSelection], error) {
	var after *directory.PlanSelection
	err := s.retry(ctx, func() (error, error) {
		a, err := s.account(ctx, in.Account, plansWrite)
		if err != nil {
			return nil, err
		}
		before := s.selection(a.ID)
		if err := in.check(before.Version); err != nil {
			return nil, err
		}
		next := *before
		if in.Body.Hidden != nil {
			next.Hidden = slices.Clone(*in.Body.Hidden)
		}
		next.Plans = before.Select(in.Body.Plans)
		if err := s.checkSelection(ctx, in.Body, &next); err != nil {
			return nil, err
		}
		change := directory.Create(&next)
		if before.Version > 0 {
			change = directory.Replace(before, &next)
		}
		after = written[*directory.PlanSelection](change)
		return s.apply(ctx, in.Rehearsal, change), nil
	})
	if err != nil {
		return nil, err
	}
	return s.renderSelection(ctx, after), nil
}

// checkSelection: every plan stands once, exists, and is seen by who selects it
// and, where it is selected, by the account.
func (s *Server) checkSelection(ctx context.Context, asked NewPlanSelection, next *directory.PlanSelection) error {
	unseen := s.hiddenPlans(requestOf(ctx).principal.Account)
	check := func(field string, plans []directory.PricePlanID) error {
		for i, p := range plans {
			pointer := fmt.Sprintf("%s/%d", field, i)
			switch known := s.view.Object(directory.Ref{Kind: directory.KindPricePlan, ID: string(p)}) != nil; {
			case !known || unseen[p]:
				return directory.Invalid(pointer, "plan_unknown", "There is no such plan.")
			case slices.Contains(plans[:i], p):
				return directory.Invalid(pointer, "plan_twice", "The plan stands twice.")
			}
		}
		return nil
	}
	if err := check("/plans", asked.Plans); err != nil {
		return err
	}
	if asked.Hidden != nil {
		if err := check("/hidden", *asked.Hidden); err != nil {
			return err
		}
	}
	above := map[directory.PricePlanID]bool{}
	if a := s.view.Account(next.Account); a != nil {
		above = s.hiddenPlans(a.Parent)
	}
	for i, p := range asked.Plans {
		if !next.Shows(p) || above[p] {
			return directory.Invalid(fmt.Sprintf("/plans/%d", i), "plan_hidden", "The plan is hidden from the account.")
		}
	}
	return nil
}

func (s *Server) renderSelection(ctx context.Context, p *directory.PlanSelection) *Reading[PlanSelection] {
	out := PlanSelection{Plans: append([]directory.PricePlanID{}, p.Plans...), Version: p.Version}
	if s.mayNow(ctx, plansWrite, p.Account) {
		// A plan that was deleted is hidden from nobody.
		hidden := slices.DeleteFunc(append([]directory.PricePlanID{}, p.Hidden...), func(id directory.PricePlanID) bool {
			return s.view.Object(directory.Ref{Kind: directory.KindPricePlan, ID: string(id)}) == nil
		})
		out.Hidden = &hidden
	} else {
		// One that was hidden after it was selected goes on, out of sight.
		hidden := s.hiddenPlans(p.Account)
		out.Plans = slices.DeleteFunc(out.Plans, func(id directory.PricePlanID) bool { return hidden[id] })
	}
	return &Reading[PlanSelection]{ETag: etag(p.Version), Body: out}
}
