package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

// LI1: own direction first, then two-way, then burst; then no more.
func TestLI1LanesInTheirOrder(t *testing.T) {
	r := newRow(t)
	smith := r.show.plan.smith
	r.limit(smith, provision.NewLimits{Inbound: 1, Outbound: 0, TwoWay: 1, Burst: 1})
	var calls [][2]*leg
	for _, want := range []map[string]int64{
		{"inbound": 1}, {"inbound": 1, "twoway": 1}, {"inbound": 1, "twoway": 1, "burst": 1},
	} {
		near, far := r.up(r.brown, "2001", r.smith)
		calls = append(calls, [2]*leg{near, far})
		r.used(smith, want)
	}
	r.refused(r.brown, "2001", 486, "callee_lines_full")
	for _, c := range calls {
		r.must(r.show.hangUp(r.ctx, r.brown, c[0], c[1]))
	}
	r.used(smith, nil)
}

// LI4: the cap is exact under any concurrency: never one call over, never a
// refusal with a line free. LI5: afterwards no line is taken.
func TestLI4ExactUnderConcurrency(t *testing.T) {
	r := newRow(t)
	const lines, callers = 5, 20
	smith := r.show.plan.smith
	r.limit(smith, provision.NewLimits{Inbound: lines, Outbound: -1})
	attempts := make([]attempt, callers)
	var all sync.WaitGroup
	for i := range attempts {
		all.Go(func() {
			a, err := r.brown.call(r.ctx, "1001", "2001")
			if err != nil {
				t.Error(err)
			}
			attempts[i] = a
		})
	}
	all.Wait()
	up := 0
	for _, a := range attempts {
		switch {
		case a.leg != nil:
			up++
		case a.status != 486 || a.reason != "callee_lines_full":
			t.Errorf("%d, reason %s", a.status, orNone(a.reason))
		}
	}
	if up != lines {
		t.Errorf("%d calls are up with %d lines", up, lines)
	}
	r.used(smith, map[string]int64{"inbound": lines})
	for _, a := range attempts {
		if a.leg != nil {
			r.must(r.brown.hangUp(r.ctx, a.leg))
		}
	}
	r.used(smith, nil)
}

// LI5: whichever way a call ends, its lines come back, once.
func TestLI5LinesComeBack(t *testing.T) {
	r := newRow(t)
	plan := r.show.plan
	r.limit(plan.smith, provision.NewLimits{Inbound: 1, Outbound: -1})
	r.limit(plan.brown, provision.NewLimits{Inbound: -1, Outbound: 1})
	for _, number := range []string{"2404", "2486", "2503"} {
		if a, err := r.brown.call(r.ctx, "1001", number); err != nil || a.leg != nil {
			t.Fatalf("%s: %+v, %v", number, a, err)
		}
		r.used(plan.smith, nil)
	}
	ringing, cancel := context.WithCancel(r.ctx)
	cancelled := make(chan struct{})
	go func() {
		defer close(cancelled)
		if a, err := r.brown.call(ringing, "1001", "2180"); err != nil || a.leg != nil || a.status != 487 {
			t.Errorf("cancelled: %+v, %v", a, err)
		}
	}()
	r.used(plan.smith, map[string]int64{"inbound": 1}) // ringing counts
	r.refused(r.brown, "2001", 403, "caller_lines_full")
	cancel()
	<-cancelled
	r.used(plan.smith, nil)
	near, far := r.up(r.brown, "2001", r.smith)
	call := r.used(plan.smith, map[string]int64{"inbound": 1}).Calls[0].ID
	r.must(r.api.EndCall(r.ctx, call))
	for _, l := range []*leg{near, far} {
		select {
		case <-l.ended:
		case <-r.ctx.Done():
			t.Fatal("a side was not told of the end")
		}
	}
	if err := r.api.EndCall(r.ctx, call); err == nil {
		t.Error("a call was ended twice")
	}
	for _, a := range []directory.AccountID{plan.smith, plan.brown} {
		for _, l := range r.used(a, nil).Lanes {
			if l.Free > l.Limit {
				t.Errorf("%s: %+v", l.Lane, l)
			}
		}
	}
	r.answered(r.brown, "2001", r.smith)
}

