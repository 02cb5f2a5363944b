package sip

import (
	"testing"

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
	records := map[string][]routing.CDR{}
	for _, r := range w.journal.written() {
		records[r.CallID] = append(records[r.CallID], r)
	}
	answered := 0
	for id, c := range w.calls {
		for _, d := range c.dialogs {
			if d.bye.IsZero() {
				w.fault("%s: nobody ended dialog %s", id, d.tag)
			}
		}
		w.checkRecord(c, records[id])
		w.checkLines(c)
		if c.final/100 == 2 {
			answered++
		}
	}
	for _, f := range w.faults {
		t.Error(f)
	}
	if answered < chaosCalls/50 {
		t.Errorf("only %d of %d calls were answered: the run shows little", answered, chaosCalls)
	}
	t.Logf("%d calls, %d answered", chaosCalls, answered)
}

// checkRecord: one record, with a result that fits what the phones saw.
func (w *chaos) checkRecord(c *chaosCall, records []routing.CDR) {
	if len(records) == 0 && (c.invite == nil || !c.invite.proceeding) {
		return // no copy of the INVITE arrived
	}
	if len(records) > 1 && records[1].Started.Sub(records[0].Ended) > 9*chaosT1 {
		// The machine paused: a copy was read when the gateway's transaction had
		// ended (§17.2.1 Timer I) and is a new INVITE.
		return
	}
	if len(records) != 1 {
		w.fault("%s: %d records: %+v", c.id, len(records), records)
		return
	}
	r := records[0]
	answered := r.Result == routing.ResultAnswered
	switch {
	case c.revived:
		w.fault("%s: a 2xx after a %d", c.id, c.final)
	case answered == r.Answered.IsZero():
		w.fault("%s: result %s, answered %v", c.id, r.Result, r.Answered)
	case answered && c.said200.IsZero():
		w.fault("%s: answered, and nobody said so", c.id)
	case c.final != 0 && answered != (c.final/100 == 2):
		w.fault("%s: result %s, and the caller got %d", c.id, r.Result, c.final)
	case c.final != 0 && c.final != r.SIPStatus:
		w.fault("%s: record of a %d, and the caller got %d", c.id, r.SIPStatus, c.final)
	case r.Result == routing.ResultCancelled && !c.cancelSent && c.ended.IsZero():
		w.fault("%s: cancelled, and nobody did", c.id)
	case (r.Result == routing.ResultRefused) != (r.Reason != routing.None):
		w.fault("%s: result %s with reason %s", c.id, r.Result, r.Reason)
	}
}

// checkLines: what was admitted was given back, and not before its end.
func (w *chaos) checkLines(c *chaosCall) {
	for id, h := range w.ledger.past {
		if h.callID != c.id {
			continue
		}
		if h.admitted && len(h.released) == 0 {
			w.fault("%s: lease %x was never released", c.id, id)
		}
		if h.confirmed.IsZero() || len(h.released) == 0 {
			continue
		}
		if c.said200.IsZero() || h.confirmed.Before(c.said200) {
			w.fault("%s: lease %x confirmed before anybody answered", c.id, id)
		}
		for _, d := range c.dialogs {
			if d.said.After(h.released[0]) {
				w.fault("%s: dialog %s began %v after the lines were given back", c.id, d.tag, d.said.Sub(h.released[0]))
			}
		}
		if at, ok := c.overdue(chaosLimit); ok && h.released[0].After(at) {
			w.fault("%s: lines given back %v after half of the limit", c.id, h.released[0].Sub(at))
		}
		if at, ok := c.allowed(chaosLimit-20*chaosT1, h.released[0]); ok && h.released[0].Before(at) {
			w.fault("%s: lines given back %v too early", c.id, at.Sub(h.released[0]))
		}
	}
}
