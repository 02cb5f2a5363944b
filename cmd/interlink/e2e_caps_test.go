package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// callers is how many try for a line at the same time.
const callers = 200

// holding is how long an answered call keeps its line: longer than all callers
// need to be told.
const holding = 6 * time.Second

// testCaps lets 200 callers at once ask for 1, 10 and 100 lines, twice. The
// callee's own count of INVITEs is the evidence: it hears of exactly as many
// calls as there are lines. One more would be one over the cap, one less a
// refusal with a line free; and a line lost in the first wave would be missing
// in the second.
func testCaps(t *testing.T, binary string) {
	s := newScene(t, binary)
	type contest struct {
		lines    int
		from, to *testbed.Account
		uas      *testbed.SIPp
		run      testbed.Scenario
	}
	var contests []*contest
	for _, lines := range []int{1, 10, 100} {
		caller, callee := sipAddress(t), sipAddress(t)
		c := &contest{lines: lines}
		c.from, c.to = s.pair(fmt.Sprintf("Callers for %d", lines), fmt.Sprintf("%d lines", lines), caller, callee)
		s.must(s.api.Limit(s.ctx, c.to, map[string]any{"inbound_trunks": lines, "twoway_trunks": 0, "burst_trunks": 0}))
		c.uas = s.answer("uas", callee)
		c.run = s.script("uac_or_busy", caller)
		c.run.Calls, c.run.Rate, c.run.Limit, c.run.Hold = callers, 1000, callers, holding
		contests = append(contests, c)
	}
	const waves = 2
	for wave := 1; wave <= waves; wave++ {
		var uacs []*testbed.SIPp
		for _, c := range contests {
			uacs = append(uacs, s.dial(c.run, s.gateway))
		}
		for i, c := range contests {
			caller, err := uacs[i].Finish(s.ctx)
			s.must(err)
			if caller.Successful != callers || !caller.Clean() {
				t.Errorf("%d lines, wave %d, caller: %v\n%s", c.lines, wave, caller, uacs[i].Errors(20))
			}
			s.empty(c.from, c.to)
			n := tally(s.logged(c.from, wave*callers)[:callers])
			if n["answered"] != c.lines || n["refused callee_lines_full"] != callers-c.lines {
				t.Errorf("%d lines, wave %d: %v", c.lines, wave, n)
			}
		}
	}
	for _, c := range contests {
		callee, err := c.uas.Quit(s.ctx)
		s.must(err)
		if callee.Created != waves*c.lines || !callee.Clean() {
			t.Errorf("%d lines: the callee was offered %d calls, want %d; %v\n%s",
				c.lines, callee.Created, waves*c.lines, callee, c.uas.Errors(20))
		}
	}
}

// testSharedCap is the same on two nodes: they share the lines of one callee.
func testSharedCap(t *testing.T, binary string) {
	s := newScene(t, binary)
	other := s.node(binary, "node-2")
	const lines = 10
	s.must(s.api.Limit(s.ctx, s.smith, map[string]any{"inbound_trunks": lines, "twoway_trunks": 0, "burst_trunks": 0}))
	second := sipAddress(t)
	green, err := s.api.Account(s.ctx, "Green", second)
	s.must(err)
	s.must(s.api.Number(s.ctx, green, "1001", nil))
	s.must(s.api.Link(s.ctx, green, s.smith))
	known := func() bool {
		verdict, err := explain(s.ctx, other.API(), green.ID, "2001")
		return err == nil && verdict == "route"
	}
	s.must(testbed.Until(s.ctx, "known on the other node", known))

	uas := s.answer("uas", s.callee)
	one, two := s.script("uac_or_busy", s.caller), s.script("uac_or_busy", second)
	for _, run := range []*testbed.Scenario{&one, &two} {
		run.Calls, run.Rate, run.Limit, run.Hold = callers/2, 1000, callers/2, holding
	}
	first, then := s.dial(one, s.gateway), s.dial(two, other)
	for _, uac := range []*testbed.SIPp{first, then} {
		st, err := uac.Finish(s.ctx)
		s.must(err)
		if st.Successful != callers/2 || !st.Clean() {
			t.Errorf("caller: %v\n%s", st, uac.Errors(20))
		}
	}
	callee, err := uas.Quit(s.ctx)
	s.must(err)
	if callee.Created != lines || !callee.Clean() {
		t.Errorf("the callee was offered %d calls, want %d; %v", callee.Created, lines, callee)
	}
	s.empty(s.brown, green, s.smith)
	n := tally(append(s.logged(s.brown, callers/2), s.logged(green, callers/2)...))
	if n["answered"] != lines || n["refused callee_lines_full"] != callers-lines {
		t.Errorf("call logs: %v", n)
	}
}
