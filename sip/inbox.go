package sip

import (
	"net/netip"
	"slices"
	"sync"

	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/transport"
)

// Bounds of what other loops may hand over to a shard and have wait there.
// Above the soft one first INVITEs are left out: their senders repeat them, and
// calls that exist go on.
const (
	inboxSoft = 4 << 20 // octets
	inboxHard = 8 << 20
)

// inbox is where a shard gets what does not come from its own socket. Only the
// inbox is shared between goroutines; it is swapped whole, once a turn.
type inbox struct {
	mu  sync.Mutex
	in  mail
	out mail // the shard's, while it works through it
}

// mail is one turn's worth. Its datagrams lie in one arena.
type mail struct {
	arena   []byte
	packets []handed
	answers []routing.Answer
	orders  []routing.LeaseID
	dead    []netip.AddrPort // where nobody listens
}

type handed struct {
	from, to int // in arena
	remote   netip.AddrPort
	listener int
}

func (m *mail) reset() {
	m.arena, m.packets, m.answers = m.arena[:0], m.packets[:0], m.answers[:0]
	m.orders, m.dead = m.orders[:0], m.dead[:0]
}

// packet hands over a datagram; false when there is no room for it.
func (b *inbox) packet(p *transport.Packet, expendable bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	bound := inboxHard
	if expendable {
		bound = inboxSoft
	}
	m := &b.in
	if len(m.arena)+len(p.Data) > bound {
		return false
	}
	from := len(m.arena)
	m.arena = append(m.arena, p.Data...)
	m.packets = append(m.packets, handed{from, len(m.arena), p.Remote, p.Listener})
	return true
}

func (b *inbox) answer(a []routing.Answer) {
	b.mu.Lock()
	b.in.answers = append(b.in.answers, a...)
	b.mu.Unlock()
}

func (b *inbox) order(id routing.LeaseID) {
	b.mu.Lock()
	b.in.orders = append(b.in.orders, id)
	b.mu.Unlock()
}

// unreachable notes an address once a turn, however often it is reported.
func (b *inbox) unreachable(a netip.AddrPort) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.in.dead, a) {
		b.in.dead = append(b.in.dead, a)
	}
}

// take returns what has come in since the last take; it is valid until the next.
func (b *inbox) take() *mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out.reset()
	b.in, b.out = b.out, b.in
	return &b.out
}
