package sip

import (
	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/transport"
)

// cancelOf treats a CANCEL whose INVITE we know (§9.2, §16.10): it is answered
// at once, and so is every copy; every branch that is not decided is
// cancelled, and what those answer decides what the INVITE is answered with,
// be it a 2xx that crossed the CANCEL. An INVITE that has not gone anywhere is
// answered 487 here.
func (s *shard) cancelOf(p *transport.Packet, t *txn) {
	s.appendAnswer(&s.msg, p.Remote, 200, routing.None)
	s.reply(p, 200)
	if !t.invite || t.state != serverProceeding || t.cancelled || t.finished {
		return
	}
	t.cancelled = true
	t.stopAll()
	t.next()
}
