package provision

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// maxLiveCalls bounds the live calls read for one list.
const maxLiveCalls = 10_000

// LiveCall is a call that holds lines of an account now.
type LiveCall struct {
	ID        string    `json:"id" doc:"The call's id." example:"call_4b1f0d6c2a9e8d7753c0ffee12345678"`
	Direction string    `json:"direction" enum:"inbound,outbound,internal" doc:"As the account sees it; internal takes a line in both."`
	Peer      *Peer     `json:"peer" doc:"The other account; null for a call inside the account."`
	Number    string    `json:"number" doc:"The number dialled."`
	From      string    `json:"from" doc:"The calling number."`
	State     string    `json:"state" enum:"early,confirmed" doc:"Early until the callee answers (RFC 3261 §12)."`
	StartedAt time.Time `json:"started_at" doc:"When the call began."`
	Since     time.Time `json:"since" doc:"Since when it is in this state."`
	Lanes     []string  `json:"lanes" nullable:"false" enum:"inbound,outbound" doc:"The directions in which it holds a line of the account."`
}

type listCallsInput struct {
	InAccount
	Paging
}

func (s *Server) listCalls(ctx context.Context, in *listCallsInput) (*Listing[LiveCall], error) {
	a, err := s.account(ctx, in.Account, callsRead)
	if err != nil {
		return nil, err
	}
	calls, err := s.calls.LiveCalls(ctx, a.ID, maxLiveCalls)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(calls, func(x, y routing.LiveCall) int { return slices.Compare(x.Lease[:], y.Lease[:]) })
	return pageOf(s, "calls "+string(a.ID), in.Paging, calls,
		func(c routing.LiveCall) string { return callID(c.Lease) },
		func(c routing.LiveCall) LiveCall { return s.renderCall(a.ID, c) })
}

// renderCall shows a call as an account sees it; the account may be one above
// the caller's or the callee's.
func (s *Server) renderCall(id directory.AccountID, c routing.LiveCall) LiveCall {
	out := LiveCall{
		ID: callID(c.Lease), Number: c.To, From: c.From, State: "early", Lanes: []string{},
		StartedAt: c.Started.UTC(), Since: c.Since.UTC(),
	}
	if c.Confirmed {
		out.State = "confirmed"
	}
	for _, claim := range c.Claims {
		if claim.Account != id {
			continue
		}
		lane := "inbound"
		if claim.Outbound() {
			lane = "outbound"
		}
		if !slices.Contains(out.Lanes, lane) {
			out.Lanes = append(out.Lanes, lane)
		}
	}
	out.Direction = direction(id, c, out.Lanes)
	switch {
	case c.Caller == c.Callee:
	case out.Direction == "inbound":
		out.Peer = s.peer(c.Caller)
	default:
		out.Peer = s.peer(c.Callee)
	}
	return out
}

func direction(id directory.AccountID, c routing.LiveCall, lanes []string) string {
	switch {
	case c.Caller == c.Callee || len(lanes) == 2:
		return "internal"
	case c.Caller == id || c.Callee != id && slices.Contains(lanes, "outbound"):
		return "outbound"
	}
	return "inbound"
}

type endCallInput struct {
	Call string `path:"call" maxLength:"64" doc:"The call's id."`
	Rehearsal
}

// endCall ends a call; who may end the calls of either account may.
func (s *Server) endCall(ctx context.Context, in *endCallInput) (*struct{}, error) {
	notFound := &directory.Error{Kind: directory.KindNotFound, Code: "not_found", Detail: "There is no such call."}
	lease, ok := parseCallID(in.Call)
	if !ok {
		return nil, notFound
	}
	c, err := s.calls.LiveCall(ctx, lease)
	if err != nil {
		return nil, err
	}
	if c == nil || !s.mayNow(ctx, callsRead, c.Caller) && !s.mayNow(ctx, callsRead, c.Callee) {
		return nil, notFound
	}
	if !s.mayNow(ctx, callsEnd, c.Caller) && !s.mayNow(ctx, callsEnd, c.Callee) {
		return nil, forbidden()
	}
	if in.DryRun {
		return nil, nil
	}
	// Put down first: a call that was ended must not lack its entry.
	if err := s.note(ctx, directory.Note{Object: "call:" + in.Call, Outcome: "asked", Accounts: []directory.AccountID{c.Caller, c.Callee}}); err != nil {
		return nil, err
	}
	return nil, s.calls.EndCall(ctx, lease)
}

// endCallsOf ends the calls from and to an account, not those of accounts below
// it.
func (s *Server) endCallsOf(ctx context.Context, id directory.AccountID) error {
	calls, err := s.calls.LiveCalls(ctx, id, maxLiveCalls)
	if err != nil {
		return err
	}
	for _, c := range calls {
		if c.Caller != id && c.Callee != id {
			continue
		}
		var gone *directory.Error
		err := s.calls.EndCall(ctx, c.Lease)
		if err != nil && !(errors.As(err, &gone) && gone.Kind == directory.KindNotFound) {
			return err
		}
	}
	return nil
}
