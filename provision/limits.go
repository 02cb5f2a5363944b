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
	AllowPrepay      bool   `json:"allow_prepay,omitempty" default:"false" doc:"Whether a call with no free line may go on per minute while credit lasts. Set from above only."`
	AllowPostpay     bool   `json:"allow_postpay,omitempty" default:"false" doc:"Whether such a call may go on with credit below zero. Set from above only."`
	MaxPostpayAmount int64  `json:"max_postpay_amount,omitempty" minimum:"0" maximum:"1000000000000" default:"0" doc:"How far below zero, in minor units of the account's currency. Set from above only." example:"5000"`
	OnStoreLoss      string `json:"on_store_loss,omitempty" default:"closed" doc:"closed; share and open are not available yet."`
}

// limits checks the values by themselves; base is the JSON pointer of the object
// in the body.
func (n *NewLimits) limits(a directory.AccountID, base string) (*directory.Limits, error) {
	if n.OnStoreLoss != "" && n.OnStoreLoss != storeLossClosed {
		return nil, notYet(base+"/on_store_loss", fmt.Sprintf("%q", n.OnStoreLoss))
	}
	l := &directory.Limits{
		Account: a, Inbound: n.Inbound, Outbound: n.Outbound, TwoWay: n.TwoWay, Burst: n.Burst, MaxOutbound: directory.Unlimited,
		AllowPrepay: n.AllowPrepay, AllowPostpay: n.AllowPostpay, MaxPostpay: n.MaxPostpayAmount,
	}
	if n.MaxOutbound != nil {
		l.MaxOutbound = *n.MaxOutbound
	}
	return l, under(base, l.Validate())
}

// limitsPart is what creates the limits of a new account: the Limits first, then
// what becomes of the pool above. It belongs into inPool of the parent.
func (s *Server) limitsPart(ctx context.Context, a *directory.Account, n *NewLimits, base string) ([]directory.Change, error) {
	l, err := n.limits(a.ID, base)
	if err != nil {
		return nil, err
	}
	if t := requestOf(ctx).principal.Token; billing(l) != (terms{}) && t != nil && !inScope(t.Scopes, creditWrite) {
		return nil, moreThanOwn(base)
	}
	pool, err := s.parentPool(ctx, a.Parent, nil, l, base)
	return append([]directory.Change{directory.Create(l)}, pool...), err
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
	a, err := s.account(ctx, in.Account, limitsWrite)
	if err != nil {
		return nil, err
	}
	var after *directory.Limits
	err = s.inPool(ctx, a.Parent, func() error {
		return s.retry(ctx, func() (error, error) {
			changes, err := s.newLimits(ctx, in)
			if err != nil {
				return nil, err
			}
			after = written[*directory.Limits](changes[0])
			return s.apply(ctx, in.Rehearsal, changes...), nil
		})
	})
	if err != nil {
		return nil, err
	}
	return &Reading[Limits]{ETag: etag(after.Version), Body: renderLimits(after)}, nil
}

// newLimits is the write of an account's limits, and of what hangs together with
// them: its provider's capacity, what it has given out, and the pool above.
func (s *Server) newLimits(ctx context.Context, in *putLimitsInput) ([]directory.Change, error) {
	a, err := s.account(ctx, in.Account, limitsWrite)
	if err != nil {
		return nil, err
	}
	next, err := in.Body.limits(a.ID, "")
	if err != nil {
		return nil, err
	}
	before := s.view.LimitsOf(a.ID)
	change := directory.Create(next)
	if before != nil {
		change = directory.Replace(before, next)
	}
	if err := in.check(change.Expect()); err != nil {
		return nil, err
	}
	if billing(s.view.Limits(a.ID)) != billing(next) && !s.mayNow(ctx, creditWrite, a.ID) {
		return nil, &directory.Error{Kind: directory.KindForbidden, Code: "forbidden", Detail: "What is billed per minute is set from above."}
	}
	changes := []directory.Change{change}
	for _, part := range []func() ([]directory.Change, error){
		func() ([]directory.Change, error) { return s.fitsProvider(next) },
		func() ([]directory.Change, error) { return s.ownPool(before, next, "") },
		func() ([]directory.Change, error) { return s.parentPool(ctx, a.Parent, before, next, "") },
	} {
		more, err := part()
		if err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	return changes, nil
}

// terms is what of an account's limits is about money.
type terms struct {
	prepay, postpay bool
	most            int64
}

func billing(l *directory.Limits) terms { return terms{l.AllowPrepay, l.AllowPostpay, l.MaxPostpay} }

// fitsProvider holds max_outbound_calls against what the account's provider
// carries, and demands that it stays so until the limits are written (LI2).
func (s *Server) fitsProvider(l *directory.Limits) ([]directory.Change, error) {
	c := directory.Find[*directory.Connection](s.view, directory.KindConnection, string(l.Account))
	if c == nil {
		return []directory.Change{directory.Unchanged(&directory.Connection{Account: l.Account})}, nil
	}
	p := directory.Find[*directory.Provider](s.view, directory.KindProvider, string(c.Provider))
	if p == nil {
		return nil, stale()
	}
	if beyond(l.MaxOutbound, p.Capacity) {
		return nil, directory.Conflict("/max_outbound_calls", "capacity_exceeded", "The account's provider carries %d calls.", p.Capacity)
	}
	return []directory.Change{directory.Unchanged(c), directory.Unchanged(p)}, nil
}

func renderLimits(l *directory.Limits) Limits {
	return Limits{
		Inbound: l.Inbound, Outbound: l.Outbound, TwoWay: l.TwoWay, Burst: l.Burst,
		MaxOutbound: l.MaxOutbound, AllowPrepay: l.AllowPrepay, AllowPostpay: l.AllowPostpay, MaxPostpayAmount: l.MaxPostpay,
		OnStoreLoss: storeLossClosed, Version: l.Version,
	}
}
