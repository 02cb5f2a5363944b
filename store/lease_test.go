package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// TestTrunkVectors asks the script every case of the trunk arithmetic.
func TestTrunkVectors(t *testing.T) {
	vectors := []struct {
		in, out, two, burst int64
		usedIn, usedOut     int
		outbound, admitted  bool
	}{
		{1, 0, 0, 0, 0, 0, false, true},
		{1, 0, 0, 0, 0, 0, true, false},
		{1, 0, 1, 0, 1, 0, false, true},
		{1, 0, 1, 0, 1, 0, true, true},
		{1, 0, 1, 0, 2, 0, true, false},
		{1, 0, 1, 1, 2, 0, true, true},
		{1, 0, 1, 1, 2, 1, true, false},
		{2, 0, 8, 0, 0, 8, false, true},
		{2, 0, 8, 0, 1, 8, false, true},
		{2, 0, 8, 0, 2, 8, false, false},
		{2, 0, 8, 0, 0, 8, true, false},
		{2, 0, 8, 0, 2, 7, true, true},
		{2, 0, 8, 0, 3, 7, true, false},
		{-1, 0, 0, 0, 50, 0, false, true},
		{0, 0, -1, 0, 3, 3, true, true},
		{0, 0, 0, 0, 0, 0, true, false},
		// Own trunks have room although the other direction is over its limit.
		{2, 0, 0, 0, 1, 5, false, true},
		{0, 2, 0, 0, 5, 1, true, true},
		{2, 0, 0, 0, 2, 5, false, false},
	}
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		next := 0
		take := func(owner string, role routing.Role, limits *directory.Limits) routing.Verdict {
			next++
			return admit(t, s, lease(next), claim(role, owner, limits)).Verdict
		}
		for i, v := range vectors {
			owner := fmt.Sprintf("acc_%d", i)
			for range v.usedIn {
				take(owner, routing.RoleCallee, nil)
			}
			for range v.usedOut {
				take(owner, routing.RoleCaller, nil)
			}
			if in, out := lines(t, s, owner); in != v.usedIn || out != v.usedOut {
				t.Fatalf("vector %d: %d in, %d out before", i, in, out)
			}
			role := routing.RoleCallee
			if v.outbound {
				role = routing.RoleCaller
			}
			got := take(owner, role, limitsOf(owner, 1, v.in, v.out, v.two, v.burst))
			if (got == routing.Admitted) != v.admitted || got != routing.Admitted && got != routing.Busy {
				t.Errorf("vector %d: %+v answered %d", i, v, got)
			}
		}
	})
}

func TestMaxOutbound(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		l := limitsOf("acc_a", 1, 0, 0, 10, 0, 8)
		for i := range 8 {
			if a := admit(t, s, lease(i), claim(routing.RoleCaller, "acc_a", l)); a.Verdict != routing.Admitted {
				t.Fatalf("outbound call %d: %d", i+1, a.Verdict)
			}
		}
		if a := admit(t, s, lease(8), claim(routing.RoleCaller, "acc_a", l)); a.Verdict != routing.Busy {
			t.Fatalf("the 9th outbound call: %d", a.Verdict)
		}
		for i := range 2 {
			if a := admit(t, s, lease(10+i), claim(routing.RoleCallee, "acc_a", l)); a.Verdict != routing.Admitted {
				t.Fatalf("inbound call %d: %d", i+1, a.Verdict)
			}
		}
		if a := admit(t, s, lease(12), claim(routing.RoleCallee, "acc_a", l)); a.Verdict != routing.Busy {
			t.Fatalf("the 3rd inbound call: %d", a.Verdict)
		}
	})
}

