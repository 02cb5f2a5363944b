package directory

// Pool is what an account has given out of its lines: the sum over the limits of
// the accounts directly below it (LI3). It is written together with each of
// those, so that two at once cannot both count on what is free.
type Pool struct {
	Account AccountID `json:"account"`
	// One share per lane; max_outbound_calls is no lane and is not pooled.
	Inbound  Share  `json:"inbound"`
	Outbound Share  `json:"outbound"`
	TwoWay   Share  `json:"twoway"`
	Burst    Share  `json:"burst"`
	Version  uint64 `json:"version"`
}

// Share is what is given out of one lane.
type Share struct {
	// Lines is the sum where the lane is limited.
	Lines int64 `json:"lines,omitempty"`
	// Unlimited counts the accounts whose lane is not.
	Unlimited int64 `json:"unlimited,omitempty"`
}

func (p *Pool) Ref() Ref              { return Ref{KindPool, string(p.Account)} }
func (p *Pool) ObjectVersion() uint64 { return p.Version }
func (p *Pool) Owner() AccountID      { return p.Account }
func (p *Pool) Claims() []string      { return nil }
func (p *Pool) Requires() []Ref       { return ownedBy(p.Account) }
func (p *Pool) Redacted() Object      { return p }
func (p *Pool) withVersion(v uint64) Object {
	c := *p
	c.Version = v
	return &c
}

// With returns the pool after the limits of one account below changed; nil is
// one that has none set, which counts as nothing.
func (p *Pool) With(before, after *Limits) *Pool {
	c := *p
	for i, share := range []*Share{&c.Inbound, &c.Outbound, &c.TwoWay, &c.Burst} {
		if before != nil {
			share.add(before.fields()[i].value, -1)
		}
		if after != nil {
			share.add(after.fields()[i].value, 1)
		}
	}
	return &c
}

func (s *Share) add(lines, sign int64) {
	if lines == Unlimited {
		s.Unlimited += sign
		return
	}
	s.Lines += sign * lines
}

// PoolLane is one lane of a pool.
type PoolLane struct {
	// Pointer is the JSON pointer of the lane's field in limits.
	Pointer string
	// Limit is the account's own; Unlimited for none.
	Limit int64
	Given Share
}

// Lanes lays what is given out beside its account's limits; nil stands for none
// set.
func (p *Pool) Lanes(l *Limits) [4]PoolLane {
	if l == nil {
		l = NoLimits(p.Account)
	}
	fields := l.fields()
	var lanes [4]PoolLane
	for i, given := range []Share{p.Inbound, p.Outbound, p.TwoWay, p.Burst} {
		lanes[i] = PoolLane{fields[i].pointer, fields[i].value, given}
	}
	return lanes
}

// Over reports whether more is given out than there is.
func (l PoolLane) Over() bool {
	return l.Limit != Unlimited && (l.Given.Unlimited > 0 || l.Given.Lines > l.Limit)
}

// Free is how many lines are not given out; Unlimited where there is no limit.
func (l PoolLane) Free() int64 {
	switch {
	case l.Limit == Unlimited:
		return Unlimited
	case l.Given.Unlimited > 0:
		return 0
	}
	return max(0, l.Limit-l.Given.Lines)
}
