package sip

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/transport"
)

// chaosLedger admits as its dice say: at once, late, too late, or not at all;
// and it keeps a history of every lease.
type chaosLedger struct {
	world *chaos
	mu    sync.Mutex
	rng   *rand.Rand
	past  map[routing.LeaseID]*leaseHistory
	byID  map[string][]routing.LeaseID
	// late are the answers the world has not been given yet.
	owed   int
	faults []string
}

type leaseHistory struct {
	callID    string
	held      bool
	admitted  bool
	asked     int
	confirmed time.Time
	released  []time.Time
	// up is the gateway's clock when it was confirmed, lasted how far that had
	// come when it was released: the clock stands still during a turn, however
	// long that takes.
	loop       *transport.Loop
	up, lasted time.Duration
	// behind is how far it was behind when it was confirmed.
	behind time.Duration
}

func newChaosLedger(w *chaos, seed uint64) *chaosLedger {
	return &chaosLedger{
		world: w, rng: rand.New(rand.NewPCG(seed, 2)),
		past: map[routing.LeaseID]*leaseHistory{}, byID: map[string][]routing.LeaseID{},
	}
}

func (l *chaosLedger) Admit(a *routing.Admission, sink routing.Sink) {
	l.mu.Lock()
	h := l.past[a.Lease]
	if h == nil {
		h = &leaseHistory{callID: a.CallID}
		l.past[a.Lease] = h
		l.byID[a.CallID] = append(l.byID[a.CallID], a.Lease)
	}
	h.asked++
	l.world.clock.behind(sink.(*shard).loop)
	verdict, wait := routing.Admitted, time.Duration(0)
	switch p := l.rng.IntN(100); {
	case p < 8:
		verdict = routing.Busy
	case p < 12:
		verdict = routing.Failed
	}
	switch p := l.rng.IntN(100); {
	case p < 20:
		wait = time.Duration(l.rng.Int64N(int64(chaosBudget)))
	case p < 28:
		wait = time.Duration(l.rng.Int64N(int64(10 * chaosBudget)))
	}
	id := a.Lease
	l.owed++
	l.note(id, "is asked")
	l.mu.Unlock()
	if wait == 0 {
		l.answer(id, verdict, sink)
		return
	}
	l.world.do(func() { l.world.after(wait, func() { l.answer(id, verdict, sink) }) })
}

func (l *chaosLedger) answer(id routing.LeaseID, v routing.Verdict, sink routing.Sink) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.past[id]
	switch {
	case len(h.released) > 0:
		v = routing.Ended // operations keep their order, but the answer says what is
	case h.held && v == routing.Admitted:
		v = routing.Duplicate
	case v == routing.Admitted:
		h.held, h.admitted = true, true
	}
	l.owed--
	l.note(id, fmt.Sprintf("answers %d", v))
	sink.LedgerAnswers([]routing.Answer{{Lease: id, Verdict: v}})
}

func (l *chaosLedger) Confirm(id routing.LeaseID, _ time.Duration, sink routing.Sink) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.past[id]
	switch {
	case h == nil || !h.admitted:
		l.faults = append(l.faults, fmt.Sprintf("lease %x confirmed and never admitted", id))
		return
	case h.confirmed.IsZero() && h.held: // once released, nothing changes anything
		h.confirmed = time.Now()
		h.loop = sink.(*shard).loop
		h.up = h.loop.Now()
		h.behind = l.world.clock.behind(h.loop)
		l.note(id, "confirms")
	}
	sink.LedgerAnswers([]routing.Answer{{Lease: id, Verdict: routing.Done, Confirm: true}})
}

func (l *chaosLedger) Release(id routing.LeaseID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.past[id]
	if h == nil {
		l.faults = append(l.faults, fmt.Sprintf("lease %x released and never asked for", id))
		return
	}
	if len(h.released) == 0 && h.loop != nil {
		h.lasted = h.loop.Now() - h.up
	}
	h.held = false
	h.released = append(h.released, time.Now())
	l.note(id, "takes back")
}

func (l *chaosLedger) Flush() {}

// note adds to the trace of a lease's call.
func (l *chaosLedger) note(id routing.LeaseID, what string) {
	what = fmt.Sprintf("%s %x", what, id)
	l.world.trace.note(l.past[id].callID, chaosEvent{at: time.Now(), who: "ledger", what: what})
}

// leaseOf is the lease of a call, once it has been asked for.
func (l *chaosLedger) leaseOf(callID string) (routing.LeaseID, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := l.byID[callID]
	if len(ids) == 0 {
		return routing.LeaseID{}, false
	}
	return ids[len(ids)-1], true
}

// counts returns how many leases it was asked for, and was told were answered.
func (l *chaosLedger) counts() (asked, confirmed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.past {
		if !h.confirmed.IsZero() {
			confirmed++
		}
	}
	return len(l.past), confirmed
}

func (l *chaosLedger) settled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owed == 0
}
