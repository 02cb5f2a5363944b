package provision

import (
	"context"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// maxCapacityCalls bounds the calls named in one answer.
const maxCapacityCalls = 1000

// Capacity tells who holds an account's lines (LI7).
type Capacity struct {
	Lanes     []Lane             `json:"lanes" nullable:"false" doc:"The account's lanes."`
	Calls     []LiveCall         `json:"calls" nullable:"false" doc:"The calls that hold lines of the account, at most 1000; none where the token may not read calls."`
	Ancestors []AncestorCapacity `json:"ancestors" nullable:"false" doc:"The accounts above that have limits, nearest first: their lines are needed, too."`
}

// Lane is one limit and what is left of it.
type Lane struct {
	Lane  string `json:"lane" enum:"inbound,outbound,twoway,burst,max_outbound" doc:"Which limit. What is over all limits, after they were lowered, counts as burst."`
	Limit int64  `json:"limit" minimum:"-1" doc:"-1 is unlimited."`
	Used  int64  `json:"used" doc:"Calls in it."`
	Free  int64  `json:"free" minimum:"-1" doc:"-1 is unlimited."`
}

// AncestorCapacity is the capacity of an account above.
type AncestorCapacity struct {
	Account directory.AccountID `json:"account" doc:"The account's id."`
	Name    string              `json:"name" doc:"The account's name."`
	Lanes   []Lane              `json:"lanes" nullable:"false" doc:"Its lanes."`
}

type getCapacityInput struct{ InAccount }

func (s *Server) getCapacity(ctx context.Context, in *getCapacityInput) (*Reading[Capacity], error) {
	a, err := s.account(ctx, in.Account, limitsRead)
	if err != nil {
		return nil, err
	}
	accounts := append([]*directory.Account{a}, s.limitedAbove(ctx, a)...)
	ids := make([]directory.AccountID, len(accounts))
	for i, one := range accounts {
		ids[i] = one.ID
	}
	lines, err := s.lines(ctx, ids)
	if err != nil {
		return nil, err
	}
	var calls []routing.LiveCall
	if s.mayNow(ctx, callsRead, a.ID) {
		if calls, err = s.calls.LiveCalls(ctx, a.ID, maxCapacityCalls); err != nil {
			return nil, err
		}
	}
	out := Capacity{Calls: []LiveCall{}, Ancestors: []AncestorCapacity{}}
	for i, one := range accounts {
		lanes := s.lanes(one.ID, lines[i])
		if i == 0 {
			out.Lanes = lanes
			continue
		}
		out.Ancestors = append(out.Ancestors, AncestorCapacity{Account: one.ID, Name: one.Name, Lanes: lanes})
	}
	for _, c := range calls {
		out.Calls = append(out.Calls, s.renderCall(a.ID, c))
	}
	return &Reading[Capacity]{Body: out}, nil
}

// limitedAbove returns the accounts above that have limits and that the
// principal may see.
func (s *Server) limitedAbove(ctx context.Context, a *directory.Account) []*directory.Account {
	var above []*directory.Account
	for range routing.MaxDepth {
		if a = s.view.Account(a.Parent); a == nil {
			break
		}
		if s.view.LimitsOf(a.ID) != nil && s.sees(ctx, a.ID) {
			above = append(above, a)
		}
	}
	return above
}

// lines asks the store, which must answer for each account.
func (s *Server) lines(ctx context.Context, ids []directory.AccountID) ([]routing.Lines, error) {
	lines, err := s.calls.Lines(ctx, ids)
	if err != nil {
		return nil, err
	}
	if len(lines) != len(ids) {
		return nil, &directory.Error{Kind: directory.KindUnavailable, Code: "store_unavailable", Detail: "The store did not answer for every account."}
	}
	return lines, nil
}

func (s *Server) lanes(id directory.AccountID, l routing.Lines) []Lane {
	var out []Lane
	for _, lane := range routing.Lanes(s.view.LimitsOf(id), l.Inbound, l.Outbound) {
		out = append(out, Lane(lane))
	}
	return out
}
