package main

import (
	"net/netip"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// LI5 and LI6: testOutage takes Redis away while calls are up, once by a standstill and once
// by its death, and gives it back. Calls that are up end in good order without
// it, new ones are refused with a 503 that says why and when to try again, and
// once it is back calls go through, every line is free and no record is missing.
func testOutage(t *testing.T, binary string) {
	s := newSceneOn(t, binary, []string{"--appendonly", "yes"}, "INTERLINK_ADMIT_BUDGET=150ms")
	late := sipAddress(t)
	white, err := s.api.Account(s.ctx, "White", late)
	s.must(err)
	s.must(s.api.Number(s.ctx, white, "1001", nil))
	s.must(s.api.Link(s.ctx, white, s.smith))
	o := &outage{scene: s, late: late, white: white}
	t.Run("standstill", func(t *testing.T) {
		o.through(t, func() { s.must(s.redis.Pause()) }, func() { s.must(s.redis.Resume()) })
	})
	t.Run("death", func(t *testing.T) {
		o.through(t, s.redis.Kill, func() { s.must(s.redis.Restart(s.ctx)) })
	})
}

// outage is a scene whose Redis goes away; White calls while it does.
type outage struct {
	*scene
	late  netip.AddrPort
	white *testbed.Account
	// answered is what Brown's call log must hold, refused and attempts the same
	// for White's.
	answered, refused, attempts int
}

func (o *outage) through(t *testing.T, away, back func()) {
	outer := o.t
	o.t = t
	defer func() { o.t = outer }()
	const up, refused = 5, 20
	uas := o.answer("uas", o.callee)
	run := o.script("uac", o.caller)
	run.Calls, run.Rate, run.Hold = up, 50, 5*time.Second
	uac := o.dial(run, o.gateway)
	o.confirmed(o.smith, up)

	away()
	no := o.script("uac_store_unavailable", o.late)
	no.Calls, no.Rate = refused, 20
	refusals := o.dial(no, o.gateway)
	st, err := refusals.Finish(o.ctx)
	o.must(err)
	if st.Successful != refused || !st.Clean() {
		t.Errorf("calls without Redis: %v\n%s", st, refusals.Errors(40))
	}
	if caller, callee := o.clean(uac, uas); caller.Successful != up || callee.Successful != up {
		t.Errorf("calls that were up: caller: %v\ncallee: %v", caller, callee)
	}
	o.answered += up
	o.refused += refused

	back()
	from := time.Now()
	attempts := o.tryUntilAnswered()
	t.Logf("%d refused, sent again %d times; after the return a call went through at attempt %d, after %v",
		refused, st.Retransmissions, attempts, time.Since(from).Round(time.Millisecond))
	o.empty(o.brown, o.white, o.smith)
	if n := tally(o.logged(o.brown, o.answered)); n["answered"] != o.answered {
		t.Errorf("Brown's call log: %v, want %d answered", n, o.answered)
	}
	o.attempts += attempts
	n := tally(o.logged(o.white, o.refused+o.attempts))
	if n["refused store_unavailable"]+n["answered"] != o.refused+o.attempts || n["answered"] == 0 {
		t.Errorf("White's call log: %v, want %d attempts", n, o.refused+o.attempts)
	}
}

// tryUntilAnswered lets White call until a call goes through, and returns how
// often it took.
func (o *outage) tryUntilAnswered() int {
	o.t.Helper()
	uas := o.answer("uas", o.callee)
	attempts := 0
	o.must(testbed.Until(o.ctx, "answered", func() bool {
		attempts++
		run := o.script("uac", o.late)
		run.Calls, run.Rate, run.Hold = 1, 1, 50*time.Millisecond
		st, err := o.dial(run, o.gateway).Finish(o.ctx)
		o.must(err)
		return st.Successful == 1
	}))
	_, err := uas.Quit(o.ctx)
	o.must(err)
	return attempts
}
