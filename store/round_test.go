package store

import (
	"fmt"
	"slices"
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

// TestManyAccountsAtOnce hands over operations that name more keys than one
// script call has places for.
func TestManyAccountsAtOnce(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		const calls = 100
		account := func(n, role int) string { return fmt.Sprintf("acc_%d_%d", n, role) }
		answers := newSink()
		for n := range calls {
			s.Admit(admission(lease(n),
				claim(routing.RoleCaller, account(n, 0), limitsOf(account(n, 0), 1, 0, 1, 0, 0)),
				claim(routing.RoleCallee, account(n, 1), limitsOf(account(n, 1), 1, 1, 0, 0, 0)),
				claim(routing.RoleCallerParent, account(n, 2), limitsOf(account(n, 2), 1, 0, int64(n%2), 0, 0)),
			), answers)
		}
		s.Flush()
		for range calls {
			a := answers.next(t)
			want := routing.Answer{Lease: a.Lease, Verdict: routing.Admitted}
			if n := slices.IndexFunc(leases(calls), func(l routing.LeaseID) bool { return l == a.Lease }); n%2 == 0 {
				want.Verdict, want.Claim = routing.Busy, 2
			}
			if a.Verdict != want.Verdict || a.Claim != want.Claim {
				t.Errorf("lease %s: %+v, want %+v", leaseText(a.Lease), a, want)
			}
		}
		for n := range calls {
			_, out := lines(t, s, account(n, 0))
			in, _ := lines(t, s, account(n, 1))
			if want := n % 2; out != want || in != want {
				t.Errorf("call %d: %d and %d lines, want %d", n, out, in, want)
			}
		}
	})
}

func leases(n int) (list []routing.LeaseID) {
	for i := range n {
		list = append(list, lease(i))
	}
	return list
}

// TestRoundCallNamesThingsOnce writes calls between the same two accounts.
func TestRoundCallNamesThingsOnce(t *testing.T) {
	s := miniBackend(t).open(t)
	var ops []*op
	for n := range 10 {
		a := admission(lease(n), claim(routing.RoleCaller, "acc_a", limitsOf("acc_a", 1, 0, 10, 0, 0)), claim(routing.RoleCallee, "acc_b", nil))
		for kind := range 3 {
			o := &op{kind: opKind(kind), lease: lease(100*kind + n), loc: location(s.incarnation, a.Claims)}
			if o.kind == opAdmit {
				s.buildAdmit(o, a)
			}
			s.build(o)
			ops = append(ops, o)
		}
	}
	r := newRoundCall()
	if n := r.write(ops); n != len(ops) {
		t.Fatalf("%d of %d operations", n, len(ops))
	}
	// The limits and two lease sets of both accounts; what people read of ten calls.
	if keys := len(r.keys) - len(ops); keys != 6 || len(r.infos) != 10 {
		t.Errorf("%d shared keys, %d infos", keys, len(r.infos))
	}
	// The loc, how long confirms last, three forms; the caps of both accounts.
	if len(r.values) != 2+3 || len(r.caps) != 2*capsWords {
		t.Errorf("%d values, %d words of caps", len(r.values), len(r.caps))
	}
	if len(r.orders) != 3*len(ops) {
		t.Errorf("%d octets of orders", len(r.orders))
	}
	// Another version of an account's caps goes out besides.
	newer := admission(lease(77), claim(routing.RoleCaller, "acc_a", limitsOf("acc_a", 2, 0, 20, 0, 0)), claim(routing.RoleCallee, "acc_b", nil))
	o := &op{lease: lease(77), loc: location(s.incarnation, newer.Claims)}
	s.buildAdmit(o, newer)
	if r.write(append(ops, o)); len(r.values) != 2+4 || len(r.caps) != 3*capsWords {
		t.Errorf("%d values, %d words of caps with newer ones", len(r.values), len(r.caps))
	}
}

// TestDeepestTrees admits a call with a claim on every account of two trees as
// deep as routing looks, and refuses one where only the last of them is full.
func TestDeepestTrees(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		var claims []routing.Claim
		for n := range 2 + 2*routing.MaxDepth {
			role := routing.RoleCallerParent
			if n%2 == 1 {
				role = routing.RoleCalleeParent
			}
			id := fmt.Sprintf("acc_%d", n)
			claims = append(claims, claim(role, id, limitsOf(id, 1, 0, 0, 1, 0)))
		}
		if a := admit(t, s, lease(1), claims...); a.Verdict != routing.Admitted {
			t.Fatalf("%+v", a)
		}
		last := len(claims) - 1
		// Nobody but the last has its line taken any more.
		others := slices.Clone(claims)
		for i := range last {
			id := fmt.Sprintf("acc_other_%d", i)
			others[i] = claim(claims[i].Role, id, limitsOf(id, 1, 0, 0, 1, 0))
		}
		if a := admit(t, s, lease(2), others...); a.Verdict != routing.Busy || a.Claim != last {
			t.Fatalf("%+v, want claim %d busy", a, last)
		}
	})
}
