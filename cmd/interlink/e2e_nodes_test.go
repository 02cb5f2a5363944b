package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// explain asks a gateway what would happen if an account dialled a number.
func explain(ctx context.Context, api *testbed.API, account, dialled string) (string, error) {
	answer, err := api.Do(ctx, "POST", "/v1/explain", "", map[string]any{"account": account, "dialled": dialled})
	if err != nil {
		return "", err
	}
	var verdict struct{ Verdict string }
	err = json.Unmarshal(answer.Body, &verdict)
	return verdict.Verdict, err
}

// testPropagation creates numbers on one node and asks another for them: how
// long from the first one's answer until the second one routes. The figure is
// printed, not judged; that every number arrives is.
func testPropagation(t *testing.T, binary string) {
	s := newScene(t, binary)
	there := s.node(binary, "node-2").API()
	const changes = 100
	took := make([]time.Duration, changes)
	for i := range took {
		number := fmt.Sprintf("7%03d", i)
		s.must(s.api.Number(s.ctx, s.smith, number, nil))
		answered := time.Now()
		s.must(testbed.Until(s.ctx, "routed on the other node", func() bool {
			verdict, err := explain(s.ctx, there, s.brown.ID, number)
			s.must(err)
			return verdict == "route"
		}))
		took[i] = time.Since(answered)
	}
	slices.Sort(took)
	t.Logf("from the answer on one node to the route on another, asking included: median %v, p99 %v, worst %v",
		took[changes/2], took[changes*99/100], took[changes-1])
}

// testKillEmbedded kills an embedded gateway with SIGKILL in the middle of a
// row of writes. Whatever was acknowledged is there after the restart, and calls
// go through.
func testKillEmbedded(t *testing.T, binary string) {
	s := &scene{t: t, ctx: e2eContext(t), dir: t.TempDir(), caller: sipAddress(t), callee: sipAddress(t)}
	options := testbed.Gateway{Binary: binary, SIP: sipAddress(t), DataDir: t.TempDir(), Dir: s.dir}
	start := func() {
		t.Helper()
		g, err := testbed.StartGateway(s.ctx, options)
		s.must(err)
		s.gateway, s.api = g, g.API()
	}
	start()
	t.Cleanup(func() { dismiss(t, s.gateway) })
	s.brown, s.smith = s.pair("Brown", "Smith", s.caller, s.callee)

	acknowledged := make(chan string, 10_000)
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := 0; ; i++ {
			number := fmt.Sprintf("8%04d", i)
			if s.api.Number(s.ctx, s.smith, number, nil) != nil {
				return // killed
			}
			acknowledged <- number
		}
	}()
	s.must(testbed.Until(s.ctx, "a row of writes", func() bool { return len(acknowledged) >= 50 }))
	s.gateway.Kill()
	<-written
	close(acknowledged)

	start()
	n := 0
	for number := range acknowledged {
		n++
		if verdict, err := explain(s.ctx, s.api, s.brown.ID, number); err != nil || verdict != "route" {
			t.Errorf("%s was acknowledged before the kill, now: %q, %v", number, verdict, err)
		}
	}
	t.Logf("%d acknowledged writes before the kill", n)
	uas := s.answer("uas", s.callee)
	run := s.script("uac", s.caller)
	run.Calls, run.Rate, run.Hold = 5, 50, 50*time.Millisecond
	if caller, _ := s.clean(s.dial(run, s.gateway), uas); caller.Successful != 5 {
		t.Errorf("after the restart: %v", caller)
	}
	s.empty(s.brown, s.smith)
}

// testDrain ends a gateway with SIGTERM while calls are up: they go on and end
// in good order, a new one is refused, and the process leaves by itself.
func testDrain(t *testing.T, binary string) {
	s := newScene(t, binary)
	g, err := testbed.StartGateway(s.ctx, testbed.Gateway{
		Binary: binary, SIP: sipAddress(t), RedisURL: s.redis.URL(), NodeID: "leaving", Dir: s.dir,
		Env: []string{"INTERLINK_DRAIN_TIME=60s"},
	})
	s.must(err)
	t.Cleanup(g.Kill)
	late := sipAddress(t)
	white, err := s.api.Account(s.ctx, "White", late)
	s.must(err)
	s.must(s.api.Link(s.ctx, white, s.smith))
	s.must(testbed.Until(s.ctx, "known on the leaving node", func() bool {
		verdict, err := explain(s.ctx, g.API(), white.ID, "2001")
		return err == nil && verdict == "route"
	}))
	const calls = 5
	uas := s.answer("uas", s.callee)
	run := s.script("uac", s.caller)
	run.Calls, run.Rate, run.Hold = calls, 50, 4*time.Second
	uac := s.dial(run, g)
	s.confirmed(s.smith, calls)
	s.must(g.Signal(syscall.SIGTERM))

	s.must(testbed.Until(s.ctx, "draining", func() bool { return !g.Ready() }))
	refused := s.script("uac_draining", late)
	refused.Calls, refused.Rate = 1, 1
	st, err := s.dial(refused, g).Finish(s.ctx)
	s.must(err)
	if st.Successful != 1 {
		t.Errorf("a call to a draining node: %v", st)
	}
	if caller, _ := s.clean(uac, uas); caller.Successful != calls {
		t.Errorf("calls over the drain: %v", caller)
	}
	status, err := g.Wait(s.ctx)
	s.must(err)
	if status != 0 {
		t.Errorf("the drained gateway left with status %d\n%s", status, g.Tail(20))
	}
	s.empty(s.brown, s.smith)
}
