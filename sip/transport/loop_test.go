package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	localhost4 = netip.MustParseAddrPort("127.0.0.1:0")
	localhost6 = netip.MustParseAddrPort("[::1]:0")
)

// eachEngine runs a test over every engine this system has.
func eachEngine(t *testing.T, f func(t *testing.T, listen func(Config) (*Group, error))) {
	for name, open := range engines() {
		t.Run(name, func(t *testing.T) {
			f(t, func(c Config) (*Group, error) {
				c, err := c.withDefaults()
				if err != nil {
					return nil, err
				}
				return open(c)
			})
		})
	}
}

// shard is a Handler made of functions.
type shard struct {
	packet      func(*Packet)
	unreachable func(int, netip.AddrPort)
	turn        func(time.Duration) time.Duration
}

func (s *shard) Packet(p *Packet) {
	if s.packet != nil {
		s.packet(p)
	}
}

func (s *shard) Unreachable(listener int, remote netip.AddrPort) {
	if s.unreachable != nil {
		s.unreachable(listener, remote)
	}
}

func (s *shard) Turn(now time.Duration) time.Duration {
	if s.turn != nil {
		return s.turn(now)
	}
	return 0
}

// serve runs every loop until the test ends, or until the function returned is
// called: what was counted is final then.
func serve(t *testing.T, g *Group, handler func(*Loop) Handler) (stop func()) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range g.Len() {
		l := g.Loop(i)
		h := handler(l)
		wg.Go(func() {
			if err := l.Run(h); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	stop = func() {
		if err := g.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		wg.Wait()
	}
	t.Cleanup(stop)
	return stop
}

func echo(l *Loop) Handler {
	return &shard{packet: func(p *Packet) { l.Send(p.Listener, p.Remote, p.Data) }}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// dial returns a socket of the test's own, closed at its end.
func dial(t *testing.T, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	c := must(net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to)))(t)
	t.Cleanup(func() { _ = c.Close() })
	must(0, c.SetDeadline(time.Now().Add(20*time.Second)))(t)
	return c
}

func read(t *testing.T, c *net.UDPConn) []byte {
	t.Helper()
	b := make([]byte, 70_000)
	n := must(c.Read(b))(t)
	return b[:n]
}

func receive[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	select {
	case v := <-c:
		return v
	case <-ctx.Done():
		t.Fatalf("no %s", what)
		panic("unreachable")
	}
}

// total adds up what all loops counted.
func total(g *Group) (sum Stats) {
	for i := range g.Len() {
		s := g.Loop(i).Stats()
		sum.Received += s.Received
		sum.Sent += s.Sent
		sum.Truncated += s.Truncated
		sum.Dropped += s.Dropped
		sum.Overflowed += s.Overflowed
		sum.Unreachable += s.Unreachable
		sum.Reads += s.Reads
		sum.Writes += s.Writes
	}
	return sum
}

// TestEcho: datagrams of several senders to several addresses, of both
// families, come back unchanged, each from the address it was sent to.
func TestEcho(t *testing.T) {
	eachEngine(t, func(t *testing.T, listen func(Config) (*Group, error)) {
		g := must(listen(Config{Listen: []netip.AddrPort{localhost4, localhost6, localhost4}, Loops: 3, Batch: 4}))(t)
		stop := serve(t, g, echo)
		addrs := g.Addrs()
		if addrs[0].Port() == 0 || addrs[0].Port() == addrs[2].Port() {
			t.Fatalf("bound to %v", addrs)
		}
		const senders, each = 8, 20
		for _, a := range addrs {
			for s := range senders {
				c := dial(t, a)
				for i := range each {
					want := bytes.Repeat([]byte{byte(s), byte(i)}, i*30)
					must(c.Write(want))(t)
					if got := read(t, c); !bytes.Equal(got, want) {
						t.Fatalf("%s: got %d bytes back, want %d", a, len(got), len(want))
					}
				}
			}
		}
		want := uint64(len(addrs) * senders * each)
		stop()
		if s := total(g); s.Received != want || s.Sent != want || s.Dropped != 0 || s.Overflowed != 0 {
			t.Errorf("counted %+v, want %d both ways", s, want)
		}
	})
}

// TestOrder: what one sender sends arrives in order, and so do the answers.
func TestOrder(t *testing.T) {
	eachEngine(t, func(t *testing.T, listen func(Config) (*Group, error)) {
		g := must(listen(Config{Listen: []netip.AddrPort{localhost4}, Loops: 2, Batch: 8}))(t)
		serve(t, g, echo)
		c := dial(t, g.Addrs()[0])
		const n = 100
		for i := range n {
			must(fmt.Fprintf(c, "datagram %d", i))(t)
		}
		for i := range n {
			if got, want := string(read(t, c)), fmt.Sprintf("datagram %d", i); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
	})
}

// TestDualStack: an unspecified IPv6 address takes IPv4 too, and names it so.
func TestDualStack(t *testing.T) {
	eachEngine(t, func(t *testing.T, listen func(Config) (*Group, error)) {
		g := must(listen(Config{Listen: []netip.AddrPort{netip.MustParseAddrPort("[::]:0")}, Loops: 2}))(t)
		from := make(chan netip.AddrPort, 1)
		serve(t, g, func(l *Loop) Handler {
			return &shard{packet: func(p *Packet) {
				from <- p.Remote
				l.Send(p.Listener, p.Remote, p.Data)
			}}
		})
		c := dial(t, netip.AddrPortFrom(localhost4.Addr(), g.Addrs()[0].Port()))
		must(c.Write([]byte("hello")))(t)
		if got := read(t, c); string(got) != "hello" {
			t.Errorf("got %q", got)
		}
		if got, want := receive(t, from, "datagram"), c.LocalAddr().(*net.UDPAddr).AddrPort(); got != want {
			t.Errorf("came from %v, want %v", got, want)
		}
	})
}

// TestTruncated: a datagram of MaxDatagram bytes is taken, one of a byte more
// is counted and dropped.
func TestTruncated(t *testing.T) {
	eachEngine(t, func(t *testing.T, listen func(Config) (*Group, error)) {
		g := must(listen(Config{Listen: []netip.AddrPort{localhost4}, Loops: 1, MaxDatagram: 512}))(t)
		stop := serve(t, g, echo)
		c := dial(t, g.Addrs()[0])
		for _, n := range []int{513, 60_000, 512, 0, 1} {
			must(c.Write(make([]byte, n)))(t)
		}
		for _, n := range []int{512, 0, 1} {
			if got := len(read(t, c)); got != n {
				t.Fatalf("got %d bytes, want %d", got, n)
			}
		}
		stop()
		if s := total(g); s.Truncated != 2 || s.Sent != 3 {
			t.Errorf("counted %+v, want 2 truncated, 3 sent", s)
		}
	})
}

// TestLargeBatch: more than a batch holds, in number and in bytes, goes out of
// one turn complete.
func TestLargeBatch(t *testing.T) {
	eachEngine(t, func(t *testing.T, listen func(Config) (*Group, error)) {
		g := must(listen(Config{Listen: []netip.AddrPort{localhost4}, Loops: 1, Batch: 3}))(t)
		sizes := []int{60_000, 10, 20_000, 40_000, 5, 6, 7, 8, 60_000}
		serve(t, g, func(l *Loop) Handler {
			return &shard{packet: func(p *Packet) {
				for i, n := range sizes {
					l.Send(p.Listener, p.Remote, bytes.Repeat([]byte{byte(i)}, n))
				}
			}}
		})
		c := dial(t, g.Addrs()[0])
		must(0, c.SetReadBuffer(1<<20))(t)
		must(c.Write([]byte("go")))(t)
		for i, n := range sizes {
			if got := read(t, c); !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, n)) {
				t.Fatalf("answer %d: %d bytes, want %d", i, len(got), n)
			}
		}
	})
}

