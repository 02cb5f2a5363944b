package sip

import (
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/pbx-interlink/interlink/sip/transport"
	"github.com/pbx-interlink/interlink/sip/wire"
)

// serverKey identifies a server transaction (RFC 3261 §17.2.3): two hashes
// under secret seeds of what identifies it.
type serverKey [2]uint64

// serverKeyOf: with a branch from an RFC 3261 element, the branch, the sent-by
// and the method, where ACK and CANCEL look for their INVITE; otherwise what
// §17.2.3 names for RFC 2543 clients, less the To tag, which an ACK has and
// its INVITE has not.
func (s *shard) serverKeyOf(m *wire.Message) serverKey {
	via := m.TopVia()
	method := m.MethodText()
	if m.Method == wire.Ack || m.Method == wire.Cancel {
		method = []byte("INVITE")
	}
	b := append(s.scratch.out[:0], method...)
	if cookie := "z9hG4bK"; len(via.Branch) > len(cookie) && string(via.Branch[:len(cookie)]) == cookie {
		b = append(append(b, '|'), via.Branch...)
		b = appendLower(append(b, '|'), via.SentBy)
	} else {
		b = append(append(b, 0), m.RequestURI()...)
		b = append(append(b, 0), m.FromTag()...)
		b = append(append(b, 0), m.CallID()...)
		b = append(append(b, 0), m.Get(wire.Via)...)
		b = append(b, byte(m.CSeq()), byte(m.CSeq()>>8), byte(m.CSeq()>>16), byte(m.CSeq()>>24))
	}
	s.scratch.out = b
	return serverKey{maphash.Bytes(s.srv.seed, b), maphash.Bytes(s.srv.seed2, b)}
}

