package sip

import (
	"slices"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/routing"
)

// check compares what is left, what the ledger was told and what was recorded
// with what the phones saw. The server has stopped.
func (w *chaos) check(t *testing.T) {
	for i, s := range w.srv.shards {
		if len(s.servers)+len(s.branches)+len(s.calls)+len(s.byCallID)+s.timers.Len() != 0 {
			t.Errorf("shard %d holds %d server transactions, %d branches, %d calls, %d by Call-ID, %d timers",
				i, len(s.servers), len(s.branches), len(s.calls), len(s.byCallID), s.timers.Len())
		}
		if txns, calls, pending := s.count.txns.Load(), s.count.calls.Load(), s.count.pending.Load(); txns != 0 || calls != 0 || pending != 0 {
			t.Errorf("shard %d counts %d transactions, %d calls, %d pending", i, txns, calls, pending)
		}
		if n := s.count.dropped[dropPanic].Load(); n > 0 {
			t.Errorf("shard %d: %d panics", i, n)
		}
	}
	w.faults = append(w.faults, w.ledger.faults...)
	records := map[string][]chaosRecord{}
	for _, r := range w.journal.written() {
		records[r.CallID] = append(records[r.CallID], r)
	}
	for id, c := range w.calls {
		for _, d := range c.dialogs {
			if d.bye.IsZero() && !c.told[d.tag] {
				w.fault(id, "nobody ended dialog %s", d.tag)
			}
		}
		w.checkRecord(c, records[id])
		w.checkLines(c)
	}
	for _, f := range w.faults {
		t.Error(f)
	}
	ends := map[string]int{}
	for _, r := range w.journal.written() {
		ends[string(r.Result)+" "+r.Reason.String()]++
	}
	t.Logf("%d calls: %v", len(w.calls), ends)
}

// forgotten is the earliest time at which the transaction of a call's INVITE may
// have ended, less one T1: Timer L after a 2xx (RFC 6026 §7.1); else Timer I after
// the ACK, or H without one (§17.2.1). L and H run from a response, that is from
// the beginning of the turn that made it; no ACK comes before that turn's end.
func (w *chaos) forgotten(r *chaosRecord) time.Time {
	if !r.Answered.IsZero() {
		return r.Answered.Add(63*chaosT1 - w.ledger.past[r.Lease].behind)
	}
	return r.Ended.Add(min(9*chaosT1, 63*chaosT1-r.behind))
}

// checkRecord: one record, with a result that fits what the phones saw.
func (w *chaos) checkRecord(c *chaosCall, records []chaosRecord) {
	if len(records) == 0 && (c.invite == nil || !c.invite.proceeding) {
		return // no copy of the INVITE arrived
	}
	slices.SortFunc(records, func(a, b chaosRecord) int { return a.Started.Compare(b.Started) })
	if len(records) > 1 && records[1].Started.After(w.forgotten(&records[0])) {
		// The machine paused: a copy was read when the gateway's transaction had
		// ended and is a new INVITE.
		return
	}
	if len(records) != 1 {
		w.fault(c.id, "%d records: %+v", len(records), records)
		return
	}
	r := records[0]
	answered := r.Result == routing.ResultAnswered
	switch {
	case c.revived:
		w.fault(c.id, "a 2xx after a %d", c.final)
	case answered == r.Answered.IsZero():
		w.fault(c.id, "result %s, answered %v", r.Result, r.Answered)
	case answered && c.said200.IsZero():
		w.fault(c.id, "answered, and nobody said so")
	case c.final != 0 && answered != (c.final/100 == 2):
		w.fault(c.id, "result %s, and the caller got %d", r.Result, c.final)
	case c.final != 0 && c.final != r.SIPStatus:
		w.fault(c.id, "record of a %d, and the caller got %d", r.SIPStatus, c.final)
	case r.Result == routing.ResultCancelled && !c.cancelSent && c.ended.IsZero():
		w.fault(c.id, "cancelled, and nobody did")
	case (r.Result == routing.ResultRefused) != (r.Reason != routing.None):
		w.fault(c.id, "result %s with reason %s", r.Result, r.Reason)
	}
}

// checkLines: what was admitted was given back, and not before its end.
func (w *chaos) checkLines(c *chaosCall) {
	for id, h := range w.ledger.past {
		if h.callID != c.id {
			continue
		}
		if h.admitted && len(h.released) == 0 {
			w.fault(c.id, "lease %x was never released", id)
		}
		if h.confirmed.IsZero() || len(h.released) == 0 {
			continue
		}
		if c.said200.IsZero() || h.confirmed.Before(c.said200) {
			w.fault(c.id, "lease %x confirmed before anybody answered", id)
		}
		for _, d := range c.dialogs {
			if d.said.After(h.released[0]) {
				w.fault(c.id, "dialog %s began %v after the lines were given back", d.tag, d.said.Sub(h.released[0]))
			}
		}
		released := h.released[0]
		// A call whose INVITE was read again after its time has two leases; what
		// comes without routes says nothing of which is meant.
		if at, ok := c.overdue(); ok && len(w.ledger.byID[c.id]) == 1 && released.After(at) {
			w.fault(c.id, "lines given back %v after the last dialog had ended", released.Sub(at))
		}
		ended := !c.ended.IsZero() && !c.ended.After(released)
		if d := c.lasting(released); d != nil && !ended && h.lasted < chaosLimit {
			w.fault(c.id, "lines given back after %v, with dialog %s up", h.lasted, d.tag)
		}
	}
}
