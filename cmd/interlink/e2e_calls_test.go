package main

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// testLoad makes LOAD_CALLS calls, LOAD_RATE a second: none may fail, no
// message may be out of place, no line may stay taken, no record be missing.
func testLoad(t *testing.T, binary string) {
	calls, rate := fromEnv(t, "LOAD_CALLS", 1000), fromEnv(t, "LOAD_RATE", 200)
	s := newScene(t, binary)
	lines := map[string]any{"inbound_trunks": calls, "outbound_trunks": calls}
	s.must(s.api.Limit(s.ctx, s.brown, lines))
	s.must(s.api.Limit(s.ctx, s.smith, lines))
	uas := s.answer("uas", s.callee)
	run := s.script("uac", s.caller)
	run.Calls, run.Rate, run.Limit, run.Hold = calls, rate, calls, 200*time.Millisecond
	caller, callee := s.clean(s.dial(run, s.gateway), uas)
	if caller.Successful != calls || callee.Successful != calls {
		t.Errorf("caller: %v\ncallee: %v", caller, callee)
	}
	s.empty(s.brown, s.smith)
	for _, a := range []*testbed.Account{s.brown, s.smith} {
		if n := tally(s.logged(a, calls)); n["answered"] != calls {
			t.Errorf("call log of %s: %v", a.ID, n)
		}
	}
	t.Logf("%d calls at %d/s; caller: %v; callee: %v", calls, rate, caller, callee)
}

func fromEnv(t *testing.T, name string, fallback int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s: %q is not a number of 1 or more", name, text)
	}
	return n
}

// testEnds plays every way a call can go, with SIPp's own judgement at both
// ends. Each call is one attempt in the log, and no line stays taken.
func testEnds(t *testing.T, binary string) {
	s := newScene(t, binary)
	total := 0
	for _, c := range []struct {
		name, uac, uas string
		result         string
		// repeats: a message was said again, so somebody must have counted it.
		repeats bool
	}{
		{"the caller hangs up", "uac", "uas", "answered", false},
		{"the callee hangs up", "uac_waits_bye", "uas_bye", "answered", false},
		{"200 lost", "uac_200_lost", "uas", "answered", true},
		{"ACK lost", "uac_ack_lost", "uas_ack_lost", "answered", false},
		{"INVITE sent twice", "uac_invite_twice", "uas", "answered", true},
		{"CANCEL while it rings", "uac_cancel_ringing", "uas_cancel", "cancelled", false},
		{"CANCEL before it rings", "uac_cancel_trying", "uas_cancel_late", "cancelled", false},
		{"CANCEL meets the 200", "uac_cancel_crossing", "uas_cancel_crossing", "answered", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			const calls = 20
			outer := s.t
			s.t = t
			defer func() { s.t = outer }()
			uas := s.answer(c.uas, s.callee)
			run := s.script(c.uac, s.caller)
			run.Calls, run.Rate, run.Hold = calls, 50, 100*time.Millisecond
			caller, callee := s.clean(s.dial(run, s.gateway), uas)
			if caller.Successful != calls {
				t.Errorf("caller: %v", caller)
			}
			// A CANCEL may overtake the INVITE inside the gateway; the callee then
			// never hears of that call.
			if callee.Successful != callee.Created || c.result == "answered" && callee.Created != calls {
				t.Errorf("callee: %v", callee)
			}
			if c.repeats && caller.Retransmissions+callee.Retransmissions == 0 {
				t.Error("nothing was sent twice; the test shows nothing")
			}
			s.empty(s.brown, s.smith)
			before := total
			total += calls
			if n := tally(s.logged(s.brown, total)[:total-before]); n[c.result] != calls {
				t.Errorf("call log: %v, want %d %s", n, calls, c.result)
			}
		})
	}
}

// testRefusals compares what a caller hears with the call log. A private number
// and one that does not exist look alike to him.
func testRefusals(t *testing.T, binary string) {
	s := newScene(t, binary)
	s.must(s.api.Number(s.ctx, s.smith, "2002", map[string]any{"private": true}))
	total := 0
	for _, c := range []struct{ number, status, reason string }{
		{"2002", "404", "number_not_found"},
		{"2999", "404", "number_not_found"},
	} {
		const calls = 5
		run := s.script("uac_refused", s.caller)
		run.Calls, run.Rate, run.Number = calls, 50, c.number

		uac := s.dial(run, s.gateway)
		st, err := uac.Finish(s.ctx)
		s.must(err)
		if st.Successful != calls || !st.Clean() {
			t.Errorf("%s: %v\n%s", c.number, st, uac.Errors(20))
		}
		total += calls
		if n := tally(s.logged(s.brown, total)[:calls]); n["refused "+c.reason] != calls {
			t.Errorf("%s: call log: %v", c.number, n)
		}
	}
	// Only the owner learns that somebody dialled the private one.
	if n := tally(s.logged(s.smith, 5)); n["refused number_private"] != 5 {
		t.Errorf("the owner's call log: %v", n)
	}
}
