package store

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/routing"
)

const (
	// maxBatch bounds one pipeline.
	maxBatch = 512
	// breakAfter is how many round trips must fail in a row for the breaker to
	// open; probeEvery is how often Redis is then asked whether it is back.
	breakAfter = 3
	probeEvery = 250 * time.Millisecond
	// retryPause is how long a failed release or confirm waits when nothing
	// else is sent.
	retryPause = 50 * time.Millisecond
	// closeWithin is how long Close tries to send what is left.
	closeWithin = 3 * time.Second
)

// sender is what the ledger's sending goroutine alone touches.
type sender struct {
	pipe *link
	// budget is the time of a round trip.
	budget budget
	// flights are the script calls of the batch on its way; args is what they
	// send. evalsha, hash, fence, own and head are common to all; words writes the
	// rest.
	flights                   []flight
	args                      []any
	evalsha, hash, fence, own any
	head                      []any
	words                     roundCall
	// leases is distinct's.
	leases map[routing.LeaseID]bool
	// pending is in the order of hand-over: first what is tried again, then
	// what is new.
	pending []*op
	// sent is the batch on its way.
	sent    []*op
	answers answers
	// failures counts round trips that failed in a row; stalled says that the
	// last one left something to be tried again.
	failures int
	stalled  bool
	held     map[routing.LeaseID]held
}

func newSender(s *Store) sender {
	evalsha := "evalsha"
	return sender{
		pipe: newLink(s.client), held: map[routing.LeaseID]held{}, leases: map[routing.LeaseID]bool{},
		evalsha: &evalsha, hash: &s.scripts.round.hash, fence: &s.fence, own: &s.own, head: s.header(), words: newRoundCall(),
	}
}

// send is the ledger's goroutine.
func (l *ledger) send() {
	refresh := time.NewTicker(l.refreshEvery())
	defer refresh.Stop()
	// retry is set once and left alone until it fires: operations that keep
	// coming must not put it off.
	var retry <-chan time.Time
	for {
		again := false
		select {
		case <-l.wake:
		case <-retry:
			retry = nil
			again = !l.open.Load() || l.probe()
		case <-refresh.C:
			if !l.open.Load() {
				l.refreshHeld(time.Now())
			}
		}
		if closing := l.drain(again); closing {
			l.finish()
			return
		}
		switch {
		case retry != nil:
		case l.open.Load():
			retry = time.After(probeEvery)
		case len(l.pending) > 0:
			retry = time.After(retryPause)
		}
	}
}

// drain sends what is pending. What failed before is sent along with new
// operations, or alone when again is set. What is handed over meanwhile waits
// for the next wake: a confirm that came during a round trip need not cause one
// of its own.
func (l *ledger) drain(again bool) (closing bool) {
	fresh, closing := l.take()
	for len(l.pending) > 0 {
		switch {
		case l.open.Load():
			l.failPending()
			return closing
		case !fresh && l.stalled && !again:
			return closing
		}
		fresh, again = false, false
		l.round()
	}
	return closing
}

// take moves the queue behind what is pending.
func (l *ledger) take() (fresh, closing bool) {
	l.mu.Lock()
	fresh, closing = len(l.queue) > 0, l.closing
	l.pending = append(l.pending, l.queue...)
	clear(l.queue)
	l.queue = l.queue[:0]
	l.mu.Unlock()
	l.queued.Store(0)
	return fresh, closing
}

// finish tries for a while to send what is left when the store closes. The
// pauses are between attempts that failed: Redis tells nobody when it is back.
func (l *ledger) finish() {
	deadline := time.Now().Add(closeWithin)
	for len(l.pending) > 0 && time.Now().Before(deadline) {
		if l.open.Load() && !l.probe() {
			time.Sleep(retryPause)
			continue
		}
		if l.round(); l.stalled {
			time.Sleep(retryPause)
		}
	}
	if n := len(l.pending); n > 0 {
		l.s.log.Error("closing with releases that Redis did not take; their lines come back as the leases expire", "releases", n)
	}
}