// TestTimer: Turn runs when it asked to, not before, and without traffic.
func TestTimer(t *testing.T) {
	eachEngine(t, func(t *testing.T, listen func(Config) (*Group, error)) {
		g := must(listen(Config{Listen: []netip.AddrPort{localhost4}, Loops: 1}))(t)
		const step = 3 * time.Millisecond
		done := make(chan struct{})
		var due time.Duration
		fired := 0
		serve(t, g, func(l *Loop) Handler {
			return &shard{turn: func(now time.Duration) time.Duration {
				if now != l.Now() {
					t.Errorf("Turn at %v, Now says %v", now, l.Now())
				}
				if due != 0 && now < due {
					return due // not yet: something else ended the wait
				}
				if fired++; fired == 10 {
					close(done)
				}
				if fired >= 10 {
					return 0
				}
				due = now + step
				return due
			}}
		})
		receive(t, done, "tenth timer")
	})
}

// TestWake: nothing handed over before a Wake is left lying, whoever races.
func TestWake(t *testing.T) {
	eachEngine(t, func(t *testing.T, listen func(Config) (*Group, error)) {
		g := must(listen(Config{Listen: []netip.AddrPort{localhost4}, Loops: 1}))(t)
		const writers, each = 4, 2000
		var mu sync.Mutex
		inbox, taken := 0, 0
		got := make(chan int, writers*each)
		serve(t, g, func(*Loop) Handler {
			return &shard{turn: func(time.Duration) time.Duration {
				mu.Lock()
				n := inbox
				inbox = 0
				mu.Unlock()
				if taken += n; n > 0 {
					got <- taken
				}
				return 0
			}}
		})
		for range writers {
			go func() {
				for range each {
					mu.Lock()
					inbox++
					mu.Unlock()
					g.Loop(0).Wake()
				}
			}()
		}
		for last := 0; last < writers*each; {
			last = receive(t, got, "turn for what was handed over")
		}
	})
}

