package sip

import (
	"bytes"
	crand "crypto/rand"
	"hash/maphash"
	"math/rand/v2"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/transport"
	"github.com/pbx-interlink/interlink/sip/wheel"
	"github.com/pbx-interlink/interlink/sip/wire"
)

// shard owns the calls and transactions whose Call-ID hashes to it. Everything
// but its inbox and counters belongs to its loop's goroutine.
type shard struct {
	srv     *Server
	loop    *transport.Loop
	router  *routing.Router
	timers  *wheel.Wheel[expirer]
	servers map[serverKey]*txn
	// branches finds a client transaction by the id in our Via branch.
	branches map[uint64]*branch
	calls    map[routing.LeaseID]*call
	// byCallID finds a call that is up by its Call-ID's hash.
	byCallID map[uint64]*call
	leaser   *leaser
	random   *rand.ChaCha8
	inbox    inbox
	// dead and over hold the transactions and calls that ended this turn.
	dead []*txn
	over []*call
	// lost are addresses where nobody listens, until the next sweep; swept is
	// when the last one was.
	lost  []netip.AddrPort
	sweep wheel.Timer[expirer]
	swept time.Duration
	// asked: the ledger was asked for lines this turn; confirms and releases
	// can wait for the next who asks, or a few milliseconds.
	asked bool
	// msg is the message in hand; the next one overwrites it. key is its server
	// transaction's, if it is a request that passed Validate.
	msg wire.Message
	key serverKey
	// sent is branch.request's, best txn.finish's.
	sent wire.Message
	best wire.Message
	edit wire.RequestEdit
	// cdr is for the journal, which keeps a copy.
	cdr     routing.CDR
	scratch scratch
	free    freelists
	count   counters
}

// scratch holds buffers for what is being built; none outlives the message in
// hand.
type scratch struct {
	out, via, route, uri, pass, user, extra []byte
	hops, straight                          []byte
	opened                                  passSpace
}

func newShard(srv *Server, loop *transport.Loop) *shard {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails (crypto/rand)
	s := &shard{
		srv: srv, loop: loop, router: srv.cfg.Router,
		timers:   wheel.New[expirer](loop.Now()),
		servers:  map[serverKey]*txn{},
		branches: map[uint64]*branch{},
		calls:    map[routing.LeaseID]*call{},
		byCallID: map[uint64]*call{},
		leaser:   newLeaser(srv.secrets),
		random:   rand.NewChaCha8(seed),
	}
	s.sweep = wheel.Timer[expirer]{Value: s, Kind: shardSweep}
	return s
}

// Packet takes a datagram from this loop's socket: to its own shard, or to the
// one the Call-ID belongs to.
func (s *shard) Packet(p *transport.Packet) {
	if n := len(s.srv.shards); n > 1 {
		// What has no Call-ID is no transaction's: it is answered where it came in.
		id, first := callIDOf(p.Data)
		if other := s.srv.shards[maphash.Bytes(s.srv.seed, id)%uint64(n)]; id != nil && other != s {
			if !other.inbox.packet(p, first) {
				s.count.dropped[dropBacklog].Add(1)
			}
			other.loop.Wake()
			return
		}
	}
	s.handle(p)
}

// handle works on one message. A defect in one message's treatment must not
// take the node down: it is logged, counted, and the message is gone.
func (s *shard) handle(p *transport.Packet) {
	defer func() {
		if r := recover(); r != nil {
			s.count.dropped[dropPanic].Add(1)
			s.srv.cfg.Log.Error("sip: message dropped", "panic", r, "remote", p.Remote, "stack", string(debug.Stack()))
		}
	}()
	m := &s.msg
	if err := m.Parse(p.Data); err != nil {
		s.unparsable(p, err)
		return
	}
	if m.Request {
		s.request(p)
		return
	}
	s.response(p)
}

// Turn works through the inbox and the timers, and lets the ledger go.
func (s *shard) Turn(now time.Duration) time.Duration {
	mail := s.inbox.take()
	var p transport.Packet
	for _, h := range mail.packets {
		p.Data, p.Remote, p.Listener = mail.arena[h.from:h.to:h.to], h.remote, h.listener
		s.handle(&p)
	}
	for i := range mail.answers {
		s.guarded(func() { s.answered(&mail.answers[i]) })
	}
	s.noteLost(mail.dead)
	for _, id := range mail.orders {
		if c := s.calls[id]; c != nil {
			s.guarded(c.end)
		}
	}
	s.timers.Advance(now, s.expired)
	s.bury()
	if s.asked {
		s.asked = false
		s.srv.cfg.Ledger.Flush()
	}
	next, _ := s.timers.Next()
	return next
}

func (s *shard) expired(t *wheel.Timer[expirer]) {
	s.guarded(func() { t.Value.expire(t.Kind) })
}

func (s *shard) guarded(f func()) {
	defer func() {
		if r := recover(); r != nil {
			s.count.dropped[dropPanic].Add(1)
			s.srv.cfg.Log.Error("sip: event dropped", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	f()
}

// LedgerAnswers takes the ledger's answers on the ledger's goroutine.
func (s *shard) LedgerAnswers(a []routing.Answer) {
	s.inbox.answer(a)
	s.loop.Wake()
}

// callIDOf finds the Call-ID's value in a datagram without parsing it, and
// tells whether it is a request that may begin a call: an INVITE. All it is
// good for is choosing a shard: the value is not checked. Nil: no Call-ID.
func callIDOf(b []byte) (id []byte, first bool) {
	b = bytes.TrimLeft(b, "\r\n")
	first = bytes.HasPrefix(b, []byte("INVITE "))
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 || i+1 >= len(b) {
			return nil, first
		}
		b = b[i+1:]
		name := 0
		switch b[0] | 0x20 {
		case 'i':
			name = 1
		case 'c':
			if len(b) < 8 || !bytes.EqualFold(b[:7], []byte("call-id")) {
				continue
			}
			name = 7
		default:
			continue
		}
		value, found := bytes.CutPrefix(bytes.TrimLeft(b[name:], " \t"), []byte(":"))
		if !found {
			continue
		}
		end := bytes.IndexByte(value, '\n')
		// A folded value ("Call-ID:\r\n id") goes on in the next line.
		for end >= 0 && end+1 < len(value) && (value[end+1] == ' ' || value[end+1] == '\t') {
			next := bytes.IndexByte(value[end+1:], '\n')
			if next < 0 {
				break
			}
			end += 1 + next
		}
		if end < 0 {
			end = len(value)
		}
		return bytes.TrimSpace(value[:end]), first
	}
}
