package store

import (
	"context"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/routing"
)

// held is a lease this process owns.
type held struct {
	loc string
	// lasts is what a refresh grants; 0: only another confirm renews it.
	lasts time.Duration
	// renew is when the lease should be refreshed.
	renew time.Time
	// fresh: the admission is on its way.
	fresh bool
}

// hold notes a lease before its admission is sent, so that a release in the
// same batch knows where it is held.
func (l *ledger) hold(o *op) {
	if _, known := l.held[o.lease]; !known {
		l.held[o.lease] = held{loc: o.loc, fresh: true}
	}
}

// admitted and forgotten are how a lease's admission ended. One that was held
// before (a retransmission) stays as it was.
func (l *ledger) admitted(o *op) {
	lasts := l.s.cfg.EarlyTTL
	l.held[o.lease] = held{loc: o.loc, lasts: lasts, renew: time.Now().Add(lasts / 2)}
}

func (l *ledger) forget(o *op) {
	if l.held[o.lease].fresh {
		delete(l.held, o.lease)
	}
}

func (l *ledger) confirmed(o *op) {
	h, known := l.held[o.lease]
	if !known {
		return // another node's
	}
	h.fresh, h.lasts = false, 0
	if o.expires == 0 {
		h.lasts = l.s.cfg.ConfirmedTTL
		h.renew = time.Now().Add(h.lasts / 2)
	}
	l.held[o.lease] = h
}

// gone: Redis does not hold the lease any more. Its release still clears what
// is left of it.
func (l *ledger) gone(o *op) {
	if h, known := l.held[o.lease]; known {
		h.fresh, h.lasts = false, 0
		l.held[o.lease] = h
	}
}

func (l *ledger) answer(o *op, v routing.Verdict, claim int) {
	l.s.metrics.verdict(o, v, claim)
	l.answers.add(o, v, claim)
	o.sink = nil
}

// result turns one reply into an answer. It reports whether the op goes out
// again.
func (l *ledger) result(o *op) (again bool) {
	reply, err := o.reply, o.err
	o.reply, o.err = nil, nil
	if err != nil {
		return l.fail(o, err)
	}
	if text, moved := reply.(string); moved {
		loc, _, _ := cutValue(text)
		return l.ask(o, loc)
	}
	n, _ := reply.(int64)
	switch o.kind {
	case opAdmit:
		return l.admitResult(o, n)
	case opConfirm:
		switch n {
		case 1:
			l.confirmed(o)
			l.answer(o, routing.Done, 0)
		case 2:
			l.gone(o)
			l.answer(o, routing.Ended, 0)
		default:
			l.gone(o)
			l.answer(o, routing.Lost, 0)
		}
	case opRelease:
		delete(l.held, o.lease)
	}
	return false
}

// admitResult reads the reply to an admission. It reports whether it goes out
// again, on other terms.
func (l *ledger) admitResult(o *op, n int64) (again bool) {
	switch {
	case n >= onBurst:
		o.burst = uint64(n - onBurst)
		l.admitted(o)
		l.answer(o, routing.Admitted, 0)
	case n > 0 && l.onlyOnTerms(o, int(n-1)), n < -freeAfterAll && l.withoutTerms(o, int(-n-freeAfterAll-1)):
		return true
	case n == 0:
		l.admitted(o)
		l.answer(o, routing.Admitted, 0)
	case n == -1:
		l.forget(o)
		l.answer(o, routing.Duplicate, 0)
	case n == exhausted:
		l.forget(o)
		l.answer(o, routing.Exhausted, 0)
	case n == -2:
		l.forget(o)
		l.answer(o, routing.Ended, 0)
	case n > 0:
		l.forget(o)
		l.answer(o, routing.Busy, int(n-1))
	case n < -unpaid && n > -freeAfterAll:
		l.forget(o)
		l.answer(o, routing.Unpaid, int(-n-unpaid-1))
	default: // fenced: this incarnation may not admit
		l.forget(o)
		l.answer(o, routing.Failed, 0)
	}
	return false
}

// What meter.lua answers where no licence has minutes left; and what it takes the
// number of a claim from: it has not the credit, or a line free after all. onBurst
// is what an admission's bits come on top of.
const (
	onBurst      = 1 << 32
	exhausted    = -4
	unpaid       = 1000
	freeAfterAll = 2000
)

