package sip

import (
	"time"

	"github.com/pbx-interlink/interlink/sip/wheel"
)

// timerKind says what a timer of a transaction, a branch or a call is for.
type timerKind = uint8

const (
	// retransmit is Timer A, E (the CANCEL's, too) or G.
	retransmit timerKind = iota
	// timeout ends a state of a transaction. Of a server's: Timer H (no ACK),
	// I (late ACKs), J (late non-INVITE requests) or L (RFC 6026: late INVITEs).
	// Of a client's: Timer B or F while nothing came, Timer C once an INVITE rings
	// (§16.8), the 64·T1 a cancelled one has (§9.1), then D, K or M.
	timeout
	// callLimit ends the wait for the ledger, gives the next address of a trunk its
	// turn, or ends a call that is up too long.
	callLimit
	// shardSweep fails what was sent to where nobody listens.
	shardSweep
)

// RFC 3261 table 4.
func (s *shard) t1() time.Duration      { return s.srv.cfg.T1 }
func (s *shard) t2() time.Duration      { return 8 * s.srv.cfg.T1 }
func (s *shard) t4() time.Duration      { return 10 * s.srv.cfg.T1 }
func (s *shard) sixtyT1() time.Duration { return 64 * s.srv.cfg.T1 }

// expirer is what owns a timer.
type expirer interface{ expire(timerKind) }

// pacer is the timer of a transaction: it sends again in growing gaps until an
// answer comes, and ends a state. It is one timer, set to whichever is next: most
// are stopped or put off long before they fire, and each costs memory that is
// held for 32 s and neighbours in the wheel that are in no cache.
type pacer struct {
	timer wheel.Timer[expirer]
	gap   time.Duration // to the next sending; 0 = none
	until time.Duration // when the state ends
}

// begin starts a state that lasts so long. What was sent goes again after gap,
// 0 for never.
func (p *pacer) begin(s *shard, gap, lasts time.Duration) {
	p.gap, p.until = gap, s.loop.Now()+lasts
	p.next(s)
}

// next sets the timer to what is next: a gap from now on, or the end.
func (p *pacer) next(s *shard) {
	at := s.loop.Now() + p.gap
	p.timer.Kind = retransmit
	if p.gap == 0 || at >= p.until {
		p.timer.Kind, at = timeout, p.until
	}
	s.timers.Set(&p.timer, at)
}
