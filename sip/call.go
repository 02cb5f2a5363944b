package sip

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/wheel"
	"github.com/pbx-interlink/interlink/sip/wire"
)

// callState is where a call stands.
type callState uint8

const (
	callNew callState = iota
	// callAsking: the ledger has been asked for lines.
	callAsking
	// callRinging: the INVITE is with the callee.
	callRinging
	// callUp: a 2xx went upstream.
	callUp
	// callOver: ended; its lines are given back.
	callOver
)

// call is one call through the gateway, from its INVITE to its end.
type call struct {
	s     *shard
	state callState
	// waiting: the ledger still owes the answer to the admission.
	waiting bool
	// perMinute has a bit for each of the first claims that pays per minute, burst
	// for each on a burst line.
	perMinute, burst uint8
	// t is the INVITE's transaction while it lives.
	t     *txn
	adm   routing.Admission
	route routing.Route
	// tried is how many of the trunk's addresses have had their turn.
	tried int
	pass  pass
	// hidden and owner: see routing.Decision.
	hidden   routing.Reason
	owner    directory.AccountID
	answered time.Time
	dialogs  dialogs
	// callIDHash is the call's key in byCallID.
	callIDHash uint64
	// expires is the session interval (RFC 4028), 0 without session timers;
	// latest is when the call ends in any case.
	expires, latest time.Duration
	limit           wheel.Timer[expirer]
}

// Bounds of what is kept of a caller's own words.
const (
	maxNumber = 64
	maxCallID = 256
)

// newCall makes the call of the INVITE in hand.
func (s *shard) newCall(t *txn, caller directory.AccountID, dialled []byte) *call {
	m := &s.msg
	via := m.TopVia()
	// From, To and Call-ID are kept together as long as any of them: one string.
	from := callingNumber(m)
	words := append(append(append(s.scratch.extra[:0], from...), dialled...), clip(m.CallID(), maxCallID)...)
	s.scratch.extra = words
	text, to := string(words), len(from)+len(dialled)
	c := recycled(&s.free.calls)
	c.s, c.t = s, t
	c.limit = wheel.Timer[expirer]{Value: c, Kind: callLimit}
	t.call = c
	c.adm = routing.Admission{
		Lease:   s.leaser.lease(m.CallID(), m.FromTag(), m.CSeq(), via.Branch, via.SentBy),
		Caller:  caller,
		From:    text[:len(from)],
		To:      text[len(from):to],
		CallID:  text[to:],
		Started: time.Now(),
	}
	for s.calls[c.adm.Lease] != nil {
		// The INVITE would have found its transaction. But a client may use
		// again what identifies it, once that has ended.
		binary.BigEndian.PutUint64(c.adm.Lease[:], s.random.Uint64())
	}
	s.calls[c.adm.Lease] = c
	s.count.calls.Add(1)
	return c
}

// callingNumber is the user part of From: what the caller says of itself.
func callingNumber(m *wire.Message) []byte { return clip(m.FromUser(), maxNumber) }

func clip(b []byte, n int) []byte { return b[:min(n, len(b))] }

// admitted: the lines are ours; the INVITE goes on its way.
func (c *call) admitted() {
	c.state = callRinging
	c.pass = pass{
		lease: c.adm.Lease, callerTag: tagHash(c.t.message().FromTag()),
		callID:     c.s.srv.secrets.callIDHash(c.t.message().CallID()),
		callerAddr: c.t.remote,
		accounts:   appendAccounts(c.pass.accounts[:0], c.route.Caller, c.route.Callee),
	}
	if !c.forward() {
		c.t.consider(503, false)
		c.t.finish()
		return
	}
	c.s.count.observeSetup(c.t.since())
}

// refuse ends the attempt with a reason of ours.
func (c *call) refuse(reason routing.Reason) {
	t := c.t
	t.finished = true
	t.refuse(0, reason)
	c.failed(StatusOf(reason), reason, false)
	t.settle()
}

// absorb lets go of an INVITE that another node has, or had: a copy of it came
// this way. It is answered there.
func (c *call) absorb() {
	s, t := c.s, c.t
	s.count.absorbed.Add(1)
	c.state = callOver
	c.forget()
	t.finished, t.gone = true, true
	delete(s.servers, t.key)
	t.settle()
}

// failed records an attempt that got a non-2xx final response and gives its
// lines back.
func (c *call) failed(status int, reason routing.Reason, cancelled bool) {
	if c.state == callOver || c.state == callUp {
		return
	}
	result := resultOf(status, cancelled)
	if reason != routing.None {
		result = routing.ResultRefused
		c.s.count.refused[reason].Add(1)
	}
	c.over(result, reason, status)
}