// maxAsked is how often an op may be told that its lease is held elsewhere. A
// lease moves only when another node adopts it.
const maxAsked = 4

// ask has the op sent again with the keys Redis named. It is carried out one
// round trip later than what was handed over with it; a release has left its
// tomb by then.
func (l *ledger) ask(o *op, loc string) (again bool) {
	o.loc = loc
	if o.asked++; o.asked <= maxAsked {
		return true
	}
	l.s.log.Error("a lease moves faster than it can be followed", "lease", leaseText(o.lease))
	if o.sink != nil {
		l.answer(o, routing.Failed, 0)
	}
	return false
}

// maxRefused is how often an op that Redis answers with an error of its own
// making (not one of a server in trouble) is sent.
const maxRefused = 100

// fail answers an op that got no useful reply and makes of it what must still
// reach Redis: an admission may yet be carried out, so it becomes a release; a
// confirm and a release are tried again.
func (l *ledger) fail(o *op, err error) (again bool) {
	if unknownScript(err) {
		o.asked++
		return o.asked <= maxAsked || l.fail(o, context.DeadlineExceeded)
	}
	l.stalled = true
	l.s.metrics.retried()
	if o.sink != nil {
		l.answer(o, routing.Failed, 0)
	}
	if o.kind == opAdmit {
		o.kind = opRelease
	}
	if !refused(err) || !strings.HasPrefix(err.Error(), "ERR") && !strings.HasPrefix(err.Error(), "WRONGTYPE") {
		return true
	}
	if o.refused++; o.refused < maxRefused {
		return true
	}
	l.s.log.Error("the ledger gives an operation up; its lines come back as the lease expires", "lease", leaseText(o.lease), "err", err)
	delete(l.held, o.lease)
	return false
}

// refreshEvery is how often leases are looked over.
func (l *ledger) refreshEvery() time.Duration {
	return min(l.s.cfg.EarlyTTL, l.s.cfg.ConfirmedTTL) / 8
}

const refreshBatch = 100

// refreshHeld pushes out the deadlines that are half used up.
func (l *ledger) refreshHeld(now time.Time) {
	var due []routing.LeaseID
	for id, h := range l.held {
		if !h.fresh && h.lasts > 0 && !now.Before(h.renew) {
			due = append(due, id)
		}
	}
	for len(due) > 0 {
		n := min(len(due), refreshBatch)
		if !l.refreshSome(now, due[:n]) {
			return // the next look finds the rest
		}
		due = due[n:]
	}
}

func (l *ledger) refreshSome(now time.Time, leases []routing.LeaseID) bool {
	keys := []string{l.s.own}
	args := []any{ownKept, callOutlives}
	for _, id := range leases {
		h := l.held[id]
		keys = append(keys, l.s.keys.call(id))
		first := len(keys)
		eachClaim(h.loc, func(c routing.Claim) { keys = append(keys, l.s.keys.leaseSet(c)) })
		lines := len(keys)
		eachMeter(h.loc, func(m meter) { keys = append(keys, l.s.keys.metered(m)) })
		args = append(args, leaseText(id), string(appendValue(nil, h.loc)), h.lasts.Milliseconds(), len(keys)-first, len(keys)-lines)
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.s.cfg.AdmitBudget)
	defer cancel()
	done := l.s.metrics.roundTrip("refresh")
	lost, err := l.s.scripts.refresh.run(ctx, l.s.client, keys, args...).Int64Slice()
	done()
	l.judge(err == nil || refused(err), err)
	if err != nil {
		l.s.log.Warn("leases were not refreshed", "leases", len(leases), "err", err)
		return false
	}
	for _, id := range leases {
		h := l.held[id]
		h.renew = now.Add(h.lasts / 2)
		l.held[id] = h
	}
	for _, n := range lost {
		if n >= 1 && int(n) <= len(leases) {
			delete(l.held, leases[n-1])
		}
	}
	if len(lost) > 0 {
		l.s.metrics.lost(len(lost))
		l.s.log.Warn("leases of calls in progress are gone from the ledger", "leases", len(lost))
	}
	return true
}
