package main

import (
	"testing"
	"time"
)

// With nothing else under way an admission is one round trip of one operation.
func TestAloneIsOneRoundTrip(t *testing.T) {
	c := measured()
	alone := c.away + c.marshal + c.trip + c.operation
	o := simulate(deployment{nodes: 1, rate: 10}, c, 20*time.Second)
	if o.p50 != alone || o.refused != 0 {
		t.Errorf("%v with %v refused, want %v", o.p50, o.refused, alone)
	}
	if o.batch < 1 || o.batch > 1.1 {
		t.Errorf("%v operations a round trip", o.batch)
	}
}

// What arrives during a round trip leaves together when it is over, behind what
// Redis has from others.
func TestWhatWaitsLeavesTogether(t *testing.T) {
	c := cost{trip: 10, operation: 1, away: 4, budget: 1000}
	ledger := []sending{{most: 3, trip: c.trip, each: c.operation}, {most: 3, trip: c.trip, each: c.operation}}
	s := &simulation{cost: c, lasting: 1000}
	s.add(&ledger[0], arrival{1, true}, false) // at Redis from 3 to 14, back at 16
	s.add(&ledger[1], arrival{2, true}, false) // waits there until 14, done at 25, back at 27
	for range 4 {
		s.add(&ledger[0], arrival{5, true}, false) // three leave at 16: until 38, back at 40
	}
	s.until(100, ledger, make([]sending, 2)) // the fourth leaves at 40: back at 55
	want := []time.Duration{15, 25, 35, 35, 35, 50}
	if len(s.waits) != len(want) {
		t.Fatalf("waits %v", s.waits)
	}
	for i, w := range want {
		if s.waits[i] != w {
			t.Errorf("waits %v, want %v", s.waits, want)
			break
		}
	}
	if s.worked != 11+11+13+11 || s.trips != 4 || s.sent != 6 {
		t.Errorf("worked %v in %d trips of %d", s.worked, s.trips, s.sent)
	}
}

// A first record lingers for others; a whole batch does not.
func TestRecordsLinger(t *testing.T) {
	c := cost{recordTrip: 10, record: 1}
	records := []sending{{most: 2, linger: 100, trip: c.recordTrip, each: c.record}}
	s := &simulation{cost: c, lasting: 10_000}
	s.add(&records[0], arrival{at: 1}, true)
	s.until(100, make([]sending, 1), records)
	if s.worked != 0 {
		t.Error("a record alone did not wait")
	}
	s.until(200, make([]sending, 1), records)
	if s.worked != 11 || len(records[0].waiting) != 0 {
		t.Errorf("worked %v", s.worked)
	}
	s.add(&records[0], arrival{at: 200}, true)
	s.add(&records[0], arrival{at: 201}, true)
	if s.worked != 23 {
		t.Errorf("a whole batch waited: worked %v", s.worked)
	}
}

func TestGrowth(t *testing.T) {
	c, lasting := measured(), 2*time.Second
	of := func(nodes int, rate float64, spread bool) outcome {
		return simulate(deployment{nodes, rate, spread}, c, lasting)
	}
	if a, b := of(4, 4000, false), of(4, 4000, false); a != b {
		t.Errorf("two runs differ: %+v %+v", a, b)
	}
	if slow, fast := of(1, 1000, false), of(1, 8000, false); fast.redis >= slow.redis || fast.batch <= slow.batch {
		t.Errorf("load does not gather: %+v %+v", slow, fast)
	}
	if few, many := of(1, 4000, false), of(16, 4000, false); many.redis <= few.redis {
		t.Errorf("nodes do not scatter: %+v %+v", few, many)
	}
	if all, ledger := of(4, 4000, false), of(4, 4000, true); ledger.busy >= all.busy {
		t.Errorf("records on other cores spare nothing: %+v %+v", all, ledger)
	}
	if o := of(4, 40_000, false); o.refused == 0 || o.carried(c) {
		t.Errorf("a flood is carried: %+v", o)
	}
}

func TestNumbers(t *testing.T) {
	if n, err := numbers("1, 20"); err != nil || len(n) != 2 || n[1] != 20 {
		t.Errorf("%v %v", n, err)
	}
	for _, bad := range []string{"", "a", "0", "1,,2", "-3"} {
		if _, err := numbers(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
