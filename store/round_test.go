package store

import (
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/routing"
)

// TestOneBadOperationSpoilsNoOther puts something else where an account's leases
// should be, and has operations on it travel with others'.
func TestOneBadOperationSpoilsNoOther(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		for n := 1; n <= 4; n++ {
			admit(t, s, lease(n), claim(routing.RoleCaller, "acc_a", nil))
		}
		admit(t, s, lease(5), claim(routing.RoleCaller, "acc_bad", nil))
		bad := s.keys.outbound("acc_bad")
		b.client.Del(t.Context(), bad)
		b.client.Set(t.Context(), bad, "x", 0)
		answers := newSink()
		s.Release(lease(1))
		s.Release(lease(5))
		s.Confirm(lease(2), 0, answers)
		s.Confirm(lease(3), time.Minute, answers)
		limits := limitsOf("acc_bad", 1, 1, 1, 1, 1)
		s.Admit(admission(lease(6), claim(routing.RoleCaller, "acc_a", nil), claim(routing.RoleCaller, "acc_bad", limits)), answers)
		s.Admit(admission(lease(7), claim(routing.RoleCallee, "acc_a", nil), claim(routing.RoleCaller, "acc_bad", nil)), answers)
		s.Admit(admission(lease(8), claim(routing.RoleCaller, "acc_a", nil)), answers)
		s.Flush()
		want := map[routing.LeaseID]routing.Verdict{
			lease(2): routing.Done, lease(3): routing.Done, lease(6): routing.Failed, lease(7): routing.Failed, lease(8): routing.Admitted,
		}
		for range len(want) {
			if a := answers.next(t); a.Verdict != want[a.Lease] {
				t.Errorf("lease %s: verdict %d, want %d", leaseText(a.Lease), a.Verdict, want[a.Lease])
			}
		}
		b.client.Del(t.Context(), bad)
		// Those that failed are released until it succeeds.
		eventually(t, "the failed ones leave nothing", func() bool {
			in, out := lines(t, s, "acc_a")
			_, outBad := lines(t, s, "acc_bad")
			return in == 0 && out == 4 && outBad == 0
		})
		for _, n := range []int{1, 5, 6, 7} {
			eventually(t, "a tomb", func() bool { return callState(b.client.Get(t.Context(), s.keys.call(lease(n))).Val()).tomb() })
		}
	})
}

// TestManyOperationsAtOnce hands over more than one script call takes, with
// several operations on each lease.
func TestManyOperationsAtOnce(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		const calls, lanes = 300, 200
		limits := limitsOf("acc_a", 1, 0, lanes, 0, 0)
		answers := newSink()
		for n := range calls {
			s.Admit(admission(lease(n), claim(routing.RoleCaller, "acc_a", limits), claim(routing.RoleCallee, "acc_b", nil)), answers)
			s.Confirm(lease(n), 0, answers)
			if n%2 == 1 {
				s.Release(lease(n))
			}
		}
		s.Flush()
		got := map[routing.Verdict]int{}
		for range 2 * calls {
			got[answers.next(t).Verdict]++
		}
		if got[routing.Admitted] != calls || got[routing.Done] != calls {
			t.Fatalf("verdicts %v", got)
		}
		barrier(t, s)
		if in, _ := lines(t, s, "acc_b"); in != calls/2 {
			t.Fatalf("%d lines of %d calls", in, calls/2)
		}
	})
}
