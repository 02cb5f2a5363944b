package sip

import (
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/transport"
	"github.com/pbx-interlink/interlink/sip/wire"
)

// fresh treats a request outside any dialog of ours: who is calling, where does
// the directory send it, are there lines.
func (s *shard) fresh(p *transport.Packet) {
	m := &s.msg
	if c := s.dialogOf(m); c != nil {
		s.relayBare(p, c)
		return
	}
	if m.Method == wire.Ack {
		// An ACK for a final response of ours found its transaction; one for a
		// 2xx comes with our Route. This one is nobody's.
		s.count.dropped[dropStrayACK].Add(1)
		return
	}
	trunk, reason := s.router.Caller(p.Remote)
	if reason != routing.None {
		s.statelessly(p, 0, reason)
		return
	}
	if m.Method == wire.Options && len(m.User()) == 0 {
		s.options(p)
		return
	}
	if m.Method != wire.Invite {
		s.message(p, trunk.Account)
		return
	}
	switch {
	case s.overloaded():
		s.turnAway(p, routing.Overloaded)
	case s.srv.draining.Load():
		s.turnAway(p, routing.Draining)
	default:
		s.invite(p, trunk.Account)
	}
}

// turnAway refuses a request before anything is decided about it. An INVITE of a
// known trunk is an attempt all the same and gets its record; under overload
// without a transaction, which copies of it would find.
func (s *shard) turnAway(p *transport.Packet, reason routing.Reason) {
	trunk, unknown := s.router.Caller(p.Remote)
	if s.msg.Method != wire.Invite || unknown != routing.None {
		s.statelessly(p, 0, reason)
		return
	}
	if reason == routing.Overloaded || s.overloaded() {
		now := time.Now()
		s.statelessly(p, 0, reason)
		s.count.result(routing.ResultRefused)
		s.cdr = routing.CDR{
			Caller: trunk.Account, From: string(callingNumber(&s.msg)), To: string(s.dialled()),
			CallID: string(clip(s.msg.CallID(), maxCallID)), Started: now, Ended: now,
			Result: routing.ResultRefused, Reason: reason, SIPStatus: StatusOf(reason),
		}
		s.srv.cfg.Journal.Write(&s.cdr)
		return
	}
	t := s.begin(p)
	s.newCall(t, trunk.Account, s.dialled()).refuse(reason)
}

// txnsPerCall is how many transactions a node may hold for each call it may:
// those of short calls and of refusals outlive them by 64·T1.
const txnsPerCall = 8

// overloaded: what the node may hold is used up.
func (s *shard) overloaded() bool {
	calls, pending := int64(0), int64(0)
	for _, other := range s.srv.shards {
		calls += other.count.calls.Load()
		pending += other.count.pending.Load()
	}
	return calls >= int64(s.srv.cfg.MaxCalls) || pending >= int64(s.srv.cfg.MaxPending) || s.crowded(txnsPerCall)
}

// crowded: the node holds so many transactions for each call it may hold.
func (s *shard) crowded(times int) bool {
	n := int64(0)
	for _, other := range s.srv.shards {
		n += other.count.txns.Load()
	}
	return n >= int64(times)*int64(s.srv.cfg.MaxCalls)
}

// dialled is the Request-URI's user as it was dialled: unescaped, without parameters.
// What cannot be unescaped is nobody's number.
func (s *shard) dialled() []byte {
	out, ok := wire.UnescapeUser(s.scratch.user[:0], s.msg.User())
	s.scratch.user = out
	if !ok {
		return nil
	}
	return clip(out, maxNumber)
}

// invite begins a call: 100 at once (§16.2: the ledger may take longer than
// 200 ms), the decision, the lines.
func (s *shard) invite(p *transport.Packet, caller directory.AccountID) {
	m := &s.msg
	t := s.begin(p)
	t.hops = s.hopsHash()
	s.appendReply(m, p.Remote, wire.Reply{Status: 100, Phrase: wire.StatusPhrase(100)})
	t.respond(100, s.scratch.out)
	t.keepMessage()

	c := s.newCall(t, caller, s.dialled())
	d := s.router.Route(routing.Call{Caller: caller, Dialled: c.adm.To}, nil)
	if d.Reason != routing.None {
		c.hidden, c.owner = d.Hidden, d.Owner
		c.refuse(d.Reason)
		return
	}
	c.route = d.Route
	c.adm.Callee = d.Route.Callee
	c.adm.Claims = s.router.Claims(s.free.takeClaims(), &c.route)
	c.state, c.waiting = callAsking, true
	s.count.pending.Add(1)
	s.timers.Set(&c.limit, s.loop.Now()+s.srv.cfg.AdmitBudget)
	s.srv.cfg.Ledger.Admit(&c.adm, s)
	s.asked = true
}

// answered takes the ledger's answer to an admission or a confirm.
func (s *shard) answered(a *routing.Answer) {
	if a.Confirm && a.Verdict != routing.Lost {
		return // as it should be
	}
	c := s.calls[a.Lease]
	if c == nil {
		return
	}
	if a.Confirm {
		s.srv.cfg.Log.Warn("sip: the ledger has lost a call that is up", "call_id", c.adm.CallID)
		return
	}
	if !c.waiting {
		return
	}
	c.waiting = false
	s.count.pending.Add(-1)
	claims := c.adm.Claims
	c.adm.Claims = nil
	defer s.free.giveClaims(claims)
	if c.state != callAsking { // ended meanwhile; its release is on the way
		c.forget()
		return
	}
	s.timers.Stop(&c.limit)
	switch a.Verdict {
	case routing.Admitted:
		c.perMinute, c.burst = uint8(a.PerMinute), uint8(a.Burst)
		c.admitted()
	case routing.Duplicate, routing.Ended:
		c.absorb()
	case routing.Busy:
		c.state = callNew // nothing taken, nothing to give back
		c.refuse(claims[a.Claim].Role.Reason())
	case routing.Exhausted:
		c.state = callNew
		c.refuse(routing.LicenceExhausted)
	case routing.Unpaid:
		c.state = callNew
		c.refuse(claims[a.Claim].Role.Unpaid())
	default:
		c.state = callNew // the ledger sees to what may have been taken
		c.refuse(routing.StoreUnavailable)
	}
}

// message relays a request that makes no call (MESSAGE, SUBSCRIBE, OPTIONS for
// a phone, …) by the same decision as a call, without lines.
func (s *shard) message(p *transport.Packet, caller directory.AccountID) {
	if s.overloaded() {
		s.statelessly(p, 0, routing.Overloaded)
		return
	}
	d := s.router.Route(routing.Call{Caller: caller, Dialled: string(s.dialled())}, nil)
	t := s.begin(p)
	t.hops = s.hopsHash()
	if d.Reason != routing.None {
		t.refuse(0, d.Reason)
		return
	}
	addr := d.Route.Trunk.Addresses[0]
	listener, ok := s.listenerFor(p.Listener, addr)
	if !ok {
		t.refuse(0, routing.TrunkDown)
		return
	}
	s.scratch.uri = appendTargetURI(s.scratch.uri[:0], d.Route.User, addr)
	s.edit.URI, s.edit.Drop = s.scratch.uri, routeHeader
	b := t.open(listener, addr)
	b.start(s.forwardTo(&s.msg, p.Remote, hop{listener, addr}, b.id, t.hops))
}

// since is how long a transaction has been here.
func (t *txn) since() time.Duration { return t.s.loop.Now() - t.arrived }