func TestALeaseCountsOnceAndEndsForGood(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		first, second := b.open(t), b.open(t)
		l := limitsOf("acc_a", 1, 0, 1, 0, 0)
		claims := []routing.Claim{claim(routing.RoleCaller, "acc_a", l), claim(routing.RoleCallee, "acc_b", nil)}
		if a := admit(t, first, lease(1), claims...); a.Verdict != routing.Admitted || a.Lease != lease(1) || a.Confirm {
			t.Fatalf("%+v", a)
		}
		for _, s := range []*Store{first, second} {
			if a := admit(t, s, lease(1), claims...); a.Verdict != routing.Duplicate {
				t.Fatalf("the same lease again: %d", a.Verdict)
			}
			if a := admit(t, s, lease(2), claims...); a.Verdict != routing.Busy || a.Claim != 0 {
				t.Fatalf("%+v", a)
			}
		}
		for _, s := range []*Store{first, second, first} {
			if v := confirm(t, s, lease(1), 0); v != routing.Done {
				t.Fatalf("confirm: %d", v)
			}
		}
		// Any node can end it, though it holds nothing about the call.
		release(t, second, lease(1))
		if in, out := lines(t, first, "acc_a"); in+out != 0 {
			t.Fatalf("%d in, %d out after release", in, out)
		}
		if in, _ := lines(t, first, "acc_b"); in != 0 {
			t.Fatalf("%d in after release", in)
		}
		release(t, first, lease(1))
		release(t, second, lease(1))
		for _, s := range []*Store{first, second} {
			if v := confirm(t, s, lease(1), 0); v != routing.Ended {
				t.Fatalf("confirm after release: %d", v)
			}
			if a := admit(t, s, lease(1), claims...); a.Verdict != routing.Ended {
				t.Fatalf("admit after release: %d", a.Verdict)
			}
		}
		if v := confirm(t, first, lease(3), 0); v != routing.Lost {
			t.Fatalf("confirm of an unknown lease: %d", v)
		}
		// A release that comes before its admission wins.
		answers := newSink()
		first.Release(lease(4))
		first.Admit(admission(lease(4), claims...), answers)
		first.Flush()
		if a := answers.next(t); a.Verdict != routing.Ended {
			t.Fatalf("admit handed over after release: %d", a.Verdict)
		}
		if left := b.client.Keys(t.Context(), "*own:*").Val(); len(left) != 0 {
			t.Fatalf("released leases have owners: %v", left)
		}
	})
}

func TestAllLinesOrNone(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		full := limitsOf("acc_p", 1, 0, 0, 0, 0)
		a := admit(t, s, lease(1), claim(routing.RoleCaller, "acc_a", nil), claim(routing.RoleCallee, "acc_b", nil),
			claim(routing.RoleCallerParent, "acc_g", nil), claim(routing.RoleCalleeParent, "acc_p", full))
		if a.Verdict != routing.Busy || a.Claim != 3 {
			t.Fatalf("%+v", a)
		}
		for _, owner := range []string{"acc_a", "acc_b", "acc_g", "acc_p"} {
			if in, out := lines(t, s, owner); in+out != 0 {
				t.Fatalf("%s holds a line of a refused call", owner)
			}
		}
		// A call inside one account, and one whose sides have the same parent,
		// take both lines there.
		two := limitsOf("acc_o", 1, 0, 0, 1, 0)
		if a := admit(t, s, lease(2), claim(routing.RoleCaller, "acc_o", two), claim(routing.RoleCallee, "acc_o", two)); a.Verdict != routing.Busy || a.Claim != 1 {
			t.Fatalf("two lines of one: %+v", a)
		}
		two = limitsOf("acc_o", 2, 0, 0, 2, 0)
		if a := admit(t, s, lease(3), claim(routing.RoleCaller, "acc_o", two), claim(routing.RoleCallee, "acc_o", two)); a.Verdict != routing.Admitted {
			t.Fatalf("two lines of two: %+v", a)
		}
		if in, out := lines(t, s, "acc_o"); in != 1 || out != 1 {
			t.Fatalf("%d in, %d out", in, out)
		}
		release(t, s, lease(3))
		if in, out := lines(t, s, "acc_o"); in+out != 0 {
			t.Fatalf("%d in, %d out after release", in, out)
		}
	})
}