func appendLower(dst, b []byte) []byte {
	for _, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// serverState is a server transaction's (RFC 3261 figures 7 and 8, RFC 6026).
type serverState uint8

const (
	// serverProceeding: no final response yet.
	serverProceeding serverState = iota
	// serverCompleted: a final response went out; for an INVITE a non-2xx one
	// that waits for its ACK.
	serverCompleted
	// serverConfirmed: the ACK is here; more of them are absorbed.
	serverConfirmed
	// serverAccepted: a 2xx went out (RFC 6026 §7.1); more of them pass.
	serverAccepted
)

// txn is a request being proxied: the server transaction it came in on, the
// client transactions it went out on, and the response context between them
// (RFC 3261 §16.2). Without an upstream (own) it is a request of ours.
type txn struct {
	s      *shard
	key    serverKey
	state  serverState
	kind   wire.Method
	invite bool
	own    bool
	// cancelled: upstream sent CANCEL; overdue: Timer C fired.
	cancelled, overdue bool
	// finished: the final response upstream has been decided.
	finished bool
	// gone: the server side has ended, or there never was one.
	gone bool
	// ended: removed; what is left waits to be recycled.
	ended bool
	// forbidsMore: a 6xx came; no new branch is begun (§16.7 step 5).
	forbidsMore bool

	// inHand: the message in hand is the best final response so far.
	inHand bool

	listener uint8
	// upstream is the port of remote that responses go to (§18.2.2, RFC 3581);
	// remote is where the request came from.
	upstream uint16
	// bestStatus is that of the best final response so far (§16.7 step 6), 0 = none.
	bestStatus uint16
	remote     netip.AddrPort
	arrived    time.Duration

	// raw is the request, kept while branches may still have to be built; req is
	// the same parsed, once somebody has asked for it.
	raw  []byte
	req  *wire.Message
	last []byte // last response sent, for retransmissions

	branches []*branch
	one      [1]*branch // room for the usual number of them
	// best is the best final response as received, once it is not in hand any more.
	best []byte

	// call is the call an initial INVITE makes, while there is one.
	call *call
	// past are, once that call is over, the dialogs it had; those that are up
	// are being ended from here.
	past forks
	// callerSeq is, once the call is over, dialogs.callerSeq.
	callerSeq uint32
	// inside says, for a request inside a dialog, which one.
	inside inside

	// hops is the request's loop hash.
	hops uint64

	pacer pacer
}

// begin makes the server transaction of the request in hand, whose key s.key is.
func (s *shard) begin(p *transport.Packet) *txn {
	t := recycled(&s.free.txns)
	*t = txn{
		s: s, listener: uint8(p.Listener), remote: p.Remote, upstream: replyTo(s.msg.TopVia(), p.Remote).Port(),
		arrived: s.loop.Now(), kind: s.msg.Method, invite: s.msg.Method == wire.Invite,
	}
	t.branches = t.one[:0]
	t.pacer.timer.Value = t
	t.key = s.key
	t.raw = s.free.keep(s.msg.Raw)
	s.servers[t.key] = t
	s.count.txns.Add(1)
	return t
}

// replyTo is where responses to a request go over UDP: to the address it came
// from, at the source port when the sender asked for that (RFC 3581 §4), else
// at the port of its Via (RFC 3261 §18.2.2). A Via that cannot be read leaves
// the source.
func replyTo(via *wire.ViaValue, from netip.AddrPort) netip.AddrPort {
	switch {
	case via == nil || via.RPort >= 0:
		return from
	case via.Port > 0:
		return netip.AddrPortFrom(from.Addr(), uint16(via.Port))
	}
	return netip.AddrPortFrom(from.Addr(), 5060)
}

// keepMessage keeps the request in hand as message returns it.
func (t *txn) keepMessage() {
	t.req = recycled(&t.s.free.messages)
	t.req.Copy(&t.s.msg, t.raw)
}

// message returns the request, kept or else parsed from the kept copy of its
// octets; it is good until forget.
func (t *txn) message() *wire.Message {
	if t.req == nil {
		t.req = recycled(&t.s.free.messages)
		if err := t.req.Parse(t.raw); err != nil || t.req.Validate() != nil {
			panic("sip: a message that was accepted no longer parses")
		}
	}
	return t.req
}

// again treats a retransmission of the request (§17.2.1, §17.2.2): the last
// response goes out again, if there is one that this state repeats.
func (t *txn) again() {
	t.s.count.absorbed.Add(1)
	if t.last != nil && (t.state == serverProceeding || t.state == serverCompleted) {
		t.send(t.last)
	}
}

// send puts a response on its way upstream.
func (t *txn) send(b []byte) {
	t.s.loop.Send(int(t.listener), netip.AddrPortFrom(t.remote.Addr(), t.upstream), b)
}

// respond sends a response upstream and moves the server transaction on. b is
// copied. A response that the state does not allow any more is not sent: a
// second final one, or a provisional one after it.
func (t *txn) respond(status int, b []byte) {
	s := t.s
	if t.own || t.state != serverProceeding && (!t.invite || t.state != serverAccepted || status/100 != 2) {
		return
	}
	t.send(b)
	s.count.responses[status%maxStatus].Add(1)
	if t.state == serverAccepted {
		return // RFC 6026 §7.1: every 2xx passes
	}
	if t.invite && status/100 == 2 {
		t.state = serverAccepted
		t.forget()
		t.pacer.begin(s, 0, s.sixtyT1()) // Timer L
		return
	}
	s.free.drop(t.last)
	t.last = s.free.keep(b)
	if status < 200 {
		return
	}
	t.state = serverCompleted
	gap := time.Duration(0)
	if t.invite {
		gap = s.t1() // Timer G
	}
	t.pacer.begin(s, gap, s.sixtyT1()) // Timer H or J
	t.forget()
}

// forget lets go of what is only needed before the final response. A call that
// is up keeps none of its messages.
func (t *txn) forget() {
	t.s.free.drop(t.best)
	t.s.free.drop(t.raw)
	t.s.free.dropMessage(t.req)
	t.best, t.raw, t.req = nil, nil, nil
	if t.state == serverAccepted {
		t.s.free.drop(t.last)
		t.last = nil
	}
}

// acked: the ACK to our non-2xx final response (§17.2.1).
func (t *txn) acked() {
	if t.state != serverCompleted || !t.invite {
		return
	}
	t.state = serverConfirmed
	t.pacer.begin(t.s, 0, t.s.t4()) // Timer I
}

func (t *txn) expire(k timerKind) {
	s := t.s
	if k == retransmit { // Timer G
		t.pacer.gap = min(2*t.pacer.gap, s.t2())
		t.pacer.next(s)
		t.send(t.last)
		s.count.retrans.Add(1)
		return
	}
	if t.state == serverCompleted && t.invite {
		s.srv.cfg.Log.Debug("sip: no ACK to a final response", "remote", t.remote) // Timer H
	}
	t.gone = true
	delete(s.servers, t.key)
	t.settle()
}

// settle ends the transaction once its server side and all its branches have:
// a branch may have to repeat an ACK after the server side is done.
func (t *txn) settle() {
	if t.ended || !t.gone {
		return
	}
	for _, b := range t.branches {
		if b.state != branchEnded {
			return
		}
	}
	t.ended = true
	if t.call != nil && t.call.t == t {
		t.call.t = nil
	}
	t.s.dead = append(t.s.dead, t)
}
