package transport

import (
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Group is a set of loops on the same listen addresses.
type Group struct {
	addrs []netip.AddrPort
	loops []*Loop
	epoch time.Time
	// closing makes every Run return.
	closing atomic.Bool
	// release, where not nil, frees what the loops share, after the last of
	// them is closed.
	release func()
	open    atomic.Int32
}

// Listen binds every address for every loop. The sockets are open, and queue
// what arrives, but nothing is read until Run.
func Listen(c Config) (*Group, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	return listen(c)
}

// newGroup makes the loops; the engines are put in afterwards.
func newGroup(c Config, addrs []netip.AddrPort) *Group {
	g := &Group{addrs: addrs, epoch: time.Now()}
	g.open.Store(int32(c.Loops))
	for i := range c.Loops {
		l := &Loop{group: g, index: i}
		// The first turn does not wait: the handler may have timers already.
		l.awake.Store(loopAsked)
		g.loops = append(g.loops, l)
	}
	return g
}

// Addrs are the addresses bound, in the order of Config.Listen, with the ports
// that were chosen.
func (g *Group) Addrs() []netip.AddrPort { return append([]netip.AddrPort(nil), g.addrs...) }

// Len is the number of loops.
func (g *Group) Len() int { return len(g.loops) }

// Loop returns the loop with an index from 0 to Len()-1.
func (g *Group) Loop(i int) *Loop { return g.loops[i] }

// Close makes every Run return, without waiting for it: it may be called from
// a handler. Each loop's descriptors are closed by the time its Run returns,
// or here when it never ran.
func (g *Group) Close() error {
	g.closing.Store(true)
	for _, l := range g.loops {
		l.mu.Lock()
		started := l.started
		l.started = true
		l.mu.Unlock()
		if started {
			l.Wake()
		} else {
			l.close()
		}
	}
	return nil
}

// unreachable tells every loop of an error from the network: with SO_REUSEPORT
// an ICMP error comes to the loop that would get the remote's datagrams, not
// to the one that sent.
func (g *Group) unreachable(listener int, remote netip.AddrPort) {
	for _, l := range g.loops {
		l.notice(unreachable{listener, remote})
	}
}

// Loop reads and writes for one Handler.
type Loop struct {
	group  *Group
	index  int
	engine engine
	counts counters
	now    time.Duration
	// awake says whether a Wake has anything to do.
	awake atomic.Uint32

	mu      sync.Mutex
	started bool
	closed  bool
	// notices wait for the handler; noticed is len(notices) > 0.
	notices []unreachable
	spare   []unreachable
	noticed atomic.Bool
}

type unreachable struct {
	listener int
	remote   netip.AddrPort
}

// maxNotices bounds what a flood of ICMP errors can pile up.
const maxNotices = 256

// engine is the way a system waits, reads and writes.
type engine interface {
	// turn waits until there is something to read, the time next (0: none), or
	// interrupt, unless Loop.sleep says that there is no time for it. It hands
	// h what came in.
	turn(h Handler, next time.Duration) error
	send(listener int, to netip.AddrPort, b []byte)
	flush()
	// interrupt ends a wait, from any goroutine. It is not called after close.
	interrupt()
	close()
}

// rounds bounds how many batches one socket is read in one turn, so that
// timers and the inbox get their turn under any load. What is left is found by
// the next wait, at once.
const rounds = 4

// States of Loop.awake.
const (
	loopBusy   uint32 = iota // going round; nobody asked for another turn
	loopAsked                // another turn is asked for
	loopAsleep               // waits, or is about to
)

// Run serves the handler until Close, and returns nil then. It blocks; the
// caller starts one goroutine per loop. A second Run of a loop is ErrRunning.
func (l *Loop) Run(h Handler) error {
	l.mu.Lock()
	started := l.started
	l.started = true
	l.mu.Unlock()
	switch {
	case started && l.group.closing.Load():
		return nil // closed before it began
	case started:
		return ErrRunning
	}
	defer l.close()
	var next time.Duration
	for !l.group.closing.Load() {
		var err error
		if next, err = l.turn(h, next); err != nil {
			return err
		}
	}
	return nil
}

// turn goes round once and returns when the handler wants the next at the
// latest.
func (l *Loop) turn(h Handler, next time.Duration) (time.Duration, error) {
	if err := l.engine.turn(h, next); err != nil {
		return 0, err
	}
	if l.noticed.Load() {
		l.deliver(h)
	}
	next = h.Turn(l.now)
	l.engine.flush()
	// A loop that always finds something to read never parks: whoever else has
	// work (the ledger's sender, the API) gets its turn here.
	runtime.Gosched()
	l.counts.turns.Add(1)
	return next, nil
}

// sleep is called by the engine right before it waits; false: somebody has
// asked for another turn. Whoever asks after it finds loopAsleep and interrupts
// the wait.
func (l *Loop) sleep() bool { return l.awake.CompareAndSwap(loopBusy, loopAsleep) }

// woken is called by the engine when its wait is over, before any datagram is
// handled: whoever hands the shard something from here on gets another turn.
func (l *Loop) woken() {
	l.awake.Store(loopBusy)
	l.now = time.Since(l.group.epoch)
}

// Now is the time since the group was made, read once per turn; the clock is
// monotonic and the same for all loops. Loop goroutine only.
func (l *Loop) Now() time.Duration { return l.now }

// Index is the loop's place in its group.
func (l *Loop) Index() int { return l.index }

// Send copies a datagram into the batch that goes out at the end of the turn, or
// when the batch is full. Datagrams to one listener's socket keep their order.
// Loop goroutine only.
func (l *Loop) Send(listener int, to netip.AddrPort, b []byte) { l.engine.send(listener, to, b) }

// Flush sends the batch now. Loop goroutine only.
func (l *Loop) Flush() { l.engine.flush() }

// Wake asks for one more turn, from any goroutine. Any number of calls before
// that turn count as one; what was handed over before Wake is there for the
// turn to see. It costs a system call only when the loop sleeps.
func (l *Loop) Wake() {
	if l.awake.Swap(loopAsked) != loopAsleep {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.engine.interrupt()
	}
}

// Stats returns the counters; any goroutine.
func (l *Loop) Stats() Stats { return l.counts.stats() }

// close frees what the loop holds, once.
func (l *Loop) close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.closed = true
	l.engine.close()
	l.mu.Unlock()
	if l.group.open.Add(-1) == 0 && l.group.release != nil {
		l.group.release()
	}
}

// notice keeps an error for the handler, and drops it when it is told of that
// address already or of very many.
func (l *Loop) notice(u unreachable) {
	l.mu.Lock()
	for _, have := range l.notices {
		if have == u {
			l.mu.Unlock()
			return
		}
	}
	if len(l.notices) >= maxNotices || l.closed {
		l.mu.Unlock()
		return
	}
	l.notices = append(l.notices, u)
	l.noticed.Store(true)
	l.mu.Unlock()
	l.Wake()
}

// deliver hands the handler the errors kept for it.
func (l *Loop) deliver(h Handler) {
	l.mu.Lock()
	l.notices, l.spare = l.spare[:0], l.notices
	l.noticed.Store(false)
	l.mu.Unlock()
	for _, u := range l.spare {
		h.Unreachable(u.listener, u.remote)
	}
}
