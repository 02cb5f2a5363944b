package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// shared is what the loops of a portable group have in common: one socket per
// listen address and the goroutines that read them.
type shared struct {
	conns   []*net.UDPConn
	engines []*portableLoop
	size    int
	start   sync.Once
	done    chan struct{}
	readers sync.WaitGroup
}

// listenPortable makes a group out of what every system has. A reader per
// socket gives each datagram to the loop that its source address chooses.
func listenPortable(c Config) (*Group, error) {
	sh := &shared{size: c.MaxDatagram, done: make(chan struct{})}
	var addrs []netip.AddrPort
	for _, a := range c.Listen {
		conn, err := net.ListenUDP(network(a), net.UDPAddrFromAddrPort(a))
		if err != nil {
			sh.closeConns()
			return nil, fmt.Errorf("transport: %w", err)
		}
		sh.conns = append(sh.conns, conn)
		if err := errors.Join(conn.SetReadBuffer(c.ReceiveBuffer), conn.SetWriteBuffer(c.SendBuffer)); err != nil {
			c.Log.Warn("transport: cannot set a socket buffer", "error", err)
		}
		bound := conn.LocalAddr().(*net.UDPAddr).AddrPort()
		addrs = append(addrs, netip.AddrPortFrom(a.Addr(), bound.Port()))
	}
	g := newGroup(c, addrs)
	g.release = sh.close
	for _, l := range g.loops {
		e := newPortableLoop(c, sh, l)
		l.engine = e
		sh.engines = append(sh.engines, e)
	}
	return g, nil
}

// network keeps an address to its own family; Go itself lets "[::]" take both.
func network(a netip.AddrPort) string {
	switch {
	case a.Addr().Is4():
		return "udp4"
	case a.Addr().IsUnspecified():
		return "udp"
	}
	return "udp6"
}

func (sh *shared) closeConns() {
	for _, c := range sh.conns {
		_ = c.Close()
	}
}

// close ends the readers and waits for them; no loop runs any more.
func (sh *shared) close() {
	close(sh.done)
	sh.closeConns()
	sh.readers.Wait()
}

// run starts the readers, with the first loop that runs.
func (sh *shared) run() {
	sh.start.Do(func() {
		for i := range sh.conns {
			sh.readers.Go(func() { sh.read(i) })
		}
	})
}

func (sh *shared) read(listener int) {
	// One byte more than is taken shows that a datagram was longer.
	spare := make([]byte, sh.size+1)
	for {
		n, remote, err := sh.conns[listener].ReadFromUDPAddrPort(spare)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil && n == 0 {
			// Windows reports an ICMP error or a datagram that is too long in
			// this way. Should the error stay, the pause keeps the reader from
			// taking a processor for itself.
			select {
			case <-sh.done:
				return
			case <-time.After(time.Millisecond):
				continue
			}
		}
		remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
		sh.engines[pick(remote, len(sh.engines))].take(spare[:n], remote, listener)
	}
}

// pick chooses a loop by the source address (FNV-1a), so that the datagrams of
// one sender keep their order.
func pick(a netip.AddrPort, n int) int {
	b := a.Addr().As16()
	h := uint32(2166136261)
	for _, c := range b {
		h = (h ^ uint32(c)) * 16777619
	}
	h = (h ^ uint32(a.Port()&0xff)) * 16777619
	h = (h ^ uint32(a.Port()>>8)) * 16777619
	return int(h % uint32(n))
}

// portableLoop is the engine where there is no epoll.
type portableLoop struct {
	loop   *Loop
	shared *shared
	batch  int
	// in are datagrams that wait; free is the memory they take in turn.
	in, free chan *datagram
	wake     chan struct{}
	timer    *time.Timer
	out      []datagram
	n        int
	failed   []unreachable
	packet   Packet
}

type datagram struct {
	data     []byte
	remote   netip.AddrPort
	listener int
}

func newPortableLoop(c Config, sh *shared, l *Loop) *portableLoop {
	depth := 16 * c.Batch
	e := &portableLoop{
		loop: l, shared: sh, batch: c.Batch,
		in: make(chan *datagram, depth), free: make(chan *datagram, depth),
		wake: make(chan struct{}, 1), timer: time.NewTimer(0), out: make([]datagram, c.Batch),
	}
	for range depth {
		e.free <- &datagram{}
	}
	return e
}

// take copies a datagram into the loop's queue; reader goroutines only.
func (e *portableLoop) take(b []byte, remote netip.AddrPort, listener int) {
	counts := &e.loop.counts
	if len(b) > e.shared.size {
		counts.received.Add(1)
		counts.truncated.Add(1)
		return
	}
	select {
	case d := <-e.free:
		d.data, d.remote, d.listener = append(d.data[:0], b...), remote, listener
		e.in <- d // as many places as there is memory
		counts.received.Add(1)
	default:
		counts.overflowed.Add(1)
	}
}

func (e *portableLoop) turn(h Handler, next time.Duration) error {
	e.shared.run()
	d := e.await(e.loop.sleep(), next)
	e.loop.woken()
	if d == nil {
		return nil
	}
	e.loop.counts.reads.Add(1)
	for left := e.batch * rounds; d != nil; left-- {
		e.packet = Packet{Data: d.data, Remote: d.remote, Listener: d.listener}
		h.Packet(&e.packet)
		e.free <- d
		if d = nil; left > 0 {
			d = e.await(false, 0)
		}
	}
	return nil
}

// await returns the first datagram there is; nil when there is none yet and the
// loop is not to wait, its time has come or it was interrupted.
func (e *portableLoop) await(wait bool, next time.Duration) *datagram {
	select {
	case d := <-e.in:
		return d
	default:
	}
	if !wait {
		return nil
	}
	var timeout <-chan time.Time
	if next != 0 {
		e.timer.Reset(max(0, next-time.Since(e.loop.group.epoch)))
		defer e.timer.Stop()
		timeout = e.timer.C
	}
	select {
	case d := <-e.in:
		return d
	case <-e.wake:
	case <-timeout:
	}
	return nil
}

func (e *portableLoop) send(listener int, to netip.AddrPort, b []byte) {
	if e.n == len(e.out) {
		e.write()
	}
	d := &e.out[e.n]
	d.data, d.remote, d.listener = append(d.data[:0], b...), to, listener
	e.n++
}

func (e *portableLoop) flush() {
	e.write()
	for _, u := range e.failed {
		e.loop.group.unreachable(u.listener, u.remote)
	}
	e.failed = e.failed[:0]
}

// write sends the batch, one by one.
func (e *portableLoop) write() {
	counts := &e.loop.counts
	for i := range e.n {
		d := &e.out[i]
		counts.writes.Add(1)
		if _, err := e.shared.conns[d.listener].WriteToUDPAddrPort(d.data, d.remote); err == nil {
			counts.sent.Add(1)
			continue
		}
		counts.dropped.Add(1)
		counts.unreachable.Add(1)
		if len(e.failed) < maxNotices {
			e.failed = append(e.failed, unreachable{d.listener, d.remote})
		}
	}
	e.n = 0
}

func (e *portableLoop) interrupt() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *portableLoop) close() { e.timer.Stop() }