// TestClose: a group that never ran, one that runs and one closed by its own
// handler end; closing twice and waking afterwards do no harm.
func TestClose(t *testing.T) {
	eachEngine(t, func(t *testing.T, listen func(Config) (*Group, error)) {
		never := must(listen(Config{Listen: []netip.AddrPort{localhost4, localhost6}, Loops: 2}))(t)
		addr := never.Addrs()[0]
		must(0, errors.Join(never.Close(), never.Close()))(t)
		if err := never.Loop(0).Run(&shard{}); err != nil {
			t.Errorf("Run after Close: %v", err)
		}
		// Nothing holds the port any more.
		again := must(listen(Config{Listen: []netip.AddrPort{addr}, Loops: 1}))(t)
		ended := make(chan error, 1)
		go func() {
			ended <- again.Loop(0).Run(&shard{packet: func(*Packet) { _ = again.Close() }})
		}()
		must(dial(t, addr).Write([]byte("end")))(t)
		if err := receive(t, ended, "end of Run"); err != nil {
			t.Errorf("Run: %v", err)
		}
		again.Loop(0).Wake()
		must(0, again.Close())(t)
	})
}

// TestPortTaken: a second group on the same port is refused, however many loops
// share it already.
func TestPortTaken(t *testing.T) {
	eachEngine(t, func(t *testing.T, listen func(Config) (*Group, error)) {
		g := must(listen(Config{Listen: []netip.AddrPort{localhost4}, Loops: 2}))(t)
		t.Cleanup(func() { _ = g.Close() })
		if second, err := listen(Config{Listen: g.Addrs(), Loops: 2}); err == nil {
			_ = second.Close()
			t.Fatal("two groups share a port")
		}
	})
}

func TestPanicIsNotSwallowed(t *testing.T) {
	eachEngine(t, func(t *testing.T, listen func(Config) (*Group, error)) {
		g := must(listen(Config{Listen: []netip.AddrPort{localhost4}, Loops: 1}))(t)
		defer func() {
			if got := recover(); got != "boom" {
				t.Errorf("recovered %v", got)
			}
			must(0, g.Close())(t)
		}()
		_ = g.Loop(0).Run(&shard{turn: func(time.Duration) time.Duration { panic("boom") }})
		t.Error("Run returned")
	})
}

