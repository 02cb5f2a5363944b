package store

import (
	"context"

	"github.com/pbx-interlink/interlink/routing"
)

// judge counts failures in a row and moves the breaker.
func (l *ledger) judge(ok bool, err error) {
	if ok {
		l.failures = 0
		return
	}
	l.failures++
	if l.failures == breakAfter {
		l.open.Store(true)
		l.s.log.Error("the ledger's Redis does not answer; calls are refused until it does", "err", err)
	}
}

// probe asks an absent Redis whether it is back, and closes the breaker if so.
func (l *ledger) probe() bool {
	ctx, cancel := context.WithTimeout(context.Background(), l.s.cfg.AdmitBudget)
	defer cancel()
	if err := l.s.client.Ping(ctx).Err(); err != nil {
		return false
	}
	l.failures = 0
	l.open.Store(false)
	l.s.log.Info("the ledger's Redis answers again", "waiting", len(l.pending))
	return true
}

// failPending answers everything that waits while the breaker is open, and
// keeps what must still reach Redis.
func (l *ledger) failPending() {
	keep := l.pending[:0]
	for _, o := range l.pending {
		if o.sink != nil {
			l.answer(o, routing.Failed, 0)
		}
		if o.kind == opAdmit {
			l.recycle(o) // never sent: nothing to undo
			continue
		}
		keep = append(keep, o)
	}
	clear(l.pending[len(keep):])
	l.pending = keep
	l.bound()
	l.answers.deliver()
}

// bound drops the oldest of what is tried again when there is too much of it.
func (l *ledger) bound() {
	if over := len(l.pending) - l.s.cfg.MaxReleases - l.s.cfg.MaxQueue; over > 0 {
		for _, o := range l.pending[:over] {
			delete(l.held, o.lease)
			if o.sink != nil {
				l.answer(o, routing.Failed, 0)
			}
			l.recycle(o)
		}
		l.pending = append(l.pending[:0], l.pending[over:]...)
		l.s.metrics.dropped(over)
		l.s.log.Error("too many releases wait for Redis; the oldest are left to expire", "dropped", over)
	}
	l.waiting.Store(int64(len(l.pending)))
}
