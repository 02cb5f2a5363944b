// Package transport moves datagrams between UDP sockets and the shards of the
// SIP server (RFC 3261 §18). It knows nothing of SIP.
//
// A Group binds every listen address once per loop (SO_REUSEPORT), so each loop
// has sockets of its own and shares nothing with the others. A loop waits,
// reads a batch, hands each datagram to its Handler, lets the handler do its
// timers and inbox, and writes a batch, all on one goroutine. On Linux these
// are one epoll_wait, recvmmsg and sendmmsg with memory that is used again;
// elsewhere one socket per address is read by a goroutine that feeds the loops.
package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"
)

// Packet is one datagram received.
type Packet struct {
	// Data is valid only during Handler.Packet.
	Data []byte
	// Remote is where it came from; an IPv4-mapped IPv6 address is given as
	// IPv4.
	Remote netip.AddrPort
	// Listener is the index into Config.Listen of the address it came to.
	Listener int
}

// Handler is what a loop serves: one shard. Every method runs on the loop's
// goroutine. A panic in one is not caught here.
type Handler interface {
	// Packet takes one datagram.
	Packet(p *Packet)
	// Unreachable reports that nothing listens at remote: an ICMP error came
	// back, or the system has no way there (RFC 3261 §18.4). An error may come
	// in on any loop, so every loop of the group is told of it.
	Unreachable(listener int, remote netip.AddrPort)
	// Turn runs once per turn after its datagrams. It returns when it wants
	// the next turn at the latest, 0 for no such time; both are on Now's clock.
	// On Linux the wait is rounded up to a millisecond.
	Turn(now time.Duration) (next time.Duration)
}

// Config describes a Group.
type Config struct {
	// Listen are the addresses to bind, at least one. Port 0 takes a free
	// port, the same for all loops. An unspecified IPv6 address also takes
	// IPv4, unless an unspecified IPv4 address is listed too.
	Listen []netip.AddrPort
	// Loops is the number of loops, at most 256; 0 means GOMAXPROCS.
	Loops int
	// Batch is the most datagrams read or written by one system call, 1–1024;
	// 0 means 64.
	Batch int
	// MaxDatagram is the longest datagram taken, in bytes, 512–65535; longer
	// ones are counted and dropped. 0 means 16384.
	MaxDatagram int
	// ReceiveBuffer and SendBuffer are the sockets' buffers in bytes; 0 means
	// 4 MiB and 1 MiB. The system may grant less, which is logged.
	ReceiveBuffer, SendBuffer int
	// Log is for what goes wrong on a socket; nil discards.
	Log *slog.Logger
}

// Errors of Listen and Run.
var (
	ErrConfig  = errors.New("transport: impossible configuration")
	ErrRunning = errors.New("transport: the loop runs or has run already")
)

func (c Config) withDefaults() (Config, error) {
	set := func(v *int, zero int) {
		if *v == 0 {
			*v = zero
		}
	}
	set(&c.Loops, min(runtime.GOMAXPROCS(0), maxLoops))
	set(&c.Batch, 64)
	set(&c.MaxDatagram, 16<<10)
	set(&c.ReceiveBuffer, 4<<20)
	set(&c.SendBuffer, 1<<20)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	check := func(name string, v, lo, hi int) error {
		if v < lo || v > hi {
			return fmt.Errorf("%w: %s is %d, not %d to %d", ErrConfig, name, v, lo, hi)
		}
		return nil
	}
	err := errors.Join(
		check("the number of listen addresses", len(c.Listen), 1, maxListeners),
		check("Loops", c.Loops, 1, maxLoops),
		check("Batch", c.Batch, 1, 1024),
		check("MaxDatagram", c.MaxDatagram, 512, maxUDP),
		check("ReceiveBuffer", c.ReceiveBuffer, 4096, 1<<30),
		check("SendBuffer", c.SendBuffer, 4096, 1<<30),
	)
	for _, a := range c.Listen {
		if !a.IsValid() {
			err = errors.Join(err, fmt.Errorf("%w: a listen address is not valid", ErrConfig))
		}
	}
	return c, err
}

const (
	maxLoops     = 256
	maxListeners = 64
	// maxUDP is the most bytes a UDP datagram can claim to have (RFC 768).
	maxUDP = 65535
)

// Stats counts what a loop did since it was made.
type Stats struct {
	// Received and Sent are datagrams, Reads and Writes the system calls that
	// moved them.
	Received, Sent, Reads, Writes uint64
	// Turns is how often the loop went round.
	Turns uint64
	// Dropped is datagrams that were not sent: the socket's buffer stayed full,
	// or there is no way to the address.
	Dropped uint64
	// Truncated is datagrams received that were longer than MaxDatagram, and
	// dropped.
	Truncated uint64
	// Overflowed is datagrams that arrived while the receive queue was full,
	// and were lost.
	Overflowed uint64
	// Unreachable is the errors that came back (ICMP) or were found on sending.
	Unreachable uint64
}

// counters is Stats while they are counted: written by one goroutine, read by
// any.
type counters struct {
	received, sent, reads, writes, turns        atomic.Uint64
	dropped, truncated, overflowed, unreachable atomic.Uint64
}

func (c *counters) stats() Stats {
	return Stats{
		Received: c.received.Load(), Sent: c.sent.Load(),
		Reads: c.reads.Load(), Writes: c.writes.Load(), Turns: c.turns.Load(),
		Dropped: c.dropped.Load(), Truncated: c.truncated.Load(),
		Overflowed: c.overflowed.Load(), Unreachable: c.unreachable.Load(),
	}
}
