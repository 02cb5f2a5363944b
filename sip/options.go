package sip

import (
	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/transport"
	"github.com/pbx-interlink/interlink/sip/wire"
)

// options answers an OPTIONS for the gateway itself (RFC 3261 §11.2, and §16.3
// step 3 for one whose hops are used up), as PBXs send to see whether their
// trunk is up.
// A node that drains says so: they should send their calls elsewhere.
func (s *shard) options(p *transport.Packet) {
	if s.srv.draining.Load() {
		s.statelessly(p, 0, routing.Draining)
		return
	}
	const extra = "Accept: */*\r\n" + allowed
	s.appendReply(&s.msg, p.Remote, wire.Reply{Status: 200, Phrase: wire.StatusPhrase(200), Extra: []byte(extra)})
	s.reply(p, 200)
}
