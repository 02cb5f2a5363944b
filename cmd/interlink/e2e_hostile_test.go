package main

import (
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// testHostileHTTP makes calls while a crowd throws all it has at the API: every
// call goes through, the crowd is refused in good order, and no line stays taken.
func testHostileHTTP(t *testing.T, binary string) {
	s := newScene(t, binary)
	const calls, rate = 200, 20
	crowd, err := testbed.Harass(s.ctx, s.api, 2)
	s.must(err)
	uas := s.answer("uas", s.callee)
	run := s.script("uac", s.caller)
	run.Calls, run.Rate, run.Limit, run.Hold = calls, rate, calls, 200*time.Millisecond
	caller, callee := s.clean(s.dial(run, s.gateway), uas)
	seen := crowd.Disperse()
	if caller.Successful != calls || callee.Successful != calls {
		t.Errorf("caller: %v\ncallee: %v", caller, callee)
	}
	t.Logf("%v; meanwhile: %v", caller, crowd)
	// The answers each sort may get; 0 is cut off without one.
	for sort, allowed := range map[string][]int{
		"100 MB": {0, 413, 429}, "deep": {400, 429}, "slow body": {400, 429}, "slow head": {0, 400, 408}, "huge page": {422, 429}, "whole page": {200, 429},
		"login": {401, 429, 503}, "key": {404, 429}, "token": {401, 429},
	} {
		good := 0
		for _, status := range allowed {
			good += seen[sort][status]
		}
		if all := total(seen[sort]); good == 0 || good < all {
			t.Errorf("%s: %d requests were answered %v, all of them may be %v", sort, all, seen[sort], allowed)
		}
	}
	s.empty(s.brown, s.smith)
	for _, a := range []*testbed.Account{s.brown, s.smith} {
		if n := tally(s.logged(a, calls)); n["answered"] != calls {
			t.Errorf("call log of %s: %v", a.ID, n)
		}
	}
}

func total(counts map[int]int) int {
	n := 0
	for _, one := range counts {
		n += one
	}
	return n
}
