package transport

import (
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

// pingPong returns a loop that sends every datagram it gets to itself, with n
// of them under way.
func pingPong(tb testing.TB, n, size int) (*Loop, Handler) {
	c := must(Config{Listen: []netip.AddrPort{localhost4}, Loops: 1}.withDefaults())(tb)
	g := must(listenEpoll(c))(tb)
	tb.Cleanup(func() { _ = g.Close() })
	l := g.Loop(0)
	h := echo(l)
	for range n {
		l.Send(0, g.Addrs()[0], make([]byte, size))
	}
	l.Flush()
	return l, h
}

// TestNoAllocation: a turn that reads and writes a batch allocates nothing.
func TestNoAllocation(t *testing.T) {
	l, h := pingPong(t, 32, 900)
	before := l.Stats()
	allocs := testing.AllocsPerRun(200, func() {
		if _, err := l.turn(h, l.Now()+time.Second); err != nil {
			t.Fatal(err)
		}
	})
	after := l.Stats()
	if allocs != 0 {
		t.Errorf("%v allocations per turn", allocs)
	}
	if n := after.Received - before.Received; n < 200*32 || after.Sent-before.Sent != n {
		t.Errorf("200 turns moved %d in, %d out", n, after.Sent-before.Sent)
	}
}

// TestUnreachableByICMP: a port with nobody behind it is reported, to every
// loop, and the socket goes on working in between (RFC 3261 §18.4).
func TestUnreachableByICMP(t *testing.T) {
	for _, local := range []netip.AddrPort{localhost4, localhost6} {
		t.Run(local.Addr().String(), func(t *testing.T) {
			// A port that was free a moment ago.
			gone := must(net.ListenUDP("udp", net.UDPAddrFromAddrPort(local)))(t)
			dead := gone.LocalAddr().(*net.UDPAddr).AddrPort()
			must(0, gone.Close())(t)
			c := must(Config{Listen: []netip.AddrPort{local}, Loops: 3}.withDefaults())(t)
			g := must(listenEpoll(c))(t)
			told := make(chan netip.AddrPort, 64)
			stop := serve(t, g, func(l *Loop) Handler {
				return &shard{
					packet: func(p *Packet) {
						l.Send(p.Listener, dead, p.Data)
						l.Flush()
						// The error of the first may now lie on the socket.
						l.Send(p.Listener, p.Remote, p.Data)
					},
					unreachable: func(_ int, remote netip.AddrPort) { told <- remote },
				}
			})
			peer := dial(t, g.Addrs()[0])
			for range 3 {
				must(peer.Write([]byte("hello")))(t)
				if got := string(read(t, peer)); got != "hello" {
					t.Errorf("got %q", got)
				}
				for range g.Len() {
					if got := receive(t, told, "report of an unreachable address"); got != dead {
						t.Errorf("told of %s, want %s", got, dead)
					}
				}
			}
			stop()
			if s := total(g); s.Dropped != 0 || s.Unreachable != 3 {
				t.Errorf("counted %+v", s)
			}
		})
	}
}

// TestOverflowCounted: what the system throws away because the loop is behind
// is counted once something can be read again.
func TestOverflowCounted(t *testing.T) {
	c := must(Config{Listen: []netip.AddrPort{localhost4}, Loops: 1, ReceiveBuffer: 4096}.withDefaults())(t)
	g := must(listenEpoll(c))(t)
	t.Cleanup(func() { _ = g.Close() })
	l, peer := g.Loop(0), dial(t, g.Addrs()[0])
	const n = 500
	for range n {
		must(peer.Write(make([]byte, 400)))(t)
	}
	last := false
	h := &shard{packet: func(p *Packet) { last = string(p.Data) == "last" }}
	must(l.turn(h, 0))(t) // reads all there is room for
	must(peer.Write([]byte("last")))(t)
	for !last {
		must(l.turn(h, 0))(t)
	}
	if s := l.Stats(); s.Received+s.Overflowed != n+1 || s.Overflowed == 0 {
		t.Errorf("counted %+v of %d", s, n+1)
	}
}

// TestDescriptors: closing gives every descriptor back.
func TestDescriptors(t *testing.T) {
	open := func() int { return len(must(os.ReadDir("/proc/self/fd"))(t)) }
	// The first use of the network opens descriptors that stay.
	must(0, must(Listen(Config{Listen: []netip.AddrPort{localhost4}}))(t).Close())(t)
	before := open()
	g := must(Listen(Config{Listen: []netip.AddrPort{localhost4, localhost6}, Loops: 4}))(t)
	if got := open(); got != before+4*3 {
		t.Errorf("%d descriptors for 4 loops on 2 addresses", got-before)
	}
	must(0, g.Close())(t)
	if got := open(); got != before {
		t.Errorf("%d descriptors after closing, %d before", got, before)
	}
	// A failure half way gives back what was open.
	taken := must(Listen(Config{Listen: []netip.AddrPort{localhost4}, Loops: 1}))(t)
	before = open()
	if _, err := Listen(Config{Listen: []netip.AddrPort{localhost6, taken.Addrs()[0]}, Loops: 2}); err == nil {
		t.Error("a port was bound twice")
	}
	if got := open(); got != before {
		t.Errorf("%d descriptors after a failure, %d before", got, before)
	}
	must(0, taken.Close())(t)
}

// BenchmarkTurn is one datagram read and sent again, in batches of the size
// given and one by one.
func BenchmarkTurn(b *testing.B) {
	for name, n := range map[string]int{"one": 1, "batch of 32": 32} {
		b.Run(name, func(b *testing.B) {
			l, h := pingPong(b, n, 900)
			b.ReportAllocs()
			before := l.Stats().Received
			for b.Loop() {
				if _, err := l.turn(h, l.Now()+time.Second); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(l.Stats().Received-before), "ns/datagram")
		})
	}
}

// BenchmarkWakeBusy is a Wake that finds another one pending.
func BenchmarkWakeBusy(b *testing.B) {
	l, _ := pingPong(b, 1, 10)
	for b.Loop() {
		l.Wake()
	}
}