func TestTheNewestLimitsHold(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		ten, one := limitsOf("acc_a", 1, 10, 0, 0, 0), limitsOf("acc_a", 2, 1, 0, 0, 0)
		admit(t, s, lease(1), claim(routing.RoleCallee, "acc_a", one))
		// A node that has not seen the change yet is held to it all the same.
		if a := admit(t, s, lease(2), claim(routing.RoleCallee, "acc_a", ten)); a.Verdict != routing.Busy {
			t.Fatalf("by an older version: %d", a.Verdict)
		}
		if a := admit(t, s, lease(3), claim(routing.RoleCallee, "acc_a", nil)); a.Verdict != routing.Busy {
			t.Fatalf("by no limits: %d", a.Verdict)
		}
		if a := admit(t, s, lease(4), claim(routing.RoleCallee, "acc_a", limitsOf("acc_a", 3, 2, 0, 0, 0))); a.Verdict != routing.Admitted {
			t.Fatalf("by a newer version: %d", a.Verdict)
		}
	})
}

func TestNobodyNeedsToFlush(t *testing.T) {
	s := miniBackend(t).open(t)
	answers := newSink()
	s.Admit(admission(lease(1), claim(routing.RoleCaller, "acc_a", nil)), answers)
	if a := answers.next(t); a.Verdict != routing.Admitted {
		t.Fatalf("%+v", a)
	}
}

func TestForgottenScripts(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		if err := b.client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if a := admit(t, s, lease(1), claim(routing.RoleCaller, "acc_a", nil)); a.Verdict != routing.Admitted {
			t.Fatalf("%+v", a)
		}
		b.client.ScriptFlush(t.Context())
		release(t, s, lease(1))
		if _, out := lines(t, s, "acc_a"); out != 0 {
			t.Fatal("not released")
		}
		b.client.ScriptFlush(t.Context())
		apply(t, s, directory.Create(account("acc_a")))
	})
}

func TestDeadlines(t *testing.T) {
	b := miniBackend(t)
	s := b.open(t)
	one := limitsOf("acc_a", 1, 0, 1, 0, 0)
	ask := func(n int) routing.Verdict {
		return admit(t, s, lease(n), claim(routing.RoleCaller, "acc_a", one), claim(routing.RoleCallee, "acc_b", nil)).Verdict
	}
	ask(1)
	b.advance(239 * time.Second)
	if v := ask(2); v != routing.Busy {
		t.Fatalf("within the early deadline: %d", v)
	}
	b.advance(2 * time.Second)
	if v := ask(3); v != routing.Admitted {
		t.Fatalf("after the early deadline: %d", v)
	}
	if v := confirm(t, s, lease(1), 0); v != routing.Lost {
		t.Fatalf("confirm of an expired lease: %d", v)
	}
	if in, _ := lines(t, s, "acc_b"); in != 1 {
		t.Fatalf("%d lines of one call", in)
	}
	if v := confirm(t, s, lease(3), 100*time.Second); v != routing.Done {
		t.Fatalf("confirm: %d", v)
	}
	b.advance(149 * time.Second)
	if v := ask(4); v != routing.Busy {
		t.Fatalf("within 1.5 session intervals: %d", v)
	}
	if v := confirm(t, s, lease(3), 100*time.Second); v != routing.Done {
		t.Fatalf("session refresh: %d", v)
	}
	b.advance(149 * time.Second)
	if v := ask(5); v != routing.Busy {
		t.Fatalf("after the session refresh: %d", v)
	}
	b.advance(2 * time.Second)
	if v := ask(6); v != routing.Admitted {
		t.Fatalf("after the session ended: %d", v)
	}
}

func TestRefreshKeepsCallsAndTellsLost(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t, func(c *Config) { c.EarlyTTL, c.ConfirmedTTL = 4*time.Second, 4*time.Second })
		deadline := func(n int) float64 {
			return b.client.ZScore(t.Context(), s.keys.outbound("acc_a"), leaseText(lease(n))).Val()
		}
		admit(t, s, lease(1), claim(routing.RoleCaller, "acc_a", nil), claim(routing.RoleCallee, "acc_b", nil))
		admit(t, s, lease(2), claim(routing.RoleCaller, "acc_a", nil))
		confirm(t, s, lease(2), time.Hour)
		before, timed := deadline(1), deadline(2)
		if b.advance != nil {
			b.advance(3 * time.Second)
		}
		// The look that comes once half the time is gone moves the deadline.
		eventually(t, "the deadline moves", func() bool { return deadline(1) > before })
		if deadline(2) != timed {
			t.Fatal("a lease with a session timer was refreshed without a confirm")
		}
		// Somebody else ends the call: the owner forgets it at the next look.
		b.client.Del(t.Context(), s.keys.call(lease(1)))
		eventually(t, "the lost lease leaves its sets", func() bool {
			in, _ := lines(t, s, "acc_b")
			return in == 0 || b.client.ZScore(t.Context(), s.keys.inbound("acc_b"), leaseText(lease(1))).Err() != nil
		})
	})
}

