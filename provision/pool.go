package provision

import (
	"context"
	"fmt"
	"math"
	"net/http"

	"github.com/pbx-interlink/interlink/directory"
)

// FreeLines is what of a reseller's pool is free, per lane.
type FreeLines struct {
	Inbound  int64 `json:"inbound_trunks" minimum:"-1" doc:"Lines for calls to the account; -1 unlimited."`
	Outbound int64 `json:"outbound_trunks" minimum:"-1" doc:"Lines for calls from the account; -1 unlimited."`
	TwoWay   int64 `json:"twoway_trunks" minimum:"-1" doc:"Lines for either; -1 unlimited."`
	Burst    int64 `json:"burst_trunks" minimum:"-1" doc:"Burst lines; -1 unlimited."`
}

// inPool carries out a write of limits of an account with this parent, after
// others of the same pool.
func (s *Server) inPool(ctx context.Context, parent directory.AccountID, write func() error) error {
	return s.turns.take(ctx, "pool "+string(parent), write)
}

// pool is what an account has given out. It is counted anew where nobody counted
// before.
func (s *Server) pool(id directory.AccountID) *directory.Pool {
	if p := directory.Find[*directory.Pool](s.view, directory.KindPool, string(id)); p != nil {
		return p
	}
	p := &directory.Pool{Account: id}
	for _, child := range s.view.ChildAccounts(id, "", math.MaxInt) {
		p = p.With(nil, s.view.LimitsOf(child.ID))
	}
	return p
}

// ownPool holds new limits against what the account has given out already, and
// demands that this stays so until they are written.
func (s *Server) ownPool(before, next *directory.Limits, base string) ([]directory.Change, error) {
	p := s.pool(next.Account)
	var short []FieldError
	was := p.Lanes(before)
	for i, lane := range p.Lanes(next) {
		// What is over already may stay, or come nearer.
		if !lane.Over() || was[i].Over() && lane.Limit >= was[i].Limit {
			continue
		}
		detail := fmt.Sprintf("%d lines are given out to accounts below.", lane.Given.Lines)
		if lane.Given.Unlimited > 0 {
			detail = fmt.Sprintf("%d accounts below have this lane unlimited.", lane.Given.Unlimited)
		}
		short = append(short, FieldError{Pointer: base + lane.Pointer, Code: "pool_exceeded", Detail: detail})
	}
	if short != nil {
		return nil, poolExceeded("The account has given out more than these limits.", short, freeOf(was))
	}
	if p.Version == 0 && s.view.Children(next.Account) > 0 {
		return []directory.Change{directory.Create(p)}, nil
	}
	return []directory.Change{directory.Unchanged(p)}, nil
}

// parentPool takes the limits of an account from the pool of the one above, and
// demands that this keeps its limits until they are written (LI3).
func (s *Server) parentPool(ctx context.Context, parent directory.AccountID, before, next *directory.Limits, base string) ([]directory.Change, error) {
	if parent == "" || sameLanes(before, next) {
		return nil, nil
	}
	p, limits := s.pool(parent), s.view.Limits(parent)
	after, others := p.With(before, next), p.With(before, nil)
	was, free := p.Lanes(limits), others.Lanes(limits)
	var short []FieldError
	for i, lane := range after.Lanes(limits) {
		if !lane.Over() || was[i].Over() && lane.Given.Unlimited <= was[i].Given.Unlimited && lane.Given.Lines <= was[i].Given.Lines {
			continue
		}
		detail := "The account above has not that many lines free."
		if s.mayNow(ctx, limitsRead, parent) {
			detail = fmt.Sprintf("The account above has %d of %d lines free.", free[i].Free(), lane.Limit)
		}
		short = append(short, FieldError{Pointer: base + lane.Pointer, Code: "pool_exceeded", Detail: detail})
	}
	if short != nil {
		problem := poolExceeded("The limits are more than the account above has free.", short, freeOf(free))
		if !s.mayNow(ctx, limitsRead, parent) {
			problem.Free = nil
		}
		return nil, problem
	}
	change := directory.Create(after)
	if p.Version > 0 {
		change = directory.Replace(p, after)
	}
	return []directory.Change{change, directory.Unchanged(limits)}, nil
}

// backToPool gives back what an account that is deleted had of its parent's.
func (s *Server) backToPool(a *directory.Account) []directory.Change {
	p := directory.Find[*directory.Pool](s.view, directory.KindPool, string(a.Parent))
	limits := s.view.LimitsOf(a.ID)
	if p == nil || limits == nil {
		return nil
	}
	return []directory.Change{directory.Replace(p, p.With(limits, nil))}
}

func sameLanes(a, b *directory.Limits) bool {
	return a != nil && a.Inbound == b.Inbound && a.Outbound == b.Outbound && a.TwoWay == b.TwoWay && a.Burst == b.Burst
}

func freeOf(lanes [4]directory.PoolLane) *FreeLines {
	return &FreeLines{Inbound: lanes[0].Free(), Outbound: lanes[1].Free(), TwoWay: lanes[2].Free(), Burst: lanes[3].Free()}
}

func poolExceeded(detail string, short []FieldError, free *FreeLines) *Problem {
	p := newProblem(http.StatusConflict, "pool_exceeded", detail)
	p.Errors, p.Free = short, free
	return p
}
