package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// lab is the ground the contenders run on.
type lab struct {
	dir   string // scratch
	relay string // the built relay
	sipgo string // the built proxy in sipgo's style
	crowd string // the built crowd
}

func newLab() (*lab, error) {
	dir, err := os.MkdirTemp("", "interlink-bench-")
	if err != nil {
		return nil, err
	}
	return &lab{dir: dir, relay: filepath.Join(dir, "relay"), sipgo: filepath.Join(dir, "sipgo"), crowd: filepath.Join(dir, "crowd")}, nil
}

func (l *lab) close() { _ = os.RemoveAll(l.dir) }

func (l *lab) build(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "cc", "-O2", "-o", l.relay, "bench/relay/relay.c").CombinedOutput()
	if err != nil {
		return fmt.Errorf("cc: %w\n%s", err, out)
	}
	// A folder takes each program under its own name.
	out, err = exec.CommandContext(ctx, "go", "build", "-o", l.dir, "./bench/sipgo", "./bench/crowd").CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// site is where everybody is in one run.
type site struct {
	dir string
	// proxy is whom the caller calls and probed whom the probe calls: the
	// contender, or nobody between them.
	proxy, probed            netip.AddrPort
	caller, callee           netip.AddrPort
	probeCaller, probeCallee netip.AddrPort
}

// running is a contender that carries calls from site.caller to site.callee.
type running struct {
	proxy *testbed.Process // nil where there is none
	redis *testbed.Process // nil without Redis
	// finish stops everything and returns how many calls were carried, -1 when
	// nobody counts. It is called once, after the CPU was read.
	finish func(context.Context) (int, error)
	// abandon stops everything after a failure.
	abandon func()
}

// hold is the length of an answered call: long enough that a BYE never runs
// into its ACK.
const hold = 100 * time.Millisecond

// warmUp calls come before each measurement.
const warmUp = 300

// lines is how many each account has: never the limit of a measurement.
const lines = 100_000

// load is what SIPp does in one run.
type load struct {
	rate, seconds int
	// patient is how long calls may take beyond the run; 0 for a minute.
	patient time.Duration
}

// scene is a contender that is up, with a SIPp that answers.
type scene struct {
	*running
	site
	uas     *testbed.SIPp
	stopped bool
}

func (l *lab) set(ctx context.Context, c contender) (*scene, error) {
	dir, err := os.MkdirTemp(l.dir, "run-")
	if err != nil {
		return nil, err
	}
	port := func() netip.AddrPort { return netip.AddrPortFrom(testbed.Address(), 5060) }
	s := site{dir: dir, proxy: port(), caller: port(), callee: port(), probeCaller: port(), probeCallee: port()}
	s.probed = s.proxy
	if c.direct {
		s.proxy, s.probed = s.callee, s.probeCallee
	}
	r, err := c.start(ctx, l, s)
	if err != nil {
		return nil, err
	}
	sc := &scene{running: r, site: s}
	if sc.uas, err = answer(ctx, s); err != nil {
		sc.strike()
		return nil, err
	}
	if _, err := call(ctx, s, "warm", testbed.Scenario{Calls: warmUp, Rate: 200, Limit: warmUp}); err != nil {
		sc.strike()
		return nil, err
	}
	return sc, nil
}

// strike stops all that is still up.
func (s *scene) strike() {
	if s.uas != nil {
		s.uas.Kill()
	}
	if !s.stopped {
		s.abandon()
	}
}

// measure is one run: everything is started afresh and stopped again.
func (l *lab) measure(ctx context.Context, c contender, w load) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(w.seconds+120)*time.Second)
	defer cancel()
	s, err := l.set(ctx, c)
	if err != nil {
		return Result{}, err
	}
	defer s.strike()
	before, err := usage(s.running)
	if err != nil {
		return Result{}, err
	}
	r := Result{Contender: c.name, Rate: w.rate, Calls: w.rate * w.seconds}
	caller, err := s.loaded(ctx, c, w, &r)
	if err != nil {
		return r, err
	}
	callee, err := s.dismiss(ctx, caller)
	if err != nil {
		return r, err
	}
	after, err := usage(s.running)
	if err != nil {
		return r, err
	}
	thousand := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(r.Calls+r.Probes) * 1000 }
	r.CPU, r.RedisCPU = thousand(after.proxy-before.proxy), thousand(after.redis-before.redis)
	r.Memory, r.RedisMemory = after.memory, after.redisMemory
	r.Failed = max(caller.Failed+r.Calls-caller.Created, callee.Failed)
	r.Retransmissions = caller.Retransmissions + callee.Retransmissions
	r.Achieved = float64(caller.Created) / max(caller.Elapsed-hold, time.Millisecond).Seconds()
	s.stopped = true
	// Where calls failed, counts need not agree, and a proxy that has too much
	// to do may not even tell.
	if r.Counted, err = s.finish(ctx); err != nil && r.Failed == 0 {
		return r, err
	}
	if want := warmUp + caller.Successful; r.Counted >= 0 && r.Counted < want && r.Failed == 0 {
		return r, fmt.Errorf("SIPp made %d calls, the proxy counted %d\ncaller: %v\ncallee: %v\n%s",
			want, r.Counted, caller, callee, s.uas.Errors(30))
	}
	return r, nil
}

