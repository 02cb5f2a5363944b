package sip

import (
	"net/netip"

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

	listener uint8
	target   netip.AddrPort
	// sent is the request as sent, until the transaction needs it no more.
	sent  []byte
	pacer pacer
}

// open makes a branch and its id; the request is sent by start.
func (t *txn) open(listener int, target netip.AddrPort) *branch {
	b := recycled(&t.s.free.branches)
	*b = branch{t: t, id: t.s.random.Uint64(), listener: uint8(listener), target: target}
	b.pacer.timer.Value = b
	t.branches = append(t.branches, b)
	t.s.branches[b.id] = b
	return b
}

// start sends the request and starts the client transaction (§17.1.1.2,
// §17.1.2.2). msg is copied.
func (b *branch) start(msg []byte) {
	s := b.t.s
	b.sent = s.free.keep(msg)
	b.send(msg)
	lasts := s.sixtyT1() // Timer B or F
	if b.t.invite {
		lasts = min(lasts, s.srv.cfg.TimerC)
	}
	b.pacer.begin(s, s.t1(), lasts) // Timer A or E
}

// send puts a message on the branch's way.
func (b *branch) send(msg []byte) { b.t.s.loop.Send(int(b.listener), b.target, msg) }

// pending reports whether a final response may still come.
func (b *branch) pending() bool { return b.state == branchCalling || b.state == branchProceeding }

func (b *branch) expire(k timerKind) {
	if k == retransmit {
		b.resend()
		return
	}
	t := b.t
	if t.invite && b.pending() && b.cancel < cancelSent && (b.state == branchProceeding || t.s.srv.cfg.TimerC < t.s.sixtyT1()) {
		// §16.8: cancel what has rung too long, give up what never rang.
		t.overdue = true
		if b.state == branchProceeding {
			b.stop()
			return
		}
	}
	b.timedOut()
}

// resend is Timer A (§17.1.1.2), Timer E (§17.1.2.2), or Timer E of a CANCEL.
func (b *branch) resend() {
	s, p := b.t.s, &b.pacer
	p.gap *= 2
	switch {
	case b.cancel == cancelSent:
		p.gap = min(p.gap, s.t2())
		b.sendCancel()
	case b.state == branchCalling && b.t.invite:
		b.send(b.sent)
	case b.state == branchCalling:
		p.gap = min(p.gap, s.t2())
		b.send(b.sent)
	default: // a request other than INVITE that was answered provisionally
		p.gap = s.t2()
		b.send(b.sent)
	}
	s.count.retrans.Add(1)
	p.next(s)
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
	t, first := b.t, b.state == branchCalling
	b.state = branchProceeding
	switch {
	case !t.invite:
	case b.cancel == cancelWanted || b.abandoned && b.cancel == notCancelled:
		b.sendFirstCancel()
	case b.cancel == notCancelled && (first || status > 100):
		b.pacer.begin(t.s, 0, t.s.srv.cfg.TimerC)
	}
	if first && t.initial() {
		t.call.replied(b)
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
	b.cancel = cancelSent
	b.sendCancel()
	b.pacer.begin(b.t.s, b.t.s.t1(), b.t.s.sixtyT1()) // §9.1: then the request counts as cancelled
}

func (b *branch) sendCancel() {
	s := b.t.s
	s.scratch.out = wire.AppendCancel(s.scratch.out[:0], b.request())
	b.send(s.scratch.out)
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
		if b.pending() {
			b.pacer.gap = 0
			b.pacer.next(b.t.s)
		}
	}
}

// ack answers a non-2xx final response (§17.1.1.3).
func (b *branch) ack(resp *wire.Message) {
	s := b.t.s
	s.scratch.out = wire.AppendAck(s.scratch.out[:0], b.request(), resp)
	b.send(s.scratch.out)
}

// final moves the client transaction on after a final response: Timer D, K or M.
func (b *branch) final(status int) {
	s := b.t.s
	switch {
	case !b.t.invite:
		b.state = branchCompleted
		b.pacer.begin(s, 0, s.t4()) // Timer K
	case status < 300:
		b.state = branchAccepted
		b.pacer.begin(s, 0, s.sixtyT1()) // Timer M
	default:
		b.state = branchCompleted
		b.pacer.begin(s, 0, s.sixtyT1()) // Timer D: at least 32 s
		return                           // its ACK may have to be built again
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
	s.timers.Stop(&b.pacer.timer)
	s.free.drop(b.sent)
	b.sent = nil
}
