package sip

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"github.com/pbx-interlink/interlink/sip/transport"
	"github.com/pbx-interlink/interlink/sip/wire"
)

// response finds the client transaction a response belongs to (§18.1.2,
// §17.1.3): the top Via is ours, its branch one of this shard's, the method the
// one that was sent. All others are dropped (RFC 6026 §8.9: no stray response is
// forwarded).
func (s *shard) response(p *transport.Packet) {
	m := &s.msg
	if bad := m.Validate(); bad != nil {
		s.count.dropped[dropInvalid].Add(1)
		return
	}
	via := m.TopVia()
	id, _, ok := branchID(via.Branch)
	b := s.branches[id]
	if !ok || b == nil || string(via.SentBy) != s.srv.sentBy[b.listener] {
		s.count.dropped[dropStrayResponse].Add(1)
		return
	}
	method := m.CSeqMethod()
	switch {
	case b.cancel >= cancelSent && bytes.Equal(method, []byte("CANCEL")):
		if m.Status >= 200 {
			b.cancelAnswered()
		}
	case !b.t.own && m.ViaCount() < 2:
		// §16.7 step 3: no Via is left without ours, so there is no way back.
		s.count.dropped[dropInvalid].Add(1)
	case bytes.Equal(method, []byte("INVITE")) == b.t.invite && !bytes.Equal(method, []byte("CANCEL")):
		b.response(m)
	default:
		s.count.dropped[dropStrayResponse].Add(1)
	}
}

// response is §16.7 for one response of this branch.
func (b *branch) response(m *wire.Message) {
	t := b.t
	switch {
	case m.Status < 200:
		if !b.pending() {
			return
		}
		b.proceeding(m.Status)
		if m.Status > 100 && !t.own && !t.finished { // step 5: 100 is hop by hop
			t.passUp(m)
		}
	case m.Status < 300 && t.invite:
		b.success(m)
	case b.pending():
		b.decided(m)
	case b.state == branchCompleted && t.invite:
		t.s.count.absorbed.Add(1)
		b.ack(m)
	default:
		t.s.count.absorbed.Add(1)
	}
}

// success: every 2xx to an INVITE goes upstream at once, late and repeated ones
// and those of other dialogs included (§16.7 step 5, RFC 6026 §7).
func (b *branch) success(m *wire.Message) {
	t := b.t
	if b.state == branchCompleted || b.state == branchEnded {
		return
	}
	first, tag := b.pending(), tagHash(m.ToTag())
	if t.tooLate(tag) {
		b.unwanted(m)
		return
	}
	if first {
		b.final(m.Status)
	}
	var c *call // the one whose dialog has ended before this
	if t.initial() {
		t.call.up(m, hop{int(b.listener), b.target})
		if t.call.dialogs.endedEarly(tag) {
			c = t.call
			c.bye(tag)
		}
	} else if first {
		t.refreshed(m)
	}
	t.passUp(m)
	if c != nil {
		c.sendByes(c.dialogs.index(tag))
	}
	if first {
		t.finished = true
		t.stopAll() // step 10
	}
}

// tooLate reports whether a 2xx comes when upstream has been told that the
// call failed, or begins another dialog of a call that has ended and given its
// lines back.
func (t *txn) tooLate(tag uint64) bool {
	switch {
	case t.state == serverProceeding:
		return false
	case t.state != serverAccepted:
		return true
	}
	return t.call == nil && !t.inside.known && !t.past.over(tag)
}

// unwanted: such a 2xx is not passed on. Its dialog is ended from here: every
// copy gets an ACK, the first a BYE, as whoever gave up would have done
// (§13.2.2.4). One to a re-INVITE ends nothing but that transaction.
func (b *branch) unwanted(m *wire.Message) {
	s, t := b.t.s, b.t
	var d ending
	d.towardCallee(m, hop{int(b.listener), b.target})
	s.sendAck(d.buf, d.callee, m.CSeq())
	if tag := tagHash(m.ToTag()); !t.inside.known && !t.past.up(tag) {
		t.past.add(m.ToTag())
		s.sendBye(d.buf, d.callee, max(m.CSeq(), t.callerSeq)+1)
	}
	if b.pending() {
		b.final(m.Status) // Timer M: for the copies
	}
}

