package sip

import (
	"fmt"
	"sync"
	"time"

	"github.com/pbx-interlink/interlink/routing"
)

// flowLedger is a ledger that does as the flow tells it and keeps count.
type flowLedger struct {
	mu sync.Mutex
	// verdict answers admissions; 0 keeps them waiting for answer.
	verdict routing.Verdict
	role    routing.Role // whose line is missing when verdict is Busy
	// carries is how admitted calls are carried, by their claims.
	carries [2]routing.Method
	waiting []func(routing.Verdict)
	held    map[routing.LeaseID]bool
	count   ledgerCount
	faults  []string
}

// ledgerCount is what a flow's "ledger" line compares.
type ledgerCount struct{ asked, admitted, confirmed, released, held int }

func (l *flowLedger) Admit(a *routing.Admission, sink routing.Sink) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count.asked++
	answer := func(v routing.Verdict) {
		r := routing.Answer{Lease: a.Lease, Verdict: v}
		switch v {
		case routing.Admitted:
			if l.held[a.Lease] {
				l.faults = append(l.faults, fmt.Sprintf("lease %x admitted twice", a.Lease))
			}
			l.held[a.Lease] = true
			l.count.admitted++
			for i, m := range l.carries {
				switch m {
				case routing.PerMinute:
					r.PerMinute |= 1 << i
				case routing.FlatRateBurst:
					r.Burst |= 1 << i
				}
			}
		case routing.Busy, routing.Unpaid:
			r.Claim = -1
			for i, c := range a.Claims {
				if c.Role == l.role {
					r.Claim = i
				}
			}
			if r.Claim < 0 {
				l.faults = append(l.faults, fmt.Sprintf("no claim has role %d", l.role))
				r = routing.Answer{Lease: a.Lease, Verdict: routing.Failed}
			}
		}
		sink.LedgerAnswers([]routing.Answer{r})
	}
	if l.verdict == 0 {
		l.waiting = append(l.waiting, answer)
		return
	}
	answer(l.verdict)
}

// answer answers the oldest admission that waits; false when there is none.
func (l *flowLedger) answer(v routing.Verdict) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		return false
	}
	next := l.waiting[0]
	l.waiting = l.waiting[1:]
	next(v)
	return true
}

func (l *flowLedger) Confirm(id routing.LeaseID, _ time.Duration, sink routing.Sink) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count.confirmed++
	v := routing.Done
	if !l.held[id] {
		v = routing.Lost
		l.faults = append(l.faults, fmt.Sprintf("lease %x confirmed without being held", id))
	}
	sink.LedgerAnswers([]routing.Answer{{Lease: id, Verdict: v, Confirm: true}})
}

func (l *flowLedger) Release(id routing.LeaseID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count.released++
	delete(l.held, id)
}

func (l *flowLedger) Flush() {}

func (l *flowLedger) counts() ledgerCount {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.count
	c.held = len(l.held)
	return c
}

// verdicts are the words a flow has for them.
var verdicts = map[string]routing.Verdict{
	"admitted": routing.Admitted, "busy": routing.Busy, "failed": routing.Failed, "ended": routing.Ended, "duplicate": routing.Duplicate,
	"unpaid": routing.Unpaid, "exhausted": routing.Exhausted, "slow": 0,
}

var roles = map[string]routing.Role{
	"caller": routing.RoleCaller, "callee": routing.RoleCallee,
	"caller-parent": routing.RoleCallerParent, "callee-parent": routing.RoleCalleeParent,
}

// flowJournal keeps the call records for the flow to read.
type flowJournal struct {
	mu   sync.Mutex
	cdrs []routing.CDR
}

func (j *flowJournal) Write(c *routing.CDR) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cdrs = append(j.cdrs, *c)
}

func (j *flowJournal) written() []routing.CDR {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]routing.CDR(nil), j.cdrs...)
}
