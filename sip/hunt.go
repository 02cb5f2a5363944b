package sip

import "github.com/pbx-interlink/interlink/sip/wire"

// A trunk's addresses are tried one after the other, until one replies.

// forward sends the INVITE to the trunk's next address; false when there is
// none left.
func (c *call) forward() bool {
	s, t := c.s, c.t
	for c.tried < len(c.route.Trunk.Addresses) {
		addr := c.route.Trunk.Addresses[c.tried]
		c.tried++
		listener, ok := s.listenerFor(int(t.listener), addr)
		if !ok {
			s.srv.cfg.Log.Warn("sip: no listener of that address family", "target", addr)
			continue
		}
		m := t.message()
		c.pass.listener, c.pass.calleeAddr = uint8(listener), addr
		s.edit = wire.RequestEdit{Drop: routeHeader}
		s.scratch.uri = appendTargetURI(s.scratch.uri[:0], c.route.User, addr)
		s.edit.URI = s.scratch.uri
		s.scratch.route = s.appendRecordRoute(s.scratch.route[:0], listener, &c.pass)
		s.edit.RecordRoute = s.scratch.route
		b := t.open(listener, addr)
		b.start(s.forwardTo(m, t.remote, hop{listener, addr}, b.id, t.hops))
		if c.tried < len(c.route.Trunk.Addresses) {
			s.timers.Set(&c.limit, s.loop.Now()+s.srv.cfg.NoReply)
		} else {
			s.timers.Stop(&c.limit)
		}
		return true
	}
	return false
}

// replied: a branch got its first provisional response. If it is the last one
// tried, no other address has its turn for silence any more.
func (c *call) replied(b *branch) {
	if c.state == callRinging && b == c.t.branches[len(c.t.branches)-1] {
		c.s.timers.Stop(&c.limit)
	}
}

// silent: the last address tried has not replied. The next one has its turn; what
// the silent one says after all still counts.
func (c *call) silent() {
	b := c.t.branches[len(c.t.branches)-1]
	if b.state == branchCalling && !b.abandoned {
		b.abandoned = true
		c.s.srv.cfg.Log.Debug("sip: no reply, trying the next address", "target", b.target)
		c.t.next()
	}
}