// up: a 2xx to the INVITE, which came back from a hop, goes upstream. The first
// one confirms the lease; each one with another To tag is another dialog of the
// same call (§13.2.2.4).
func (c *call) up(m *wire.Message, from hop) {
	s, d := c.s, &c.dialogs
	switch {
	case c.state == callRinging:
		c.state = callUp
		c.answered = time.Now()
		c.latest = s.loop.Now() + s.srv.cfg.MaxDuration
		expires := s.sessionExpires(m)
		c.lasts(expires)
		// An earlier address may answer when a later one has been tried.
		c.pass.listener, c.pass.calleeAddr = uint8(from.listener), from.target
		// Written in scratch first: what stays is as long as it must be.
		kept := d.buf
		d.buf = s.scratch.out[:0]
		d.remember(c.t.message(), m, hop{int(c.t.listener), c.t.remote}, from)
		s.scratch.out, d.buf = d.buf, append(kept[:0], d.buf...)
		d.add(m.ToTag())
		c.callIDHash = maphash.Bytes(s.srv.seed, m.CallID())
		s.byCallID[c.callIDHash] = c
		s.srv.cfg.Ledger.Confirm(c.adm.Lease, expires, s)
	case c.state == callUp && d.add(m.ToTag()):
		d.rememberFork(m, from)
	default:
		return
	}
	e := d.at(int(d.n) - 1)
	e.callee.listener, _ = s.listenerFor(e.callee.listener, e.callee.target)
	e.caller.listener, _ = s.listenerFor(e.caller.listener, e.caller.target)
}

// bye: a request that ends a dialog of this call got its final response, or
// none. The last dialog takes the call with it.
func (c *call) bye(tag uint64) {
	switch {
	case c.state == callUp && c.dialogs.remove(tag):
		c.over(routing.ResultAnswered, routing.None, 200)
	case c.state == callUp || c.state == callRinging:
		c.dialogs.endEarly(tag)
	}
}

// over ends the call: lines back, record written. It happens once.
func (c *call) over(result routing.Result, reason routing.Reason, status int) {
	s := c.s
	if c.state != callNew {
		s.srv.cfg.Ledger.Release(c.adm.Lease)
	}
	c.state = callOver
	s.timers.Stop(&c.limit)
	s.count.result(result)
	s.cdr = routing.CDR{
		Lease: c.adm.Lease, Caller: c.adm.Caller, Callee: c.adm.Callee,
		From: c.adm.From, To: c.adm.To, CallID: c.adm.CallID,
		Started: c.adm.Started, Answered: c.answered, Ended: time.Now(),
		Result: result, Reason: reason, SIPStatus: status,
		Hidden: c.hidden, Owner: c.owner,
		// The caller's and the callee's claims are the first two
		// (routing.Router.Claims).
		CallerMethod: c.method(0), CalleeMethod: c.method(1),
	}
	s.srv.cfg.Journal.Write(&s.cdr)
	if !c.waiting {
		c.forget()
	}
}

// method is how the account of a claim carries the call; 0 before it is answered.
func (c *call) method(claim uint) routing.Method {
	switch {
	case c.answered.IsZero():
		return 0
	case c.perMinute>>claim&1 != 0:
		return routing.PerMinute
	case c.burst>>claim&1 != 0:
		return routing.FlatRateBurst
	}
	return routing.FlatRate
}

// forget takes the call out of memory. Its INVITE's transaction may live on.
func (c *call) forget() {
	s := c.s
	delete(s.calls, c.adm.Lease)
	if s.byCallID[c.callIDHash] == c {
		delete(s.byCallID, c.callIDHash)
	}
	s.count.calls.Add(-1)
	if c.t != nil {
		c.t.call = nil
		c.t.past = c.dialogs.forks
		c.t.past.live = 0
		c.t.callerSeq = c.dialogs.callerSeq
	}
	s.over = append(s.over, c)
}

// lasts sets how long the call may go on: one and a half session intervals, or
// the longest a call may last.
func (c *call) lasts(expires time.Duration) {
	c.expires = expires
	at := c.latest
	if expires > 0 {
		at = min(at, c.s.loop.Now()+expires+expires/2)
	}
	c.s.timers.Set(&c.limit, at)
}

func (c *call) expire(timerKind) {
	switch c.state {
	case callAsking:
		// The ledger had its time. What it may still take is given back.
		c.refuse(routing.StoreUnavailable)
	case callRinging:
		c.silent()
	case callUp:
		c.s.srv.cfg.Log.Info("sip: ending a call that is up too long", "call_id", c.adm.CallID, "session_expires", c.expires)
		c.end()
	}
}

// knows reports whether an address belongs to one of the call's two sides.
func (p *pass) knows(a netip.Addr) bool {
	return a == p.callerAddr.Addr() || a == p.calleeAddr.Addr()
}
