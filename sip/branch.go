package sip

import (
	"net/netip"
	"time"

	"github.com/pbx-interlink/interlink/sip/wheel"
	"github.com/pbx-interlink/interlink/sip/wire"
)

// branchState is a client transaction's (RFC 3261 figures 5 and 6, RFC 6026).
type branchState uint8

const (
	// branchCalling: nothing came back yet (Calling, Trying).
	branchCalling branchState = iota
	// branchProceeding: a provisional response came.
	branchProceeding
	// branchCompleted: a final response came; more copies are absorbed, those
	// of a non-2xx to an INVITE with another ACK.
	branchCompleted
	// branchAccepted: a 2xx to an INVITE came; more of them are passed on
	// (RFC 6026 §7.2).
	branchAccepted
	branchEnded
)

// cancelState is how far the CANCEL of a branch is.
type cancelState uint8

const (
	notCancelled cancelState = iota
	// cancelWanted: goes out with the first provisional response (§9.1).
	cancelWanted
	// cancelSent: unanswered, repeated by Timer E.
	cancelSent
	// cancelDone: answered; the final response to the INVITE is still to come.
	cancelDone
)

// branch is one place a request was sent to, and the client transaction for it.
type branch struct {
	t     *txn
	id    uint64 // in our Via's branch parameter
	state branchState
	// abandoned: the next address has been tried since.
	abandoned bool
	cancel    cancelState

	listener int
	target   netip.AddrPort
	// sent is the request as sent, until the transaction needs it no more.
	sent []byte
	gap  time.Duration

	retransmit, timeout, timerC, noReply wheel.Timer[expirer]
}

// open makes a branch and its id; the request is sent by start.
func (t *txn) open(listener int, target netip.AddrPort) *branch {
	b := recycled(&t.s.free.branches)
	*b = branch{t: t, id: t.s.random.Uint64(), listener: listener, target: target}
	b.retransmit = wheel.Timer[expirer]{Value: b, Kind: branchRetransmit}
	b.timeout = wheel.Timer[expirer]{Value: b, Kind: branchTimeout}
	b.timerC = wheel.Timer[expirer]{Value: b, Kind: branchTimerC}
	b.noReply = wheel.Timer[expirer]{Value: b, Kind: branchNoReply}
	t.branches = append(t.branches, b)
	t.s.branches[b.id] = b
	return b
}

// start sends the request and starts the client transaction (§17.1.1.2,
// §17.1.2.2). msg is copied.
func (b *branch) start(msg []byte, more bool) {
	s := b.t.s
	now := s.loop.Now()
	b.sent = s.free.keep(msg)
	s.loop.Send(b.listener, b.target, msg)
	b.gap = s.t1()
	s.timers.Set(&b.retransmit, now+b.gap)    // Timer A or E
	s.timers.Set(&b.timeout, now+s.sixtyT1()) // Timer B or F
	if b.t.invite {
		s.timers.Set(&b.timerC, now+s.srv.cfg.TimerC)
	}
	if more {
		s.timers.Set(&b.noReply, now+s.srv.cfg.NoReply)
	}
}

// pending reports whether a final response may still come.
func (b *branch) pending() bool { return b.state == branchCalling || b.state == branchProceeding }

func (b *branch) expire(k timerKind) {
	s := b.t.s
	switch k {
	case branchRetransmit:
		b.resend()
	case branchTimeout:
		b.timedOut()
	case branchTimerC:
		// §16.8: cancel what has rung too long, give up what never rang.
		b.t.overdue = true
		if b.state == branchProceeding {
			b.stop()
			return
		}
		b.timedOut()
	case branchNoReply:
		if b.state == branchCalling && !b.abandoned {
			b.abandoned = true
			s.srv.cfg.Log.Debug("sip: no reply, trying the next address", "target", b.target)
			b.t.next()
		}
	}
}

// resend is Timer A (§17.1.1.2), Timer E (§17.1.2.2), or Timer E of a CANCEL.
func (b *branch) resend() {
	s := b.t.s
	b.gap *= 2
	switch {
	case b.cancel == cancelSent:
		b.gap = min(b.gap, s.t2())
		b.sendCancel()
	case b.state == branchCalling && b.t.invite:
		s.loop.Send(b.listener, b.target, b.sent)
	case b.state == branchCalling:
		b.gap = min(b.gap, s.t2())
		s.loop.Send(b.listener, b.target, b.sent)
	case b.state == branchProceeding && !b.t.invite:
		b.gap = s.t2()
		s.loop.Send(b.listener, b.target, b.sent)
	default:
		return
	}
	s.count.retrans.Add(1)
	s.timers.Set(&b.retransmit, s.loop.Now()+b.gap)
}