// round sends up to maxBatch of what is pending as one pipeline.
func (l *ledger) round() {
	l.stalled = false
	now := time.Now()
	batch := l.pending[:min(len(l.pending), maxBatch)]
	rest := l.pending[len(batch):]
	ctx := l.budget.begin(l.deadline(batch, now))
	defer l.budget.end()
	l.locate(ctx, batch)
	l.sent = l.sent[:0]
	for _, o := range batch {
		if o.sink != nil && !now.Before(o.due) {
			// Its time went by in the queue.
			l.answer(o, routing.Failed, 0)
			if o.kind == opAdmit {
				l.forget(o)
				l.recycle(o)
				continue
			}
		}
		l.prepare(o)
		l.sent = append(l.sent, o)
	}
	var keep []*op
	if len(l.sent) > 0 {
		done := l.s.metrics.roundTrip("ledger")
		l.launch(ctx, l.sent)
		_, err := l.pipe.Exec(ctx)
		done()
		for i := range l.flights {
			l.flights[i].land()
		}
		l.keepRound()
		clear(l.flights)
		keep = l.settle(ctx, l.sent, err)
	}
	if len(keep) == 0 {
		n := copy(l.pending, rest)
		clear(l.pending[n:])
		l.pending = l.pending[:n]
	} else {
		l.pending = append(keep, rest...)
	}
	l.bound()
	l.answers.deliver()
}

// deadline is when the batch is given up: when its youngest admission must be
// answered, so that one that has waited long does not take the others with it.
// Whoever asked keeps the time of the older ones.
func (l *ledger) deadline(batch []*op, now time.Time) time.Time {
	var d time.Time
	for _, o := range batch {
		if o.sink != nil && o.due.After(d) {
			d = o.due
		}
	}
	if !d.After(now) {
		return now.Add(l.s.cfg.AdmitBudget)
	}
	return d
}

// locate asks where leases are held that this process does not know: another
// node's. Without it the batch could not be carried out in its order.
func (l *ledger) locate(ctx context.Context, batch []*op) {
	var unknown []*op
	var replies []*redis.StringCmd
	for _, o := range batch {
		if o.kind == opAdmit || o.loc != "" {
			continue
		}
		if o.loc = l.held[o.lease].loc; o.loc == "" && !admittedIn(batch, o) {
			unknown = append(unknown, o)
			replies = append(replies, l.pipe.Get(ctx, l.s.keys.call(o.lease)))
		}
	}
	if len(unknown) == 0 {
		return
	}
	done := l.s.metrics.roundTrip("ledger")
	l.pipe.Exec(ctx) // a failure shows in the batch itself
	done()
	for i, o := range unknown {
		o.loc = callState(replies[i].Val()).location()
	}
}

// admittedIn reports whether the op's lease is admitted earlier in its batch.
func admittedIn(batch []*op, o *op) bool {
	for _, earlier := range batch {
		if earlier == o {
			return false
		}
		if earlier.kind == opAdmit && earlier.lease == o.lease {
			return true
		}
	}
	return false
}

// prepare has an op know where its lease is held, and writes its words.
func (l *ledger) prepare(o *op) {
	switch {
	case o.kind == opAdmit:
		l.hold(o)
	case o.loc == "":
		o.loc = l.held[o.lease].loc
	}
	l.s.build(o)
}

// settle goes through a batch's replies and returns what must be sent again,
// in order.
func (l *ledger) settle(ctx context.Context, sent []*op, err error) (keep []*op) {
	failed, unknown := 0, false
	for _, o := range sent {
		switch err := o.err; {
		case unknownScript(err):
			unknown = true
		case err != nil:
			failed++
		}
	}
	l.judge(failed < len(sent), err)
	if unknown {
		// Another Redis, or one that was told to forget its scripts.
		if err := l.s.scripts.load(ctx, l.s.client); err != nil {
			l.s.log.Warn("Redis did not take the ledger's scripts", "err", err)
		}
	}
	for _, o := range sent {
		if again := l.result(o); again {
			keep = append(keep, o)
		} else {
			l.recycle(o)
		}
	}
	return keep
}
