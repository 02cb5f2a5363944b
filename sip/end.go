package sip

import (
	"bytes"
	"strconv"

	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/wire"
)

// end ends the call from our side, because an administrator or the longest
// duration says so.
func (c *call) end() {
	switch c.state {
	case callAsking, callRinging:
		t := c.t
		t.finished = true
		t.stopAll()
		t.refuse(480, routing.None)
		c.over(routing.ResultCancelled, routing.None, 480)
		t.settle()
	case callUp:
		d := &c.dialogs
		for i := range int(d.n) {
			if d.live&(1<<i) != 0 {
				c.sendByes(i)
			}
		}
		c.over(routing.ResultAnswered, routing.None, 200)
	}
}

// sendByes tells both sides that a dialog has ended, by its place in forks.
func (c *call) sendByes(i int) {
	d := &c.dialogs
	e := d.at(i)
	c.s.sendBye(e.buf[:e.toCallee], e.callee, d.callerSeq+1)
	c.s.sendBye(e.buf[e.toCallee:], e.caller, d.calleeSeq+1)
}

// sendBye sends a BYE of ours inside a dialog that is not ours: the proxy
// speaks for the other side, as its Record-Route let it see all that takes. The
// answer goes nowhere; the transaction only repeats the BYE until it comes.
func (s *shard) sendBye(head []byte, h hop, seq uint32) {
	t := recycled(&s.free.txns)
	*t = txn{s: s, own: true, gone: true, kind: wire.Bye, listener: uint8(h.listener)}
	t.branches = t.one[:0]
	s.count.txns.Add(1)
	b := t.open(h.listener, h.target)
	b.start(s.appendOwn(wire.Bye, head, h, b.id, seq))
}

// sendAck acknowledges a 2xx for a caller that is gone.
func (s *shard) sendAck(head []byte, h hop, seq uint32) {
	s.loop.Send(h.listener, h.target, s.appendOwn(wire.Ack, head, h, s.random.Uint64(), seq))
}

// appendOwn completes, in scratch.out, a request of ours that head begins as a
// BYE.
func (s *shard) appendOwn(method wire.Method, head []byte, h hop, id uint64, seq uint32) []byte {
	line := bytes.IndexByte(head, '\n') + 1
	out := append(s.scratch.out[:0], method.String()...)
	out = append(out, head[len("BYE"):line]...)
	out = append(append(out, "Via: SIP/2.0/UDP "...), s.srv.sentBy[h.listener]...)
	out = appendBranch(append(out, ";branch="...), id, 0)
	out = append(out, "\r\n"...)
	out = append(append(out, head[line:]...), "CSeq: "...)
	out = strconv.AppendUint(out, uint64(seq), 10)
	out = append(append(append(out, ' '), method.String()...), "\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"...)
	s.scratch.out = out
	return out
}
