package store

import (
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// samples reads a registry as "name{labels} value" for counters and gauges.
func samples(t testing.TB, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			sort.Strings(labels)
			out[fmt.Sprintf("%s{%s}", f.GetName(), strings.Join(labels, ","))] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return out
}

func TestMetrics(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		reg := prometheus.NewRegistry()
		s := b.open(t, func(c *Config) { c.Registerer, c.MetricsAccounts = reg, 2 })
		for _, id := range []string{"acc_c", "acc_a", "acc_b"} {
			apply(t, s, directory.Create(account(id)))
			apply(t, s, directory.Create(limitsOf(id, 0, 2, 1, -1, 0, 5)))
		}
		// The two-way lanes are unlimited: the cap that ends it is acc_x's.
		full := limitsOf("acc_x", 1, 0, 0, 0, 0)
		admit(t, s, lease(1), claim(routing.RoleCaller, "acc_a", nil), claim(routing.RoleCallee, "acc_b", nil))
		admit(t, s, lease(2), claim(routing.RoleCaller, "acc_a", nil), claim(routing.RoleCallee, "acc_x", full))
		confirm(t, s, lease(1), 0)
		s.Write(&routing.CDR{Lease: lease(1), Caller: "acc_a", Callee: "acc_b", Result: routing.ResultAnswered})
		eventually(t, "the record is filed", func() bool { return s.writer.idle() })
		got := samples(t, reg)
		for name, want := range map[string]float64{
			"interlink_admissions_total{reason=,verdict=admitted}":                1,
			"interlink_admissions_total{reason=callee_lines_full,verdict=busy}":   1,
			"interlink_admissions_total{reason=caller_lines_full,verdict=busy}":   0,
			"interlink_admissions_total{reason=store_unavailable,verdict=failed}": 0,
			"interlink_lease_confirms_total{verdict=done}":                        1,
			"interlink_call_records_filed_total{}":                                2,
			"interlink_call_record_queue{}":                                       0,
			"interlink_directory_objects{kind=account}":                           3,
			"interlink_directory_objects{kind=limits}":                            3,
			"interlink_directory_seq{}":                                           6,
			"interlink_ledger_breaker_open{}":                                     0,
			"interlink_lines_used{account=acc_a,direction=outbound}":              1,
			"interlink_lines_used{account=acc_a,direction=inbound}":               0,
			"interlink_lines_used{account=acc_b,direction=inbound}":               1,
			"interlink_lines_limit{account=acc_a,lane=inbound}":                   2,
			"interlink_lines_limit{account=acc_b,lane=twoway}":                    -1,
			"interlink_lines_limit{account=acc_b,lane=max_outbound}":              5,
			"interlink_redis_seconds{operation=apply}":                            6,
		} {
			if v, there := got[name]; !there || v != want {
				t.Errorf("%s is %v (there: %v), want %v", name, v, there, want)
			}
		}
		for name := range got {
			if strings.Contains(name, "account=acc_c") {
				t.Errorf("%s is beyond the bound of accounts", name)
			}
		}
	})
}

// TestAScrapeOutlivesRedis: what is known in memory is told without Redis.
func TestAScrapeOutlivesRedis(t *testing.T) {
	r := startRedis(t)
	reg := prometheus.NewRegistry()
	s := (&backend{url: r.url}).dial(t).open(t, func(c *Config) { c.Registerer = reg })
	apply(t, s, directory.Create(account("acc_a")))
	apply(t, s, directory.Create(limitsOf("acc_a", 0, 2)))
	r.pause(t)
	got := samples(t, reg)
	r.resume(t)
	if got["interlink_directory_objects{kind=account}"] != 1 || got["interlink_lines_limit{account=acc_a,lane=inbound}"] != 2 {
		t.Errorf("%v", got)
	}
	if _, there := got["interlink_lines_used{account=acc_a,direction=inbound}"]; there {
		t.Error("a number of lines that nobody counted")
	}
	// Once closed, a store leaves its registry.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := samples(t, reg); len(left) != 0 {
		t.Errorf("metrics of a closed store: %v", left)
	}
}

// BenchmarkCall measures the ledger's part of a call: admit, confirm, release,
// 64 calls at a time.
func BenchmarkCall(b *testing.B) {
	for _, kind := range []struct {
		name string
		open func(testing.TB) *backend
	}{{"redis", realBackend}, {"miniredis", miniBackend}} {
		b.Run(kind.name, func(b *testing.B) {
			s := kind.open(b).open(b)
			l := limitsOf("acc_a", 1, 10, 100, 0, 0)
			answers := newSink()
			b.ReportAllocs()
			const width = 64
			calls := make([]*routing.Admission, width)
			started := time.Now()
			n := 0
			for b.Loop() {
				for i := range calls {
					n++
					calls[i] = admission(lease(n), claim(routing.RoleCaller, "acc_a", l), claim(routing.RoleCallee, "acc_b", nil))
					s.Admit(calls[i], answers)
				}
				s.Flush()
				for range calls {
					if a := <-answers; a.Verdict != routing.Admitted {
						b.Fatalf("%+v", a)
					}
				}
				for _, c := range calls {
					s.Confirm(c.Lease, 0, answers)
				}
				s.Flush()
				for range calls {
					<-answers
				}
				for _, c := range calls {
					s.Release(c.Lease)
				}
				s.Flush()
			}
			barrier(b, s)
			b.ReportMetric(float64(n)/time.Since(started).Seconds(), "calls/s")
		})
	}
}