// TestParallelCallers: caps of 1, 10 and 100 under 200 parallel callers on two
// nodes: never one over, none refused with a line free.
func TestParallelCallers(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		nodes := []*Store{b.open(t), b.open(t)}
		next := 0
		for _, lanes := range []int64{1, 10, 100} {
			owner := fmt.Sprintf("acc_%d", lanes)
			l := limitsOf(owner, 1, 0, lanes, 0, 0)
			for round := range 2 {
				answers := newSink()
				var wg sync.WaitGroup
				for i := range 200 {
					s, id := nodes[i%2], lease(next+i)
					wg.Go(func() {
						s.Admit(admission(id, claim(routing.RoleCaller, owner, l), claim(routing.RoleCallee, "acc_x", nil)), answers)
						s.Flush()
					})
				}
				wg.Wait()
				admitted := 0
				for range 200 {
					switch a := answers.next(t); a.Verdict {
					case routing.Admitted:
						admitted++
					case routing.Busy:
					default:
						t.Fatalf("%+v", a)
					}
				}
				if admitted != int(lanes) {
					t.Fatalf("cap %d, round %d: %d admitted", lanes, round, admitted)
				}
				for i := range 200 {
					nodes[(i+1)%2].Release(lease(next + i)) // half of them on the other node
				}
				barrier(t, nodes[0])
				barrier(t, nodes[1])
				if in, out := lines(t, nodes[0], owner); in+out != 0 {
					t.Fatalf("%d lines left", in+out)
				}
				next += 200
			}
			churn(t, nodes, owner, l, next)
			next += 200_000
		}
	})
}

// churn has 200 callers take and give lines for a while and counts, on this
// side of Redis, that no more are held than the cap.
func churn(t *testing.T, nodes []*Store, owner string, l *directory.Limits, base int) {
	var live atomic.Int64
	var wg sync.WaitGroup
	for i := range 200 {
		s := nodes[i%2]
		wg.Go(func() {
			answers := newSink()
			for turn := range 2 {
				id := lease(base + i*1000 + turn)
				s.Admit(admission(id, claim(routing.RoleCaller, owner, l), claim(routing.RoleCallee, "acc_x", nil)), answers)
				s.Flush()
				if a := <-answers; a.Verdict == routing.Admitted {
					if n := live.Add(1); n > l.Outbound {
						t.Errorf("%d calls of %d", n, l.Outbound)
					}
					live.Add(-1)
				}
				s.Release(id)
				s.Flush()
			}
		})
	}
	wg.Wait()
	for _, s := range nodes {
		barrier(t, s)
	}
	for _, who := range []string{owner, "acc_x"} {
		if in, out := lines(t, nodes[0], who); in+out != 0 {
			t.Fatalf("%s: %d lines left", who, in+out)
		}
	}
}

func TestCloseSendsWhatWasHandedOver(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		watcher, s := b.open(t), b.open(t)
		admit(t, s, lease(1), claim(routing.RoleCaller, "acc_a", nil))
		s.Release(lease(1))
		s.Write(&routing.CDR{Lease: lease(1), Caller: "acc_a", Result: routing.ResultAnswered})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, out := lines(t, watcher, "acc_a"); out != 0 {
			t.Fatal("a release handed over before Close is lost")
		}
		if log, _, err := watcher.CallLog(context.Background(), "acc_a", "", 10); err != nil || len(log) != 1 {
			t.Fatalf("call log %v, %v", log, err)
		}
		if s.Ready() == nil {
			t.Fatal("a closed store is ready")
		}
	})
}
