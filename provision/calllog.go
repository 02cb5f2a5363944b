package provision

import (
	"context"
	"time"

	"github.com/pbx-interlink/interlink/routing"
)

// CallRecord is one call attempt as the account may know it.
type CallRecord struct {
	ID         string         `json:"id" doc:"The record's id; later records have greater ones."`
	Direction  string         `json:"direction" enum:"inbound,outbound" doc:"Outbound: the account called."`
	From       string         `json:"from" doc:"The calling number."`
	To         string         `json:"to" doc:"The number dialled."`
	Peer       *Peer          `json:"peer" doc:"The other account; null when none was found or the account may not know it."`
	StartedAt  time.Time      `json:"started_at" doc:"When the call began."`
	AnsweredAt *time.Time     `json:"answered_at" doc:"When it was answered; null when it was not."`
	EndedAt    *time.Time     `json:"ended_at" doc:"When it ended."`
	Duration   int64          `json:"duration" minimum:"0" doc:"Whole seconds between answer and end; 0 when not answered."`
	Result     routing.Result `json:"result" enum:"answered,busy,no_answer,cancelled,refused,failed" doc:"How it ended."`
	Reason     *string        `json:"reason" doc:"Why the gateway refused it; null when it did not."`
	SIPStatus  int            `json:"sip_status" doc:"The final SIP response to the caller."`
	Billing    *string        `json:"billing" doc:"How the account carried an answered call: flat_rate on an inbound, outbound or two-way line, flat_rate_burst on a burst line, per_minute from its credit; null where it was not answered." example:"flat_rate"`
}

const recordPrefix = "cdr_"

type listCallLogInput struct {
	InAccount
	Paging
}

func (s *Server) listCallLog(ctx context.Context, in *listCallLogInput) (*Listing[CallRecord], error) {
	a, err := s.account(ctx, in.Account, reportsRead)
	if err != nil {
		return nil, err
	}
	list := "call-log " + string(a.ID)
	at, err := s.position(list, in.Cursor)
	if err != nil {
		return nil, err
	}
	records, next, err := s.syncedLog(ctx, a.ID, at.ID, in.Limit)
	if err != nil {
		return nil, err
	}
	page := &Listing[CallRecord]{Body: Page[CallRecord]{Items: []CallRecord{}}}
	for _, r := range records {
		page.Body.Items = append(page.Body.Items, s.renderRecord(r))
	}
	if next != "" {
		page.Body.Next = s.cursor(list, position{ID: next})
	}
	return page, nil
}

func (s *Server) renderRecord(r routing.Record) CallRecord {
	out := CallRecord{
		ID: recordPrefix + r.ID, Direction: "outbound", From: r.From, To: r.To, StartedAt: r.Started.UTC(),
		AnsweredAt: nullTime(r.Answered), EndedAt: nullTime(r.Ended), Result: r.Result,
		Reason: nullable(r.Reason), SIPStatus: r.SIPStatus, Billing: nullable(r.Method.String()),
	}
	if r.Inbound {
		out.Direction = "inbound"
	}
	if r.Peer != "" {
		out.Peer = s.peer(r.Peer)
	}
	if !r.Answered.IsZero() && r.Ended.After(r.Answered) {
		out.Duration = int64(r.Ended.Sub(r.Answered) / time.Second)
	}
	return out
}
