package main

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// TestRealPrograms runs the built gateway as a process of its own, with a real
// redis-server and SIPp at both ends, and looks at it only from outside: SIP,
// the REST API and the debug listener. A test of rows of docs/statements.md bears
// their ids.
func TestRealPrograms(t *testing.T) {
	binary := buildGateway(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, string)
	}{
		{"load", testLoad},
		{"ends of calls", testEnds},
		{"refusals", testRefusals},
		{"LI4 LI6 caps", testCaps},
		{"LI4 two nodes share a cap", testSharedCap},
		{"two nodes share changes", testPropagation},
		{"events go on at another node", testResume},
		{"webhooks go on after a restart", testWebhookRestart},
		{"hostile HTTP", testHostileHTTP},
		{"federation", testFederation},
		{"kill embedded", testKillEmbedded},
		{"LI5 LI6 outage", testOutage},
		{"several loops", testLoops},
		{"a proxy before the PBX", testProxyBefore},
		{"drain", testDrain},
		{"readme", testReadme},
		{"walkthrough", testWalkthrough},
		{"canaries", testCanaries},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, binary) })
	}
}

// buildGateway builds the program, with the race detector when the tests have
// it. E2E_GATEWAY names one that is built already.
func buildGateway(t *testing.T) string {
	t.Helper()
	if built := os.Getenv("E2E_GATEWAY"); built != "" {
		path, err := filepath.Abs(built)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	binary := filepath.Join(t.TempDir(), "interlink")
	args := []string{"build", "-o", binary}
	if raceDetector {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// scene is two linked accounts, Brown who calls and Smith who has 2001, on one
// gateway with a Redis of its own.
type scene struct {
	t              *testing.T
	ctx            context.Context
	dir            string
	redis          *testbed.Redis
	gateway        *testbed.RunningGateway
	api            *testbed.API
	brown, smith   *testbed.Account
	caller, callee netip.AddrPort
}

// newScene starts the programs; they are stopped, and the gateway's log looked
// through, when the test ends.
func newScene(t *testing.T, binary string) *scene {
	t.Helper()
	return newSceneOn(t, binary, nil)
}

// newSceneOn is newScene with settings of redis-server and of the gateway
// ("INTERLINK_…=…").
func newSceneOn(t *testing.T, binary string, redis []string, env ...string) *scene {
	t.Helper()
	s := &scene{t: t, ctx: e2eContext(t), dir: t.TempDir(), caller: sipAddress(t), callee: sipAddress(t)}
	var err error
	if s.redis, err = testbed.StartRedis(s.ctx, s.dir, redis...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.redis.Kill() }) // the one that runs then
	s.gateway = s.node(binary, "node-1", env...)
	s.api = s.gateway.API()
	s.brown, s.smith = s.pair("Brown", "Smith", s.caller, s.callee)
	return s
}

// node starts one more gateway on the scene's Redis. One that is built with the
// race detector is many times slower: there a burst of calls may wait longer for
// the ledger.
func (s *scene) node(binary, id string, env ...string) *testbed.RunningGateway {
	s.t.Helper()
	if raceDetector {
		env = append([]string{"INTERLINK_ADMIT_BUDGET=5s"}, env...)
	}
	g, err := testbed.StartGateway(s.ctx, testbed.Gateway{
		Binary: binary, SIP: sipAddress(s.t), RedisURL: s.redis.URL(), NodeID: id, Dir: s.dir, Env: env,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { dismiss(s.t, g) })
	return g
}

// dismiss ends a gateway and looks for what must never be in its log.
func dismiss(t *testing.T, g *testbed.RunningGateway) {
	t.Helper()
	if err := g.Stop(); err != nil {
		t.Error(err)
	}
	log := g.Output()
	for _, bad := range []string{"DATA RACE", "panic", "testbed-administrator-token", "testbed-cluster-key"} {
		if i := strings.Index(log, bad); i >= 0 {
			t.Errorf("the gateway's log has %q:\n%s", bad, log[i:min(len(log), i+4000)])
		}
	}
	if t.Failed() {
		t.Logf("the gateway's last words:\n%s", g.Tail(8))
	}
}

// pair makes two linked accounts; the second has the number 2001.
func (s *scene) pair(from, to string, caller, callee netip.AddrPort) (a, b *testbed.Account) {
	s.t.Helper()
	a, err := s.api.Account(s.ctx, from, caller)
	s.must(err)
	b, err = s.api.Account(s.ctx, to, callee)
	s.must(err)
	s.must(s.api.Number(s.ctx, a, "1001", nil))
	s.must(s.api.Number(s.ctx, b, "2001", nil))
	s.must(s.api.Link(s.ctx, a, b))
	return a, b
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// script returns a SIPp run with a scenario of testdata/sipp.
func (s *scene) script(scenario string, local netip.AddrPort) testbed.Scenario {
	s.t.Helper()
	file, err := filepath.Abs(filepath.Join("testdata", "sipp", scenario+".xml"))
	s.must(err)
	dir, err := os.MkdirTemp(s.dir, "sipp-")
	s.must(err)
	return testbed.Scenario{Name: scenario, File: file, Local: local, Dir: dir}
}

// answer starts a SIPp that takes calls.
func (s *scene) answer(scenario string, at netip.AddrPort) *testbed.SIPp {
	s.t.Helper()
	uas, err := testbed.StartSIPp(s.script(scenario, at))
	s.must(err)
	s.t.Cleanup(uas.Kill)
	s.must(uas.Listening(s.ctx, at))
	return uas
}

// dial starts a SIPp that calls 2001 through a gateway, unless the script has
// another number and whom to call.
func (s *scene) dial(sc testbed.Scenario, through *testbed.RunningGateway) *testbed.SIPp {
	s.t.Helper()
	if !sc.Remote.IsValid() {
		sc.Remote = through.SIP
	}
	if sc.Number == "" {
		sc.Number = "2001"
	}
	uac, err := testbed.StartSIPp(sc)
	s.must(err)
	s.t.Cleanup(uac.Kill)
	return uac
}

// clean ends both sides' runs and fails unless SIPp found nothing wrong.
func (s *scene) clean(uac, uas *testbed.SIPp) (caller, callee testbed.Stats) {
	s.t.Helper()
	caller, err := uac.Finish(s.ctx)
	s.must(err)
	callee, err = uas.Quit(s.ctx)
	s.must(err)
	if !caller.Clean() {
		s.t.Errorf("caller: %v\n%s", caller, uac.Errors(40))
	}
	if !callee.Clean() {
		s.t.Errorf("callee: %v\n%s", callee, uas.Errors(40))
	}
	return caller, callee
}

// confirmed waits until an account has that many answered calls.
func (s *scene) confirmed(a *testbed.Account, want int) {
	s.t.Helper()
	s.must(testbed.Until(s.ctx, "up", func() bool {
		c, err := s.api.Capacity(s.ctx, a.ID)
		s.must(err)
		up := 0
		for _, call := range c.Calls {
			if call.State == "confirmed" {
				up++
			}
		}
		return up == want
	}))
}

// empty waits until neither account holds a line.
func (s *scene) empty(accounts ...*testbed.Account) {
	s.t.Helper()
	for _, a := range accounts {
		var last *testbed.Capacity
		err := testbed.Until(s.ctx, "free of calls", func() bool {
			c, err := s.api.Capacity(s.ctx, a.ID)
			s.must(err)
			last = c
			return c.Used() == 0 && len(c.Calls) == 0
		})
		if err != nil {
			s.t.Fatalf("account %s: %v; %+v", a.ID, err, last)
		}
	}
}

// logged waits until an account's call log has that many records.
func (s *scene) logged(a *testbed.Account, want int) []testbed.Record {
	s.t.Helper()
	var records []testbed.Record
	err := testbed.Until(s.ctx, "the whole call log", func() bool {
		var err error
		records, err = s.api.CallLog(s.ctx, a.ID)
		s.must(err)
		return len(records) >= want
	})
	if err != nil || len(records) != want {
		s.t.Fatalf("call log of %s has %d records, want %d (%v)", a.ID, len(records), want, err)
	}
	return records
}

// tally counts records by result and, for refusals, reason.
func tally(records []testbed.Record) map[string]int {
	n := map[string]int{}
	for _, r := range records {
		key := r.Result
		if r.Reason != "" {
			key += " " + r.Reason
		}
		n[key]++
	}
	return n
}

func sipAddress(t *testing.T) netip.AddrPort {
	t.Helper()
	a, err := testbed.FreePort("udp", testbed.Address())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func e2eContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}
