package sip

import (
	"bytes"

	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/transport"
	"github.com/pbx-interlink/interlink/sip/wire"
)

// request takes a request from its arrival to the transaction that answers it.
func (s *shard) request(p *transport.Packet) {
	m := &s.msg
	if bad := m.Validate(); bad != nil { // §16.3 step 1
		s.invalid(p, bad)
		return
	}
	s.key = s.serverKeyOf(m)
	if t := s.servers[s.key]; t != nil {
		switch {
		case m.Method == wire.Cancel:
			s.cancelOf(p, t)
			return
		case m.Method != wire.Ack:
			t.again()
			return
		case t.state != serverAccepted:
			t.acked()
			return
		}
		// The ACK to a 2xx, from a sender that gave it the INVITE's branch.
	}
	s.count.requests[int(m.Method)%maxMethods].Add(1)
	switch m.Method {
	case wire.Cancel:
		// §16.10: no such transaction. There is nothing a stateful proxy could
		// have forwarded it for.
		s.statelessly(p, 481, routing.None)
		return
	case wire.Register:
		s.statelessly(p, 405, routing.None)
		return
	}
	if !s.mayGoOn(p) {
		return
	}
	if s.preprocess(p) {
		return
	}
	s.fresh(p)
}

// mayGoOn does the rest of §16.3: hops, loops and extensions asked of proxies.
func (s *shard) mayGoOn(p *transport.Packet) bool {
	m := &s.msg
	if m.MaxForwards() == 0 { // step 3
		if m.Method == wire.Options {
			s.options(p)
			return false
		}
		s.turnAway(p, routing.TooManyHops)
		return false
	}
	if m.ViaCount() > 1 && s.looped() { // step 4
		s.turnAway(p, routing.LoopDetected)
		return false
	}
	if m.First(wire.ProxyRequire) >= 0 && m.Method != wire.Ack { // step 5
		s.badExtension(p)
		return false
	}
	return true
}

// badExtension refuses extensions required of proxies: none is supported.
func (s *shard) badExtension(p *transport.Packet) {
	extra := append(s.scratch.extra[:0], "Unsupported: "...)
	first := true
	s.msg.Each(wire.ProxyRequire, func(v []byte) bool {
		if !first {
			extra = append(extra, ", "...)
		}
		first = false
		extra = append(extra, v...)
		return true
	})
	extra = append(extra, "\r\n"...)
	s.scratch.extra = extra
	s.appendReply(&s.msg, p.Remote, wire.Reply{Status: 420, Phrase: wire.StatusPhrase(420), Extra: extra})
	s.reply(p, 420)
}

// looped reports whether the request has been here before with nothing changed
// that decides its way: one of its Vias is ours and carries the same hash
// (§16.3 step 4, RFC 5393 §4.2). With another hash it is a spiral, and legal.
func (s *shard) looped() bool {
	hops := s.hopsHash()
	loop := false
	first := true
	s.msg.Each(wire.Via, func(v []byte) bool {
		if first { // the sender's own
			first = false
			return true
		}
		i := bytes.Index(v, []byte(branchPrefix))
		if i < 0 || !s.ours(v) {
			return true
		}
		end := min(len(v), i+len(branchPrefix)+33)
		if _, h, ok := branchID(v[i:end]); ok && h == hops {
			loop = true
			return false
		}
		return true
	})
	return loop
}

// ours reports whether a Via value names this gateway as sent-by.
func (s *shard) ours(via []byte) bool {
	for _, sentBy := range s.srv.sentBy {
		if bytes.Contains(via, []byte(sentBy)) {
			return true
		}
	}
	return false
}

// hopsHash covers what decides a request's way through this gateway: RFC 5393
// §4.2.1. The seed is a constant of the cluster, so that a loop over two nodes
// is seen.
func (s *shard) hopsHash() uint64 {
	m := &s.msg
	b := s.scratch.hops[:0]
	b = append(append(b, m.RequestURI()...), 0)
	b = append(append(b, m.CallID()...), 0)
	b = append(append(b, m.FromTag()...), 0)
	b = append(append(b, m.ToTag()...), 0)
	b = append(append(b, m.CSeqMethod()...), byte(m.CSeq()), byte(m.CSeq()>>8), byte(m.CSeq()>>16), byte(m.CSeq()>>24))
	for _, id := range [...]wire.HeaderID{wire.Route, wire.ProxyRequire, wire.ProxyAuthorization} {
		if m.First(id) >= 0 {
			m.Each(id, func(v []byte) bool { b = append(append(b, v...), 0); return true })
		}
	}
	s.scratch.hops = b
	return s.srv.secrets.hopsHash(b)
}

// preprocess is §16.4: it finds out whether the request is for a dialog that
// goes through us, which our Record-Route URI in a Route header (or, behind a
// strict router, in the Request-URI) says, and relays it if so. A first Route
// that is ours but carries no pass is taken off.
func (s *shard) preprocess(p *transport.Packet) bool {
	m := &s.msg
	s.edit = wire.RequestEdit{}
	if pass, ok := s.passIn(m.RequestURI()); ok {
		s.relayStrict(p, &pass)
		return true
	}
	top := m.TopRoute()
	if top == nil {
		return false
	}
	if pass, ok := s.passIn(top); ok {
		s.edit.DropRoutes = 1
		s.relay(p, &pass)
		return true
	}
	if u, err := wire.ParseURI(top); err == nil && s.isOurs(&u) {
		s.edit.DropRoutes = 1
	}
	return false
}

// isOurs reports whether a URI names this gateway.
func (s *shard) isOurs(u *wire.URI) bool {
	port := u.Port
	if port == 0 {
		port = 5060
	}
	for i, a := range s.srv.addrs {
		if int(a.Port()) == port && bytes.EqualFold(u.Host, []byte(a.Addr().String())) {
			return true
		}
		if host, p := splitSentBy(s.srv.sentBy[i]); p == port && bytes.EqualFold(u.Host, []byte(host)) {
			return true
		}
	}
	return false
}