// dismiss ends the called PBX. Where calls failed it may wait for ever for
// their end, so it is not asked to.
func (s *scene) dismiss(ctx context.Context, caller testbed.Stats) (testbed.Stats, error) {
	if caller.Failed == 0 {
		return s.uas.Quit(ctx)
	}
	st, err := s.uas.Stats()
	s.uas.Kill()
	return st, err
}

// loaded runs the load, with the probe beside it.
func (s *scene) loaded(ctx context.Context, c contender, w load, r *Result) (testbed.Stats, error) {
	run := testbed.Scenario{Calls: r.Calls, Rate: w.rate, Limit: 20 * w.rate}
	if w.patient > 0 {
		run.Timeout = time.Duration(w.seconds)*time.Second + w.patient
	}
	if !c.probed {
		return call(ctx, s.site, "calls", run)
	}
	p, err := startProbe(s.site)
	if err != nil {
		return testbed.Stats{}, err
	}
	probing, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); p.run(probing) }()
	st, err := call(ctx, s.site, "calls", run)
	stop()
	<-ended
	r.SetUp, r.Probes = p.finish()
	return st, err
}

// consumed is what a contender and its Redis have used so far, and hold now.
type consumed struct {
	proxy, redis        time.Duration
	memory, redisMemory int64
}

func usage(r *running) (u consumed, err error) {
	for _, of := range []struct {
		p      *testbed.Process
		cpu    *time.Duration
		memory *int64
	}{{r.proxy, &u.proxy, &u.memory}, {r.redis, &u.redis, &u.redisMemory}} {
		if of.p == nil {
			continue
		}
		if *of.cpu, err = of.p.CPU(); err != nil {
			return u, err
		}
		if *of.memory, err = of.p.Memory(); err != nil {
			return u, err
		}
	}
	return u, nil
}

// answer starts the called PBX.
func answer(ctx context.Context, s site) (*testbed.SIPp, error) {
	file, err := filepath.Abs("bench/sipp/uas.xml")
	if err != nil {
		return nil, err
	}
	uas, err := testbed.StartSIPp(testbed.Scenario{Name: "uas", File: file, Local: s.callee, Dir: s.dir, Timeout: 5 * time.Minute})
	if err != nil {
		return nil, err
	}
	if err := uas.Listening(ctx, s.callee); err != nil {
		uas.Kill()
		return nil, err
	}
	return uas, nil
}

// dial starts the calling PBX: run says how many calls, how fast, how long.
func dial(s site, name string, run testbed.Scenario) (*testbed.SIPp, error) {
	file, err := filepath.Abs("bench/sipp/uac.xml")
	if err != nil {
		return nil, err
	}
	run.Name, run.File, run.Local, run.Remote, run.Number, run.Dir = name, file, s.caller, s.proxy, "2001", s.dir
	if run.Hold == 0 {
		run.Hold = hold
	}
	return testbed.StartSIPp(run)
}

// call runs the calling PBX to its end.
func call(ctx context.Context, s site, name string, run testbed.Scenario) (testbed.Stats, error) {
	uac, err := dial(s, name, run)
	if err != nil {
		return testbed.Stats{}, err
	}
	defer uac.Kill()
	st, err := uac.Finish(ctx)
	if err == nil && st.Successful == 0 {
		err = fmt.Errorf("no call went through: %v\n%s", st, uac.Errors(30))
	}
	if err == nil && st.Failed > 0 {
		fmt.Fprintf(os.Stderr, "%v\n%s\n", st, uac.Errors(9))
	}
	return st, err
}
