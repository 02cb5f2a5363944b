package sip

import (
	"hash/maphash"
	"net/netip"

	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/transport"
	"github.com/pbx-interlink/interlink/sip/wire"
)

// inside says which dialog a request belongs to.
type inside struct {
	known bool
	lease routing.LeaseID
	// peer hashes the callee's tag: it tells the dialogs of a forked call apart.
	peer uint64
}

// relay forwards a request inside a dialog that goes through us. Nothing is
// asked of the store: the pass says what must be known (in-dialog
// requests never wait for Redis). Only the two PBXs of the call may use it.
func (s *shard) relay(p *transport.Packet, pass *pass) {
	m := &s.msg
	if pass.callID != s.srv.secrets.callIDHash(m.CallID()) {
		// Another call's: its BYE would give back the lines of this one.
		s.statelessly(p, 481, routing.None)
		return
	}
	if !s.mayUse(p, pass) {
		s.statelessly(p, 0, routing.SourceUnknown)
		return
	}
	fromCaller := tagHash(m.FromTag()) == pass.callerTag
	h, ok := s.inDialogHop(p, pass, fromCaller)
	if !ok {
		s.count.dropped[dropUnroutable].Add(1)
		s.statelessly(p, 480, routing.None)
		return
	}
	s.relayTo(p, pass, fromCaller, h)
}

// dialogOf finds the call a request belongs to that names no Route of ours:
// some user agents forget the route set. It must match a dialog that is up on
// this node by Call-ID and both tags (§12).
func (s *shard) dialogOf(m *wire.Message) *call {
	if len(m.ToTag()) == 0 || len(s.byCallID) == 0 {
		return nil
	}
	c := s.byCallID[maphash.Bytes(s.srv.seed, m.CallID())]
	if c == nil {
		return nil
	}
	from, to := tagHash(m.FromTag()), tagHash(m.ToTag())
	if from == c.pass.callerTag && c.dialogs.up(to) || to == c.pass.callerTag && c.dialogs.up(from) {
		return c
	}
	return nil
}

// relayBare forwards such a request: to the other side's remote target, as a
// user agent with the route set would have had it arrive.
func (s *shard) relayBare(p *transport.Packet, c *call) {
	if !s.mayUse(p, &c.pass) {
		s.statelessly(p, 0, routing.SourceUnknown)
		return
	}
	fromCaller := tagHash(s.msg.FromTag()) == c.pass.callerTag
	tag := s.msg.ToTag()
	if !fromCaller {
		tag = s.msg.FromTag()
	}
	uri, h := c.dialogs.at(c.dialogs.index(tagHash(tag))).target(fromCaller)
	if u, err := wire.ParseURI(s.msg.RequestURI()); err == nil && s.isOurs(&u) {
		s.scratch.uri = append(s.scratch.uri[:0], uri...)
		s.edit.URI = s.scratch.uri
	}
	s.relayTo(p, &c.pass, fromCaller, h)
}

// relayTo sends a request inside a dialog on its way.
func (s *shard) relayTo(p *transport.Packet, pass *pass, fromCaller bool, h hop) {
	m := &s.msg
	in := inside{known: true, lease: pass.lease, peer: tagHash(m.ToTag())}
	if !fromCaller {
		in.peer = tagHash(m.FromTag())
	}
	c := s.calls[pass.lease]
	if c != nil {
		c.dialogs.heard(fromCaller, m.CSeq())
	}
	if m.Method == wire.Ack {
		s.relayAck(p, h)
		return
	}
	if s.crowded(2 * txnsPerCall) {
		s.statelessly(p, 0, routing.Overloaded)
		return
	}
	t := s.begin(p)
	t.inside, t.hops = in, s.hopsHash()
	if t.invite {
		s.appendReply(m, p.Remote, wire.Reply{Status: 100, Phrase: wire.StatusPhrase(100)})
		t.respond(100, s.scratch.out)
	}
	b := t.open(h.listener, h.target)
	b.start(s.forwardTo(m, p.Remote, h, b.id, t.hops))
}

