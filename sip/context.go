package sip

import (
	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/wire"
)

// consider weighs a final response against the best one so far (§16.7 step 6).
// said: it is the message in hand; else the response is only imagined: silence
// counts as 408, a transport error as 503.
func (t *txn) consider(status int, said bool) {
	if t.bestStatus != 0 && rank(status, said) >= rank(int(t.bestStatus), t.said()) {
		return
	}
	t.s.free.drop(t.best)
	t.bestStatus, t.best, t.inHand = uint16(status), nil, said
}

// said reports whether the best response so far is one that a peer gave.
func (t *txn) said() bool { return t.best != nil || t.inHand }

// keepBest keeps the response in hand where it is the best one and has to wait
// for those of other branches.
func (t *txn) keepBest() {
	if t.inHand && !t.finished {
		t.best = t.s.free.keep(t.s.msg.Raw)
	}
	t.inHand = false
}

// bestMessage is the best response, parsed.
func (t *txn) bestMessage() *wire.Message {
	if t.inHand {
		return &t.s.msg
	}
	m := &t.s.best
	if m.Parse(t.best) != nil || m.Validate() != nil {
		panic("sip: a response that was accepted no longer parses")
	}
	return m
}

// rank orders final responses, the best first: 6xx, then the lowest class;
// among 4xx those that tell the caller how to go on; what a peer really said
// before what we make of its silence.
func rank(status int, said bool) int {
	r := status / 100 * 10
	switch status {
	case 401, 407, 415, 420, 484:
		r -= 2
	}
	if status >= 600 {
		r = 0
	}
	if !said {
		r += 100
	}
	return r
}

// lost notes a branch that got no final response. A BYE that nobody answers ends
// its call as well (§15.1.1).
func (t *txn) lost(status int) {
	t.consider(status, false)
	if t.inside.known && t.kind == wire.Bye {
		t.s.hungUp(t.inside)
	}
}

// movesOn reports whether a final response lets the next address of a trunk
// have its turn: the PBX cannot be reached there, or is not up to it now. What
// the called party says is final.
func movesOn(status int, said bool) bool { return status == 503 || status == 408 && !said }

// next goes on after a branch got its final response or was lost: to the next
// address, or upstream with the best response once nothing is outstanding.
func (t *txn) next() {
	if t.state != serverProceeding || t.ended || t.finished {
		t.settle()
		return
	}
	waiting := false
	for _, b := range t.branches {
		if b.pending() {
			waiting = true
			if !b.abandoned {
				return
			}
		}
	}
	switch {
	case t.bestStatus == 0 || movesOn(int(t.bestStatus), t.said()):
		if !t.cancelled && !t.forbidsMore && !t.overdue && t.call != nil && t.call.forward() {
			return
		}
		if waiting {
			return
		}
	}
	t.finish()
}

// stopAll cancels every branch that is not decided.
func (t *txn) stopAll() {
	for _, b := range t.branches {
		b.stop()
	}
}

// finish sends the final response upstream: the best one, or ours where nobody
// said anything. All pending branches are stopped first (§16.7 step 10).
func (t *txn) finish() {
	t.finished = true
	t.stopAll()
	if t.own {
		t.settle()
		return
	}
	status, reason := t.outcome()
	c := t.call
	switch {
	case status == 408 && !t.invite:
		// RFC 4320 §4.2: the sender has given up by itself just now.
		t.gone = true
		delete(t.s.servers, t.key)
	case t.said() && status == int(t.bestStatus):
		t.passUp(t.bestMessage())
	default:
		t.refuse(status, reason)
	}
	if c != nil && t.initial() {
		c.failed(status, reason, t.cancelled)
	}
	t.settle()
}

// outcome is the final response's status, and the reason where it is ours to
// give.
func (t *txn) outcome() (int, routing.Reason) {
	switch {
	case t.cancelled:
		return 487, routing.None
	case t.overdue:
		return 408, routing.None
	case !t.said() && t.initial():
		return StatusOf(routing.TrunkDown), routing.TrunkDown
	case t.bestStatus == 503:
		// §16.7 step 6: a 503 speaks of the next hop only and is not passed on.
		return 500, routing.None
	}
	return int(t.bestStatus), routing.None
}

// initial reports whether the request made its call, or tried to.
func (t *txn) initial() bool { return t.call != nil && t.call.t == t }

// passUp forwards a response upstream (§16.7 steps 3, 8–9): without our Via and
// without what the peer says of identities.
func (t *txn) passUp(m *wire.Message) {
	s := t.s
	out := m.AppendForwardResponse(s.scratch.out[:0], &wire.ResponseEdit{Drop: identityHeaders})
	if len(out) == 0 {
		s.count.dropped[dropInvalid].Add(1)
		return
	}
	s.scratch.out = out
	t.respond(m.Status, out)
}

// refuse answers the request ourselves. With a reason its status is taken from
// the table.
func (t *txn) refuse(status int, reason routing.Reason) {
	out := t.s.appendAnswer(t.message(), t.remote, status, reason)
	if reason != routing.None {
		status = StatusOf(reason)
	}
	t.respond(status, out)
}
