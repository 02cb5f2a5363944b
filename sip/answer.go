package sip

import (
	"hash/maphash"
	"net/netip"
	"strconv"
	"time"

	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/transport"
	"github.com/pbx-interlink/interlink/sip/wire"
)

// allowed is what Allow says to requests for the gateway itself.
const allowed = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, INFO, REFER, NOTIFY, SUBSCRIBE, MESSAGE\r\n"

// appendAnswer builds, in scratch.out, a response of ours to a request that came from an address. A reason names its own
// status and phrase, and stands in the Reason header (RFC 3326). Nothing else
// tells one refusal of a status from another.
func (s *shard) appendAnswer(req *wire.Message, from netip.AddrPort, status int, reason routing.Reason) []byte {
	phrase := wire.StatusPhrase(status)
	extra := s.scratch.extra[:0]
	if reason != routing.None {
		status, phrase = statuses[reason].status, statuses[reason].phrase
		public := reason
		if reason == routing.NumberPrivate {
			public = routing.NumberNotFound // IN4
		}
		extra = append(extra, "Reason: SIP;cause="...)
		extra = strconv.AppendInt(extra, int64(status), 10)
		extra = append(extra, `;text="`...)
		extra = append(extra, public.String()...)
		extra = append(extra, "\"\r\n"...)
	}
	if status == 503 {
		extra = append(extra, "Retry-After: "...)
		extra = strconv.AppendInt(extra, int64((s.srv.cfg.RetryAfter+time.Second-1)/time.Second), 10)
		extra = append(extra, "\r\n"...)
	}
	if status == 405 {
		extra = append(extra, allowed...)
	}
	s.scratch.extra = extra
	return s.appendReply(req, from, wire.Reply{Status: status, Phrase: phrase, Extra: extra})
}

// appendReply builds a response in scratch.out.
func (s *shard) appendReply(req *wire.Message, from netip.AddrPort, r wire.Reply) []byte {
	var tag [16]byte
	if r.Received = from; r.Status > 100 {
		r.ToTag = s.tagFor(tag[:0], req)
	}
	s.scratch.out = req.AppendReply(s.scratch.out[:0], &r)
	return s.scratch.out
}

// tagFor is the To tag of our own responses to a request: the same for every
// copy of the request, as a stateless answer needs (§8.2.7), and different
// from any other's.
func (s *shard) tagFor(dst []byte, req *wire.Message) []byte {
	var h maphash.Hash
	h.SetSeed(s.srv.seed2)
	_, _ = h.Write(req.Get(wire.Via))
	_, _ = h.Write(req.Get(wire.CallID))
	return appendHex(dst, h.Sum64())
}

// statelessly answers the request in hand without keeping anything (§8.2.7).
// An ACK is never answered.
func (s *shard) statelessly(p *transport.Packet, status int, reason routing.Reason) {
	if s.msg.Method == wire.Ack {
		s.count.dropped[dropStrayACK].Add(1)
		return
	}
	s.appendAnswer(&s.msg, p.Remote, status, reason)
	if reason != routing.None {
		status = StatusOf(reason)
		if s.msg.Method == wire.Invite {
			s.count.refused[reason].Add(1)
		}
	}
	s.reply(p, status)
}

// reply sends what was built in scratch.out to where the request in hand came
// from.
func (s *shard) reply(p *transport.Packet, status int) {
	if len(s.scratch.out) == 0 {
		s.count.dropped[dropInvalid].Add(1)
		return
	}
	s.count.responses[status%maxStatus].Add(1)
	s.loop.Send(p.Listener, replyTo(s.msg.TopVia(), p.Remote), s.scratch.out)
}

// unparsable answers what the guard or the parser refused, as far as there is
// anything to answer, and drops the rest.
func (s *shard) unparsable(p *transport.Packet, err error) {
	bad, ok := err.(*wire.Invalid)
	if !ok || !s.msg.Request || s.msg.Method == wire.Ack {
		s.count.dropped[dropNotSIP].Add(1)
		return
	}
	s.invalid(p, bad)
}

// invalid answers a request that is not well formed (§16.3 step 1), naming the
// field in the reason phrase (§21.4.1). Responses and ACKs are dropped.
func (s *shard) invalid(p *transport.Packet, bad *wire.Invalid) {
	m := &s.msg
	if !m.Request || m.Method == wire.Ack || bad.Status == 0 {
		s.count.dropped[dropInvalid].Add(1)
		return
	}
	s.appendReply(m, p.Remote, wire.Reply{Status: bad.Status, Phrase: bad.Detail})
	s.reply(p, bad.Status)
}