// timedOut: Timer B, F, or the guard of a cancelled branch while a final
// response is missing (as if 408 came, §16.7, §16.9); D, K or M afterwards.
func (b *branch) timedOut() {
	if b.pending() {
		b.fail(408)
		return
	}
	b.end()
	b.t.settle()
}

// fail ends a branch that will get no final response: status 408 for silence,
// 503 for a transport error (§16.9).
func (b *branch) fail(status int) {
	b.end()
	b.t.lost(status)
	b.t.next()
}

// proceeding: a provisional response (§17.1.1.2). Timer C starts anew with
// every one but 100 (§16.7 step 2).
func (b *branch) proceeding(status int) {
	s := b.t.s
	if b.state == branchCalling {
		b.state = branchProceeding
		s.timers.Stop(&b.noReply)
		if b.t.invite {
			s.timers.Stop(&b.retransmit)
			s.timers.Stop(&b.timeout)
		}
	}
	if !b.t.invite {
		return
	}
	if status > 100 {
		s.timers.Set(&b.timerC, s.loop.Now()+s.srv.cfg.TimerC)
	}
	if b.cancel == cancelWanted || b.abandoned && b.cancel == notCancelled {
		b.sendFirstCancel()
	}
}

// stop cancels a branch that is not decided yet (§16.10, §9.1): now if it has
// answered provisionally, else as soon as it does.
func (b *branch) stop() {
	switch {
	case !b.pending() || b.cancel != notCancelled || !b.t.invite:
	case b.state == branchProceeding:
		b.sendFirstCancel()
	default:
		b.cancel = cancelWanted
	}
}

func (b *branch) sendFirstCancel() {
	s := b.t.s
	b.cancel = cancelSent
	b.sendCancel()
	now := s.loop.Now()
	b.gap = s.t1()
	s.timers.Stop(&b.timerC)
	s.timers.Set(&b.retransmit, now+b.gap)
	s.timers.Set(&b.timeout, now+s.sixtyT1()) // §9.1: then the request counts as cancelled
}

func (b *branch) sendCancel() {
	s := b.t.s
	s.scratch.out = wire.AppendCancel(s.scratch.out[:0], b.request())
	s.loop.Send(b.listener, b.target, s.scratch.out)
}

// request is the request as sent, parsed; it is good until the next call.
func (b *branch) request() *wire.Message {
	sent := &b.t.s.sent
	if err := sent.ParseSent(b.sent); err != nil {
		panic("sip: a request we sent does not parse: " + err.Error())
	}
	return sent
}

// cancelAnswered: any final response to the CANCEL stops its repetition.
func (b *branch) cancelAnswered() {
	if b.cancel == cancelSent {
		b.cancel = cancelDone
		b.t.s.timers.Stop(&b.retransmit)
	}
}

// ack answers a non-2xx final response (§17.1.1.3).
func (b *branch) ack(resp *wire.Message) {
	s := b.t.s
	s.scratch.out = wire.AppendAck(s.scratch.out[:0], b.request(), resp)
	s.loop.Send(b.listener, b.target, s.scratch.out)
}

// final moves the client transaction on after a final response: Timer D, K or M.
func (b *branch) final(status int) {
	s := b.t.s
	s.timers.Stop(&b.retransmit)
	s.timers.Stop(&b.timerC)
	s.timers.Stop(&b.noReply)
	now := s.loop.Now()
	switch {
	case !b.t.invite:
		b.state = branchCompleted
		s.timers.Set(&b.timeout, now+s.t4()) // Timer K
	case status < 300:
		b.state = branchAccepted
		s.timers.Set(&b.timeout, now+s.sixtyT1()) // Timer M
	default:
		b.state = branchCompleted
		s.timers.Set(&b.timeout, now+s.sixtyT1()) // Timer D: at least 32 s
		return                                    // its ACK may have to be built again
	}
	s.free.drop(b.sent)
	b.sent = nil
}

// end removes the client transaction; its record goes with the txn.
func (b *branch) end() {
	if b.state == branchEnded {
		return
	}
	s := b.t.s
	b.state = branchEnded
	delete(s.branches, b.id)
	s.timers.Stop(&b.retransmit)
	s.timers.Stop(&b.timeout)
	s.timers.Stop(&b.timerC)
	s.timers.Stop(&b.noReply)
	s.free.drop(b.sent)
	b.sent = nil
}