// mayUse: the request comes from an address of the call's two sides, or from a
// trunk of their accounts.
func (s *shard) mayUse(p *transport.Packet, pass *pass) bool {
	if pass.knows(p.Remote.Addr()) {
		return true
	}
	trunk, reason := s.router.Caller(p.Remote)
	return (reason == routing.None || reason == routing.AccountDisabled) && trunk != nil && pass.of(trunk.Account)
}

// relayAck forwards the ACK to a 2xx: it belongs to no transaction (§16.11 for
// its branch: the same for every copy).
func (s *shard) relayAck(p *transport.Packet, h hop) {
	m := &s.msg
	id := mix(mix(s.srv.secrets.loopKey, m.TopVia().Branch), m.CallID())
	out := s.forwardTo(m, p.Remote, h, id, s.hopsHash())
	s.loop.Send(h.listener, h.target, out)
}

// inDialogHop is §16.6 steps 6 and 7 for a request whose first Route was ours:
// the next Route, or the Request-URI. A next hop that is no loose router gets
// the Request-URI and the Route set turned round (step 6). Names are not
// resolved: the request goes to where that side's INVITE or 2xx went.
func (s *shard) inDialogHop(p *transport.Packet, pass *pass, fromCaller bool) (h hop, ok bool) {
	m := &s.msg
	next := m.RequestURI()
	n := 0
	m.Each(wire.Route, func(v []byte) bool {
		if n++; n <= s.edit.DropRoutes {
			return true
		}
		if addr, err := wire.ParseNameAddr(v); err == nil {
			next = addr.URI
			if u, err := wire.ParseURI(addr.URI); err == nil {
				if _, loose := u.Param("lr"); !loose {
					s.strictNext(addr.URI)
				}
			}
		}
		return false
	})
	other := pass.calleeAddr
	if !fromCaller {
		other = pass.callerAddr
	}
	target, named := addressOf(next)
	if !named || s.own(target) {
		target = other
	}
	h.listener, ok = s.listenerFor(p.Listener, target)
	h.target = target
	return h, ok
}

// strictNext prepares for a strict router as next hop (§16.6 step 6): the
// Request-URI goes to the end of the Route set, the router's URI takes its
// place.
func (s *shard) strictNext(router []byte) {
	s.edit.AppendRoute = append(append([]byte("<"), s.msg.RequestURI()...), '>')
	s.edit.URI = router
	s.edit.DropRoutes++
}

// relayStrict treats a request that a strict router sent us: our Record-Route
// URI stands in the Request-URI, what belongs there is the last Route (§16.4).
func (s *shard) relayStrict(p *transport.Packet, pass *pass) {
	m := &s.msg
	var routes [][]byte
	m.Each(wire.Route, func(v []byte) bool { routes = append(routes, v); return true })
	if len(routes) == 0 {
		s.statelessly(p, 400, routing.None)
		return
	}
	addr, err := wire.ParseNameAddr(routes[len(routes)-1])
	if err != nil {
		s.statelessly(p, 400, routing.None)
		return
	}
	s.straighten(addr.URI, routes[:len(routes)-1])
	var straight wire.Message
	if straight.Parse(s.scratch.straight) != nil || straight.Validate() != nil {
		s.statelessly(p, 400, routing.None)
		return
	}
	s.msg, straight = straight, s.msg
	// What the strict router took off for us is off: no Route is ours now.
	s.edit = wire.RequestEdit{}
	s.relay(p, pass)
}

// straighten rewrites the request in hand, into scratch.straight, as a loose
// router would have sent it.
func (s *shard) straighten(uri []byte, routes [][]byte) {
	m := &s.msg
	out := append(append(s.scratch.straight[:0], m.MethodText()...), ' ')
	out = append(append(out, uri...), " SIP/2.0\r\n"...)
	for _, h := range m.Headers {
		if h.ID != wire.Route {
			out = append(out, m.Raw[h.Start:h.End]...)
		}
	}
	for _, r := range routes {
		out = append(append(append(out, "Route: "...), r...), "\r\n"...)
	}
	out = append(out, "\r\n"...)
	s.scratch.straight = append(out, m.Body()...)
}

// own reports whether an address is one this node listens on.
func (s *shard) own(a netip.AddrPort) bool {
	for _, l := range s.srv.addrs {
		if l == a {
			return true
		}
	}
	return false
}
