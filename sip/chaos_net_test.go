package sip

import (
	"container/heap"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// chaosNet is the world of the phones: one goroutine, one clock, one list of
// what happens when, and a network that loses, doubles and reorders datagrams.
type chaosNet struct {
	rng    *rand.Rand
	agenda agenda
	in     chan func()
	// lag is how late the last thing happened that was to happen.
	lag time.Duration
}

type happening struct {
	at time.Time
	do func()
}

// agenda is a heap by time.
type agenda []happening

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)        { *a = append(*a, x.(happening)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

func (n *chaosNet) after(d time.Duration, do func()) {
	heap.Push(&n.agenda, happening{time.Now().Add(d), do})
}

// chance is true in so many of a hundred cases.
func (n *chaosNet) chance(percent int) bool { return n.rng.IntN(100) < percent }

// upTo is a random time below d.
func (n *chaosNet) upTo(d time.Duration) time.Duration { return time.Duration(n.rng.Int64N(int64(d))) }

// run lets things happen until a condition holds; false when it does not within
// the time.
func (n *chaosNet) run(within time.Duration, until func() bool) bool {
	deadline := time.Now().Add(within)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !until() {
		now := time.Now()
		if now.After(deadline) {
			return false
		}
		// What has arrived comes first: after a pause of the machine a phone
		// must not repeat what has been answered long ago.
		if n.heardAll(); len(n.agenda) > 0 && !n.agenda[0].at.After(now) {
			next := heap.Pop(&n.agenda).(happening)
			n.lag = time.Since(next.at)
			next.do()
			continue
		}
		select {
		case f := <-n.in:
			f()
		case <-tick.C:
		}
	}
	return true
}

// heardAll works through what has arrived.
func (n *chaosNet) heardAll() {
	for {
		select {
		case f := <-n.in:
			f()
		default:
			return
		}
	}
}

// carry treats one datagram as a bad network does.
func (n *chaosNet) carry(deliver func()) {
	switch p := n.rng.IntN(100); {
	case p < 6: // lost
	case p < 12: // doubled
		deliver()
		n.after(n.upTo(2*chaosT1), deliver)
	case p < 24: // late, behind what follows
		n.after(n.upTo(2*chaosT1), deliver)
	default:
		deliver()
	}
}

// chaosPhone is one socket of a PBX with what it keeps of its transactions.
type chaosPhone struct {
	world *chaos
	name  string
	conn  *net.UDPConn
	addr  netip.AddrPort
	asked map[string]*asked // own requests, by branch
	heard map[string]*heard // requests received, by branch and method
}

func (w *chaos) phone(t *testing.T, name, ip string) *chaosPhone {
	p := &chaosPhone{
		world: w, name: name, conn: listenUDP(t, netip.AddrPortFrom(netip.MustParseAddr(ip), 0)),
		asked: map[string]*asked{}, heard: map[string]*heard{},
	}
	p.addr = addrOf(p.conn)
	w.phones = append(w.phones, p)
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 65536)
		for {
			size, err := p.conn.Read(b)
			if err != nil {
				select {
				case <-stopped:
					return
				default:
					continue // an ICMP error of one datagram
				}
			}
			data, at := slices.Clone(b[:size]), time.Now()
			arrived := func() {
				p.arrived(data, at)
				w.carry(func() { p.receive(data) })
			}
			select {
			case w.in <- arrived:
			case <-stopped:
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(stopped)
		_ = p.conn.Close()
		<-done
	})
	return p
}

// note adds to the trace of a message's call.
func (p *chaosPhone) note(at time.Time, what string, m *message) {
	p.world.trace.note(m.get("Call-ID"), chaosEvent{at: at, who: p.name, what: what, m: m})
}

// send puts a message on its way to the gateway.
func (p *chaosPhone) send(m *message) {
	data := m.bytes()
	p.note(time.Now(), "sends", m)
	p.world.carry(func() {
		if p.world.cut {
			return
		}
		p.note(time.Now(), "reaches the gateway with", m)
		// A closed socket, or an error of an earlier datagram: lost.
		_, _ = p.conn.WriteToUDPAddrPort(data, p.world.gateway)
	})
}

// arrived notes what the gateway has sent, whether or not the network lets the
// phone have it.
func (p *chaosPhone) arrived(data []byte, at time.Time) {
	m, err := readMessage(data)
	if err != nil {
		return // receive says so
	}
	p.note(at, "is sent", m)
	if _, ok := p.world.probed[m.get("Call-ID")]; ok {
		p.world.probed[m.get("Call-ID")] = true
	}
	c := p.world.calls[m.get("Call-ID")]
	if c == nil {
		return
	}
	caller, tag := p == c.caller, param(m.get("To"), "tag")
	switch {
	case caller && m.status()/100 == 2 && m.method() == "INVITE" && c.passed[tag].IsZero():
		c.passed[tag] = at
	case caller && m.what() == "BYE":
		c.told[param(m.get("From"), "tag")] = true
	case m.what() == "BYE":
		c.told[tag] = true
	}
}

func (p *chaosPhone) receive(data []byte) {
	m, err := readMessage(data)
	if err != nil {
		p.world.fault("", "%s: %v", p.name, err)
		return
	}
	p.note(time.Now(), "gets", m)
	branch := param(m.get("Via"), "branch")
	if m.status() == 0 {
		p.request(m, branch)
		return
	}
	key := branch
	if m.method() == "CANCEL" {
		key += " CANCEL"
	}
	if a := p.asked[key]; a != nil {
		a.response(m)
	}
}
