package store

import (
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/routing"
)

// mostFilings is how many allocations a call's records may take before they are
// sent: one go-redis command for each of the two logs.
const mostFilings = 2

// TestFilingAllocations guards what filing a call's records allocates, from the
// call record to the commands in the pipeline. The driver's share is not in it.
func TestFilingAllocations(t *testing.T) {
	s := miniBackend(t).open(t)
	w := newRecordWriter(s)
	at := time.Now()
	c := routing.CDR{
		Lease: lease(1), Caller: "acc_a", Callee: "acc_b", From: "1001", To: "2001",
		Started: at, Answered: at, Ended: at, Result: routing.ResultAnswered, SIPStatus: 200,
	}
	ctx := t.Context()
	n := testing.AllocsPerRun(500, func() {
		w.batch, w.begun, w.records = append(w.batch[:0], c), 0, 0
		if !w.next() || len(w.pending) != 2 {
			t.Fatalf("%d filings", len(w.pending))
		}
		for _, f := range w.pending {
			f.send(ctx, w.pipe, &s.scripts.file, s.cfg.RecordsPerAccount)
		}
		w.pipe.Discard()
		w.spare, w.pending = append(w.spare, w.pending...), w.pending[:0]
	})
	t.Logf("%.1f allocations a call", n)
	if n > mostFilings {
		t.Errorf("%.1f allocations a call, not %d at most", n, mostFilings)
	}
}

// TestAFilingIsUsedAgain: nothing of the record it was for before is left in it.
func TestAFilingIsUsedAgain(t *testing.T) {
	f := newFiling(10)
	f.fill("acc_long_name_of_an_account", &routing.CDR{Lease: lease(1), From: "a long caller", Result: routing.ResultAnswered}, recordSide{}, routing.None)
	f.tried = true
	c := routing.CDR{Lease: lease(2), Result: routing.ResultBusy, Started: time.UnixMilli(5)}
	f.fill("acc_a", &c, recordSide{inbound: true}, routing.None)
	want := string(appendRecord(nil, &c, recordSide{inbound: true}, routing.None))
	if f.account != "acc_a" || f.key != keyCallLog("acc_a") || f.body != want || f.started != 5 || f.tried {
		t.Fatalf("%+v", f)
	}
	if *f.xadd[1].(*string) != f.key || *f.xadd[7].(*string) != f.body {
		t.Fatalf("the command says %q, %q", *f.xadd[1].(*string), *f.xadd[7].(*string))
	}
}
