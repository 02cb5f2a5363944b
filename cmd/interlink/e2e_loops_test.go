package main

import (
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// testLoops runs the gateway with several receiving loops. The kernel gives a
// datagram to one of them by its addresses, so the two sides of a call arrive
// at different loops; the messages of one call must meet all the same.
func testLoops(t *testing.T, binary string) {
	s := newSceneOn(t, binary, nil, "INTERLINK_SIP_LOOPS=3", "GOMAXPROCS=3")
	const callers, calls = 4, 100
	uas := s.answer("uas", s.callee)
	accounts := []*testbed.Account{s.smith}
	var uacs []*testbed.SIPp
	for range callers {
		at := sipAddress(t)
		a, err := s.api.Account(s.ctx, "Caller", at)
		s.must(err)
		s.must(s.api.Link(s.ctx, a, s.smith))
		accounts = append(accounts, a)
		run := s.script("uac", at)
		run.Calls, run.Rate, run.Hold = calls, 50, 100*time.Millisecond
		uacs = append(uacs, s.dial(run, s.gateway))
	}
	for _, uac := range uacs {
		st, err := uac.Finish(s.ctx)
		s.must(err)
		if st.Successful != calls || !st.Clean() {
			t.Errorf("caller: %v\n%s", st, uac.Errors(40))
		}
	}
	callee, err := uas.Quit(s.ctx)
	s.must(err)
	if callee.Successful != callers*calls || !callee.Clean() {
		t.Errorf("callee: %v\n%s", callee, uas.Errors(40))
	}
	s.empty(accounts...)
	for _, a := range accounts[1:] {
		if n := tally(s.logged(a, calls)); n["answered"] != calls {
			t.Errorf("call log of %s: %v", a.ID, n)
		}
	}
}
