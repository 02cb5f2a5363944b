package provision

import (
	"context"
	"fmt"

	"github.com/pbx-interlink/interlink/directory"
)

const storeLossClosed = "closed"

// Limits are an account's limits as they are read.
type Limits struct {
	Inbound          int64  `json:"inbound_trunks" doc:"Lines for calls to the account; -1 unlimited."`
	Outbound         int64  `json:"outbound_trunks" doc:"Lines for calls from the account; -1 unlimited."`
	TwoWay           int64  `json:"twoway_trunks" doc:"Lines for either, when its own are taken; -1 unlimited."`
	Burst            int64  `json:"burst_trunks" doc:"Lines for either, when the two-way ones are taken; -1 unlimited."`
	MaxOutbound      int64  `json:"max_outbound_calls" doc:"Caps outbound calls whatever the trunks allow; -1 does not."`
	AllowPrepay      bool   `json:"allow_prepay" doc:"Whether a call with no free line may go on per minute while credit lasts."`
	AllowPostpay     bool   `json:"allow_postpay" doc:"Whether credit may go below zero."`
	MaxPostpayAmount int64  `json:"max_postpay_amount" doc:"How far below zero, in minor units."`
	OnStoreLoss      string `json:"on_store_loss" enum:"closed" doc:"Closed: while the store does not answer, calls are refused."`
	Version          uint64 `json:"version" doc:"Counts the changes; the ETag. 0 while nothing was ever set."`
}

// NewLimits sets an account's limits.
type NewLimits struct {
	Inbound          int64  `json:"inbound_trunks" minimum:"-1" maximum:"1000000" doc:"Lines for calls to the account; -1 unlimited."`
	Outbound         int64  `json:"outbound_trunks" minimum:"-1" maximum:"1000000" doc:"Lines for calls from the account; -1 unlimited."`
	TwoWay           int64  `json:"twoway_trunks" minimum:"-1" maximum:"1000000" doc:"Lines for either, when its own are taken; -1 unlimited."`
	Burst            int64  `json:"burst_trunks" minimum:"-1" maximum:"1000000" doc:"Lines for either, when the two-way ones are taken; -1 unlimited."`
	MaxOutbound      *int64 `json:"max_outbound_calls,omitempty" minimum:"-1" maximum:"1000000" default:"-1" doc:"Caps outbound calls whatever the trunks allow; -1 does not."`
	AllowPrepay      bool   `json:"allow_prepay,omitempty" default:"false" doc:"false; true is not available yet."`
	AllowPostpay     bool   `json:"allow_postpay,omitempty" default:"false" doc:"false; true is not available yet."`
	MaxPostpayAmount int64  `json:"max_postpay_amount,omitempty" default:"0" doc:"0; others are not available yet."`
	OnStoreLoss      string `json:"on_store_loss,omitempty" default:"closed" doc:"closed; share and open are not available yet."`
}

// limits checks the values; base is the JSON pointer of the object in the body.
func (n *NewLimits) limits(a directory.AccountID, base string) (*directory.Limits, error) {
	switch {
	case n.AllowPrepay:
		return nil, notYet(base+"/allow_prepay", "Prepaid credit")
	case n.AllowPostpay:
		return nil, notYet(base+"/allow_postpay", "Postpaid credit")
	case n.MaxPostpayAmount != 0:
		return nil, notYet(base+"/max_postpay_amount", "Postpaid credit")
	case n.OnStoreLoss != "" && n.OnStoreLoss != storeLossClosed:
		return nil, notYet(base+"/on_store_loss", fmt.Sprintf("%q", n.OnStoreLoss))
	}
	l := &directory.Limits{Account: a, Inbound: n.Inbound, Outbound: n.Outbound, TwoWay: n.TwoWay, Burst: n.Burst, MaxOutbound: directory.Unlimited}
	if n.MaxOutbound != nil {
		l.MaxOutbound = *n.MaxOutbound
	}
	return l, l.Validate()
}

type getLimitsInput struct{ InAccount }

func (s *Server) getLimits(ctx context.Context, in *getLimitsInput) (*Reading[Limits], error) {
	a, err := s.account(ctx, in.Account, limitsRead)
	if err != nil {
		return nil, err
	}
	l := s.view.Limits(a.ID)
	return &Reading[Limits]{ETag: etag(l.Version), Body: renderLimits(l)}, nil
}

type putLimitsInput struct {
	InAccount
	Precondition
	Rehearsal
	Body NewLimits
}

func (s *Server) putLimits(ctx context.Context, in *putLimitsInput) (*Reading[Limits], error) {
	var after *directory.Limits
	err := s.retry(ctx, func() (error, error) {
		a, err := s.account(ctx, in.Account, limitsWrite)
		if err != nil {
			return nil, err
		}
		next, err := in.Body.limits(a.ID, "")
		if err != nil {
			return nil, err
		}
		change := directory.Create(next)
		if before := s.view.LimitsOf(a.ID); before != nil {
			change = directory.Replace(before, next)
		}
		if err := in.check(change.Expect()); err != nil {
			return nil, err
		}
		after = written[*directory.Limits](change)
		return s.apply(ctx, in.Rehearsal, change), nil
	})
	if err != nil {
		return nil, err
	}
	return &Reading[Limits]{ETag: etag(after.Version), Body: renderLimits(after)}, nil
}

func renderLimits(l *directory.Limits) Limits {
	return Limits{
		Inbound: l.Inbound, Outbound: l.Outbound, TwoWay: l.TwoWay, Burst: l.Burst,
		MaxOutbound: l.MaxOutbound, OnStoreLoss: storeLossClosed, Version: l.Version,
	}
}