// LI6: the caller's cap answers 403, the callee's 486.
func TestLI6WhoseCap(t *testing.T) {
	r := newRow(t)
	plan := r.show.plan
	r.limit(plan.brown, provision.NewLimits{Inbound: -1, Outbound: 0})
	r.refused(r.brown, "2001", 403, "caller_lines_full")
	r.limit(plan.brown, provision.NewLimits{Inbound: -1, Outbound: -1})
	r.limit(plan.smith, provision.NewLimits{Inbound: 0, Outbound: -1})
	r.refused(r.brown, "2001", 486, "callee_lines_full")
}

// LI7: who holds the lines, and ending one of the calls frees its lines.
func TestLI7WhoHoldsTheLines(t *testing.T) {
	r := newRow(t)
	plan := r.show.plan
	r.limit(plan.smith, provision.NewLimits{Inbound: 2, Outbound: -1})
	r.up(r.brown, "2001", r.smith)
	c := r.used(plan.smith, map[string]int64{"inbound": 1})
	if len(c.Calls) != 1 || c.Calls[0].Direction != "inbound" || c.Calls[0].Number != "2001" || c.Calls[0].Peer == nil || c.Calls[0].Peer.Name != "Brown" {
		t.Fatalf("calls %+v", c.Calls)
	}
	for _, l := range c.Lanes {
		if l.Lane == "inbound" && (l.Limit != 2 || l.Free != 1) {
			t.Errorf("lane %+v", l)
		}
	}
	r.must(r.api.EndCall(r.ctx, c.Calls[0].ID))
	if c := r.used(plan.smith, nil); len(c.Calls) != 0 {
		t.Errorf("calls %+v", c.Calls)
	}
}

// OB1: the metrics show active calls and refusals by reason.
func TestOB1Metrics(t *testing.T) {
	r := newRow(t)
	metric := func(line string) {
		t.Helper()
		poll(r.ctx, t, func() bool {
			_, text := get(t, "http://"+r.gateway.DebugAddr()+"/metrics", "")
			return strings.Contains(text, "\n"+line+"\n")
		})
	}
	near, far := r.up(r.brown, "2001", r.smith)
	metric(`interlink_calls_active 1`)
	r.refused(r.brown, "7777", 404, "number_not_found")
	r.refused(r.brown, "3000", 484, "ambiguous_number")
	r.must(r.show.hangUp(r.ctx, r.brown, near, far))
	metric(`interlink_calls_total{reason="",result="answered"} 1`)
	metric(`interlink_calls_total{reason="number_not_found",result="refused"} 1`)
	metric(`interlink_calls_total{reason="ambiguous_number",result="refused"} 1`)
}

// OB2: one record per attempt, refused ones included, at each account that had a
// part in it.
func TestOB2OneRecordPerAttempt(t *testing.T) {
	r := newRow(t)
	plan := r.show.plan
	began := time.Now().Add(-time.Second)
	r.answered(r.brown, "2001", r.smith)
	r.refused(r.brown, "7777", 404, "number_not_found")
	if _, err := r.brown.call(r.ctx, "1001", "2486"); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, rec := range r.records(plan.brown, 3) {
		got[rec.To] = string(rec.Result)
		if rec.Direction != "outbound" || rec.From != "1001" || rec.StartedAt.Before(began) || rec.EndedAt == nil {
			t.Errorf("record %+v", rec)
		}
	}
	if fmt.Sprint(got) != "map[2001:answered 2486:busy 7777:refused]" {
		t.Errorf("Brown's log: %v", got)
	}
	for _, rec := range r.records(plan.smith, 2) {
		if rec.Direction != "inbound" || rec.Peer == nil || rec.Peer.Name != "Brown" {
			t.Errorf("record %+v", rec)
		}
	}
	r.records(plan.andrews, 0)
}