// decided: the branch's final response, other than a 2xx to an INVITE.
func (b *branch) decided(m *wire.Message) {
	t := b.t
	if t.invite {
		b.ack(m)
	}
	b.final(m.Status)
	if t.own {
		t.settle()
		return
	}
	defer t.keepBest()
	t.consider(m.Status, true)
	if m.Status >= 600 { // step 5
		t.forbidsMore = true
		t.stopAll()
	}
	t.inDialog(m)
	t.next()
}

// inDialog follows what a final response to a request inside a dialog means for
// its call: a BYE ends it whatever the answer, but for one that only asks for
// credentials (§15.1.1).
func (t *txn) inDialog(m *wire.Message) {
	if !t.inside.known {
		return
	}
	if t.kind == wire.Bye && m.Status != 401 && m.Status != 407 {
		t.s.hungUp(t.inside)
	}
	if m.Status < 300 {
		t.refreshed(m)
	}
}

// refreshed: a 2xx to a re-INVITE or UPDATE starts a new session interval, or
// ends session timers where it names none (RFC 4028 §7.2, §10); the lease lives
// accordingly. A call that began on another node is confirmed all the same.
func (t *txn) refreshed(m *wire.Message) {
	if !t.inside.known || t.kind != wire.Invite && t.kind != wire.Update {
		return
	}
	s, expires := t.s, t.s.sessionExpires(m)
	if c := s.calls[t.inside.lease]; c != nil {
		// An UPDATE in an early dialog (RFC 3311 §5.1) answers no call.
		if c.state != callUp || expires == c.expires && expires == 0 {
			return
		}
		c.lasts(expires)
	}
	s.srv.cfg.Ledger.Confirm(t.inside.lease, expires, s)
}

// hungUp ends a dialog of a call. A call this node does not know (it began on
// another) has its lines given back all the same.
func (s *shard) hungUp(in inside) {
	if c := s.calls[in.lease]; c != nil {
		c.bye(in.peer)
		return
	}
	s.srv.cfg.Ledger.Release(in.lease)
}

// minSession is the shortest session interval there is (RFC 4028 §5). A shorter
// one would free the lines of a call that lives.
const minSession = 90 * time.Second

// sessionExpires reads Session-Expires (RFC 4028 §4); 0 when there is none. No
// peer's word holds lines for longer than a call may last.
func (s *shard) sessionExpires(m *wire.Message) time.Duration {
	v := m.Get(wire.SessionExpires)
	n := 0
	for i := 0; i < len(v) && v[i] >= '0' && v[i] <= '9' && n < 1<<20; i++ {
		n = n*10 + int(v[i]-'0')
	}
	if n == 0 {
		return 0
	}
	return min(max(time.Duration(n)*time.Second, minSession), s.srv.cfg.MaxDuration)
}

// Unreachable: the network says nobody listens at an address (§18.4). The socket
// it says so on need not be the one that sent: every shard is told.
func (s *shard) Unreachable(_ int, remote netip.AddrPort) {
	for _, other := range s.srv.shards {
		other.inbox.unreachable(remote)
		other.loop.Wake()
	}
}

// maxLost bounds the addresses a sweep looks for.
const maxLost = 64

// noteLost has what was sent to such addresses fail, soon: errors can come in
// floods, and to look for what they mean takes a look at every branch.
func (s *shard) noteLost(addrs []netip.AddrPort) {
	for _, a := range addrs {
		if len(s.lost) < maxLost && !slices.Contains(s.lost, a) {
			s.lost = append(s.lost, a)
		}
	}
	if len(s.lost) > 0 && !s.sweep.Armed() {
		s.timers.Set(&s.sweep, max(s.loop.Now(), s.swept+s.t1()/8))
	}
}

// expire fails what was sent to a lost address and got no answer yet.
func (s *shard) expire(timerKind) {
	s.swept = s.loop.Now()
	for _, b := range s.branches {
		if b.state == branchCalling && slices.Contains(s.lost, b.target) {
			b.fail(503)
		}
	}
	s.lost = s.lost[:0]
}