func TestConfigRefused(t *testing.T) {
	for name, c := range map[string]Config{
		"no address":      {},
		"invalid address": {Listen: []netip.AddrPort{{}}},
		"too many loops":  {Listen: []netip.AddrPort{localhost4}, Loops: 257},
		"negative loops":  {Listen: []netip.AddrPort{localhost4}, Loops: -1},
		"batch":           {Listen: []netip.AddrPort{localhost4}, Batch: 2000},
		"datagram":        {Listen: []netip.AddrPort{localhost4}, MaxDatagram: 100},
	} {
		if g, err := Listen(c); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
			if g != nil {
				_ = g.Close()
			}
		}
	}
}

// TestSendFailure: a datagram to where the system has no way is dropped, told
// to every loop, and does not hold up the others of its batch.
func TestSendFailure(t *testing.T) {
	eachEngine(t, func(t *testing.T, listen func(Config) (*Group, error)) {
		g := must(listen(Config{Listen: []netip.AddrPort{localhost4}, Loops: 2}))(t)
		// A socket bound to IPv4 cannot send to IPv6; port 0 is refused too.
		nowhere := []netip.AddrPort{netip.MustParseAddrPort("[2001:db8::1]:5060"), netip.MustParseAddrPort("127.0.0.1:0")}
		told := make(chan netip.AddrPort, 64)
		stop := serve(t, g, func(l *Loop) Handler {
			return &shard{
				packet: func(p *Packet) {
					for _, to := range nowhere {
						l.Send(p.Listener, p.Remote, p.Data)
						l.Send(p.Listener, to, p.Data)
					}
					l.Send(p.Listener, p.Remote, p.Data)
				},
				unreachable: func(_ int, remote netip.AddrPort) { told <- remote },
			}
		})
		c := dial(t, g.Addrs()[0])
		must(c.Write([]byte("hello")))(t)
		for range len(nowhere) + 1 {
			if got := string(read(t, c)); got != "hello" {
				t.Errorf("got %q", got)
			}
		}
		heard := map[netip.AddrPort]int{}
		for range g.Len() * len(nowhere) {
			heard[receive(t, told, "report of an unreachable address")]++
		}
		for _, to := range nowhere {
			if heard[to] != g.Len() {
				t.Errorf("%d of %d loops were told of %s; heard %v", heard[to], g.Len(), to, heard)
			}
		}
		stop()
		if s := total(g); s.Dropped != uint64(len(nowhere)) {
			t.Errorf("counted %+v", s)
		}
	})
}

// TestSpread: with several loops, many senders are shared out among them.
func TestSpread(t *testing.T) {
	eachEngine(t, func(t *testing.T, listen func(Config) (*Group, error)) {
		g := must(listen(Config{Listen: []netip.AddrPort{localhost4}, Loops: 2}))(t)
		serve(t, g, echo)
		for range 64 {
			c := dial(t, g.Addrs()[0])
			must(c.Write([]byte("x")))(t)
			read(t, c)
		}
		per := []uint64{g.Loop(0).Stats().Received, g.Loop(1).Stats().Received}
		if slices.Contains(per, 0) {
			t.Errorf("64 senders were shared out as %v", per)
		}
	})
}

// TestRunTwice: a loop serves one handler only.
func TestRunTwice(t *testing.T) {
	eachEngine(t, func(t *testing.T, listen func(Config) (*Group, error)) {
		g := must(listen(Config{Listen: []netip.AddrPort{localhost4}, Loops: 1}))(t)
		up := make(chan struct{}, 1)
		serve(t, g, func(*Loop) Handler {
			return &shard{turn: func(time.Duration) time.Duration {
				select {
				case up <- struct{}{}:
				default:
				}
				return 0
			}}
		})
		receive(t, up, "turn")
		if err := g.Loop(0).Run(&shard{}); !errors.Is(err, ErrRunning) {
			t.Errorf("second Run: %v", err)
		}
	})
}
