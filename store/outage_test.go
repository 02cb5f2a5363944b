package store

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pbx-interlink/interlink/routing"
)

// TestAStandstillFailsAdmissionsAndLeavesNoLine stops Redis while operations
// are under way: admissions are answered Failed, and whatever Redis carries out
// when it goes on again is undone.
func TestAStandstillFailsAdmissionsAndLeavesNoLine(t *testing.T) {
	r := startRedis(t)
	b := (&backend{url: r.url}).dial(t)
	reg := prometheus.NewRegistry()
	s := b.open(t, func(c *Config) { c.AdmitBudget, c.Registerer = 150*time.Millisecond, reg })
	answers := newSink()
	ask := func(n int) {
		s.Admit(admission(lease(n), claim(routing.RoleCaller, "acc_a", nil), claim(routing.RoleCallee, "acc_b", nil)), answers)
		s.Flush()
	}
	admitted := func(n int) {
		t.Helper()
		eventually(t, "an admission gets through", func() bool {
			n++
			ask(n)
			return answers.next(t).Verdict == routing.Admitted
		})
	}
	admitted(1000)
	kept := newSink()
	r.pause(t)
	for n := range 5 {
		ask(n)
		if a := answers.next(t); a.Verdict != routing.Failed || a.Lease != lease(n) {
			t.Fatalf("admission %d while Redis stands still: %+v", n, a)
		}
	}
	// A batch that waits behind one that stands still, and one that finds the
	// breaker open.
	eventually(t, "the breaker opens", func() bool { ask(100); return answers.next(t).Verdict == routing.Failed && s.ledger.open.Load() })
	for n := 200; n < 300; n++ {
		s.Admit(admission(lease(n), claim(routing.RoleCaller, "acc_a", nil)), kept)
		s.Release(lease(n))
	}
	s.Flush()
	for range 100 {
		if a := kept.next(t); a.Verdict != routing.Failed {
			t.Fatalf("%+v", a)
		}
	}
	if got := gauge(t, reg, "interlink_ledger_breaker_open"); got != 1 {
		t.Fatalf("breaker metric %v", got)
	}
	if gauge(t, reg, "interlink_ledger_retries_total") < 3 {
		t.Fatal("releases of failed admissions are not counted")
	}
	r.resume(t)
	eventually(t, "the breaker closes", func() bool { return !s.ledger.open.Load() })
	eventually(t, "only the first calls hold lines", func() bool {
		barrier(t, s)
		calls, err := s.LiveCalls(t.Context(), "acc_a", 1000)
		for _, c := range calls {
			if c.Lease == lease(0) || c.Lease == lease(1) {
				return false
			}
		}
		in, _ := lines(t, s, "acc_b")
		return err == nil && len(calls) == in && s.ledger.waiting.Load() == 0
	})
	// An admission that was sent and failed has ended for good.
	if a := admit(t, s, lease(0), claim(routing.RoleCaller, "acc_a", nil)); a.Verdict != routing.Ended {
		t.Fatalf("after the standstill: %+v", a)
	}
	admitted(2000)
}

// TestReleasesOutliveAnAbsentRedis: what is given back while Redis is away is
// given back when it is there again.
func TestReleasesOutliveAnAbsentRedis(t *testing.T) {
	r := startRedis(t)
	b := (&backend{url: r.url}).dial(t)
	s := b.open(t, func(c *Config) { c.AdmitBudget = time.Second })
	for n := range 50 {
		if a := admit(t, s, lease(n), claim(routing.RoleCaller, "acc_a", nil)); a.Verdict != routing.Admitted {
			t.Fatalf("%+v", a)
		}
	}
	r.pause(t)
	for n := range 50 {
		s.Release(lease(n))
	}
	s.Flush()
	eventually(t, "the breaker opens", func() bool { s.Flush(); return s.ledger.open.Load() })
	r.resume(t)
	eventually(t, "all lines are free", func() bool { _, out := lines(t, s, "acc_a"); return out == 0 })
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	r := startRedis(t)
	b := (&backend{url: r.url}).dial(t)
	s := b.open(t, func(c *Config) { c.MaxQueue, c.AdmitBudget = 4, time.Hour })
	r.pause(t)
	answers := newSink()
	// One batch is on its way and gets no answer; four more find room.
	s.Admit(admission(lease(0)), newSink())
	s.Flush()
	eventually(t, "the first is taken up", func() bool { return s.ledger.queued.Load() == 0 })
	for n := 1; n <= 10; n++ {
		s.Admit(admission(lease(n), claim(routing.RoleCaller, "acc_a", nil)), answers)
	}
	for range 6 {
		if a := answers.next(t); a.Verdict != routing.Failed {
			t.Fatalf("%+v", a)
		}
	}
	r.resume(t)
	s.Flush()
	for range 4 {
		if a := answers.next(t); a.Verdict != routing.Admitted {
			t.Fatalf("%+v", a)
		}
	}
}

func TestTooManyReleasesDropTheOldest(t *testing.T) {
	r := startRedis(t)
	b := (&backend{url: r.url}).dial(t)
	reg := prometheus.NewRegistry()
	s := b.open(t, func(c *Config) {
		c.MaxQueue, c.MaxReleases, c.AdmitBudget, c.Registerer = 1, 10, 50*time.Millisecond, reg
	})
	r.pause(t)
	for n := range 40 {
		s.Release(lease(n))
	}
	s.Flush()
	eventually(t, "some are dropped", func() bool { s.Flush(); return gauge(t, reg, "interlink_ledger_releases_dropped_total") > 0 })
	if n := s.ledger.waiting.Load(); n > 11 {
		t.Fatalf("%d releases wait, 11 are allowed", n)
	}
	r.resume(t)
	eventually(t, "the last one arrives", func() bool {
		return callState(b.client.Get(t.Context(), s.keys.call(lease(39))).Val()).tomb()
	})
}

// gauge reads one metric without labels.
func gauge(t testing.TB, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name && len(f.GetMetric()) == 1 {
			m := f.GetMetric()[0]
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
