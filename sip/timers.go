package sip

import "time"

// timerKind says what a timer of a transaction, a branch or a call is for.
type timerKind = uint8

const (
	// serverRetransmit is Timer G: the final response to an INVITE goes again.
	serverRetransmit timerKind = iota
	// serverTimeout ends a state of a server transaction: Timer H (no ACK),
	// I (late ACKs), J (late non-INVITE requests) or L (RFC 6026: late INVITEs).
	serverTimeout
	// branchRetransmit is Timer A, E, or E of the CANCEL.
	branchRetransmit
	// branchTimeout is Timer B or F while nothing final came, then D, K or M,
	// and the 64·T1 a cancelled branch has (§9.1).
	branchTimeout
	// branchTimerC is Timer C (§16.8).
	branchTimerC
	// branchNoReply gives the next address of a trunk its turn.
	branchNoReply
	// callLimit ends the wait for the ledger, or a call that is up too long.
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
