package store

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/pbx-interlink/interlink/routing"
)

// The ledger's constants of time.
const (
	tombKept = 120_000 // ms
	// callOutlives is how long a call outlives its lease's deadline, so that a
	// lease found in a set always has its call.
	callOutlives = 5_000 // ms
	// flushAfter is how long an operation waits for Flush.
	flushAfter = 5 * time.Millisecond
	// ownKept is how long the set of an incarnation's leases outlives it.
	ownKept = 24 * 60 * 60 * 1000 // ms
)

// ledger carries operations to Redis. Callers hand over and go on; one goroutine
// sends everything handed over since its last round trip as one pipeline, in
// order, and gives the answers. An admission that is not answered within the
// budget is answered Failed, and because it may be carried out late, a release
// of its lease follows it.
type ledger struct {
	s    *Store
	pool *sync.Pool

	mu sync.Mutex
	// queue holds what was handed over and not yet taken by the sender, since
	// when its first has waited.
	queue []*op
	since time.Time
	// refused holds admissions that found the queue full.
	refused []*op
	closing bool

	wake   chan struct{}
	refuse chan struct{}
	// nudge wakes the sender where nobody flushes what was handed over for
	// flushAfter.
	nudge   *time.Timer
	nudging bool
	done    sync.WaitGroup

	queued  atomic.Int64
	waiting atomic.Int64
	open    atomic.Bool

	sender
}

func newLedger(s *Store) *ledger {
	l := &ledger{s: s, pool: newOpPool(), wake: make(chan struct{}, 1), refuse: make(chan struct{}, 1)}
	l.nudge = time.AfterFunc(time.Hour, l.remind)
	l.sender = newSender(s)
	return l
}

func (l *ledger) start() {
	l.done.Go(l.send)
	l.done.Go(l.refuseAll)
}

// close sends what is left, within a few seconds, and stops.
func (l *ledger) close() {
	l.mu.Lock()
	l.closing = true
	l.nudge.Stop()
	l.mu.Unlock()
	ring(l.wake)
	ring(l.refuse)
	l.done.Wait()
}

// remind wakes the sender for what has waited long enough, and looks again later
// for what was handed over since: that may still travel with an admission.
func (l *ledger) remind() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nudging = false
	if len(l.queue) == 0 || l.closing {
		return
	}
	if left := flushAfter - time.Since(l.since); left > 0 {
		l.nudging = true
		l.nudge.Reset(left)
		return
	}
	ring(l.wake)
}

func ring(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Admit implements routing.Ledger.
func (s *Store) Admit(a *routing.Admission, sink routing.Sink) {
	l := s.ledger
	o := l.pool.Get().(*op)
	o.kind, o.lease, o.sink = opAdmit, a.Lease, sink
	o.due = time.Now().Add(s.cfg.AdmitBudget)
	o.loc = location(s.incarnation, a.Claims)
	if onTerms(a.Claims) {
		o.terms.claims = a.Claims
		s.license(o)
	}
	s.buildAdmit(o, a)
	l.hand(o)
}

// Confirm implements routing.Ledger.
func (s *Store) Confirm(lease routing.LeaseID, expires time.Duration, sink routing.Sink) {
	o := s.ledger.pool.Get().(*op)
	o.kind, o.lease, o.sink, o.expires = opConfirm, lease, sink, expires
	o.due = time.Now().Add(s.cfg.AdmitBudget)
	s.ledger.hand(o)
}

// Release implements routing.Ledger.
func (s *Store) Release(lease routing.LeaseID) {
	o := s.ledger.pool.Get().(*op)
	o.kind, o.lease = opRelease, lease
	s.ledger.hand(o)
}

// Flush implements routing.Ledger.
func (s *Store) Flush() { ring(s.ledger.wake) }

// hand puts an operation into the queue, or aside when there is no room for
// one that can be refused.
func (l *ledger) hand(o *op) {
	l.mu.Lock()
	if l.closing {
		l.mu.Unlock()
		l.recycle(o)
		return
	}
	if o.kind != opRelease && len(l.queue) >= l.s.cfg.MaxQueue {
		l.refused = append(l.refused, o)
		l.mu.Unlock()
		ring(l.refuse)
		return
	}
	if len(l.queue) == 0 {
		l.since = time.Now()
	}
	l.queue = append(l.queue, o)
	n := len(l.queue)
	if !l.nudging {
		l.nudging = true
		l.nudge.Reset(flushAfter)
	}
	l.mu.Unlock()
	l.queued.Store(int64(n))
}

// refuseAll answers what found no room, at once: the sender may be waiting for
// Redis.
func (l *ledger) refuseAll() {
	for range l.refuse {
		l.mu.Lock()
		refused, closing := l.refused, l.closing
		l.refused = nil
		l.mu.Unlock()
		var answers answers
		for _, o := range refused {
			answers.add(o, routing.Failed, 0)
			l.s.metrics.verdict(o, routing.Failed, 0)
			l.recycle(o)
		}
		answers.deliver()
		if closing {
			return
		}
	}
}

func (l *ledger) recycle(o *op) {
	o.reset()
	l.pool.Put(o)
}

// answers collects a round's answers by sink.
type answers struct {
	sinks []routing.Sink
	lists [][]routing.Answer
}

func (a *answers) add(o *op, v routing.Verdict, claim int) {
	if o.sink == nil {
		return
	}
	answer := routing.Answer{Lease: o.lease, Verdict: v, Claim: claim, Confirm: o.kind == opConfirm}
	if v == routing.Admitted {
		answer.PerMinute, answer.Burst = o.terms.pays, o.burst
	}
	for i, s := range a.sinks {
		if s == o.sink {
			a.lists[i] = append(a.lists[i], answer)
			return
		}
	}
	a.sinks = append(a.sinks, o.sink)
	a.lists = append(a.lists, []routing.Answer{answer})
}

// deliver hands the lists over for good: a sink may keep its list.
func (a *answers) deliver() {
	for i, s := range a.sinks {
		s.LedgerAnswers(a.lists[i])
		a.lists[i] = nil
	}
	clear(a.sinks)
	a.sinks, a.lists = a.sinks[:0], a.lists[:0]
}
