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
}

func newLab() (*lab, error) {
	dir, err := os.MkdirTemp("", "interlink-bench-")
	if err != nil {
		return nil, err
	}
	return &lab{dir: dir, relay: filepath.Join(dir, "relay")}, nil
}

func (l *lab) close() { _ = os.RemoveAll(l.dir) }

func (l *lab) build(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "cc", "-O2", "-o", l.relay, "bench/relay/relay.c").CombinedOutput()
	if err != nil {
		return fmt.Errorf("cc: %w\n%s", err, out)
	}
	return nil
}

// site is where everybody is in one run.
type site struct {
	dir                   string
	proxy, caller, callee netip.AddrPort
}

// running is a contender that carries calls from site.caller to site.callee.
type running struct {
	proxy *testbed.Process
	redis *testbed.Process // nil without Redis
	// finish stops everything and returns how many calls were carried. It is
	// called once, after the CPU was read.
	finish func(context.Context) (int, error)
	// abandon stops everything after a failure.
	abandon func()
}

// hold is the length of an answered call: long enough that a BYE never runs
// into its ACK.
const hold = 100 * time.Millisecond

// warmUp calls come before each measurement.
const warmUp = 300

// measure is one run: everything is started afresh and stopped again.
func (l *lab) measure(ctx context.Context, c contender, rate, seconds int) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds+90)*time.Second)
	defer cancel()
	dir, err := os.MkdirTemp(l.dir, "run-")
	if err != nil {
		return Result{}, err
	}
	port := func() netip.AddrPort { return netip.AddrPortFrom(testbed.Address(), 5060) }
	s := site{dir: dir, proxy: port(), caller: port(), callee: port()}
	r, err := c.start(ctx, l, s)
	if err != nil {
		return Result{}, err
	}
	stopped := false
	defer func() {
		if !stopped {
			r.abandon()
		}
	}()
	uas, err := answer(ctx, s)
	if err != nil {
		return Result{}, err
	}
	defer uas.Kill()
	if _, err := call(ctx, s, "warm", warmUp, 200); err != nil {
		return Result{}, err
	}
	before, err := usage(r)
	if err != nil {
		return Result{}, err
	}
	calls := rate * seconds
	caller, err := call(ctx, s, "calls", calls, rate)
	if err != nil {
		return Result{}, err
	}
	callee, err := uas.Quit(ctx)
	if err != nil {
		return Result{}, err
	}
	after, err := usage(r)
	if err != nil {
		return Result{}, err
	}
	stopped = true
	counted, err := r.finish(ctx)
	if err != nil {
		return Result{}, err
	}
	if want := warmUp + caller.Successful; counted < want {
		return Result{}, fmt.Errorf("SIPp made %d calls, the proxy counted %d\ncaller: %v\ncallee: %v\n%s",
			want, counted, caller, callee, uas.Errors(30))
	}
	for end, st := range map[string]testbed.Stats{"caller": caller, "callee": callee} {
		if !st.Clean() {
			fmt.Fprintf(os.Stderr, "%s, %s: %v\n", c.name, end, st)
		}
	}
	thousand := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(calls) * 1000 }
	return Result{
		Contender: c.name, Rate: rate, Calls: calls,
		CPU: thousand(after.proxy - before.proxy), RedisCPU: thousand(after.redis - before.redis),
		Failed: caller.Failed + callee.Failed, Retransmissions: caller.Retransmissions + callee.Retransmissions,
		Counted: counted,
	}, nil
}

type cpu struct{ proxy, redis time.Duration }

func usage(r *running) (cpu, error) {
	var u cpu
	var err error
	if u.proxy, err = r.proxy.CPU(); err != nil {
		return u, err
	}
	if r.redis != nil {
		u.redis, err = r.redis.CPU()
	}
	return u, err
}

// answer starts the called PBX.
func answer(ctx context.Context, s site) (*testbed.SIPp, error) {
	file, err := filepath.Abs("bench/sipp/uas.xml")
	if err != nil {
		return nil, err
	}
	uas, err := testbed.StartSIPp(testbed.Scenario{Name: "uas", File: file, Local: s.callee, Dir: s.dir})
	if err != nil {
		return nil, err
	}
	if err := uas.Listening(ctx, s.callee); err != nil {
		uas.Kill()
		return nil, err
	}
	return uas, nil
}

// call runs the calling PBX to its end.
func call(ctx context.Context, s site, name string, calls, rate int) (testbed.Stats, error) {
	file, err := filepath.Abs("bench/sipp/uac.xml")
	if err != nil {
		return testbed.Stats{}, err
	}
	uac, err := testbed.StartSIPp(testbed.Scenario{
		Name: name, File: file, Local: s.caller, Remote: s.proxy, Number: "2001",
		Calls: calls, Rate: rate, Limit: 20 * rate, Hold: hold, Dir: s.dir,
	})
	if err != nil {
		return testbed.Stats{}, err
	}
	defer uac.Kill()
	st, err := uac.Finish(ctx)
	if err == nil && st.Successful == 0 {
		err = fmt.Errorf("no call went through: %v\n%s", st, uac.Errors(30))
	}
	return st, err
}
