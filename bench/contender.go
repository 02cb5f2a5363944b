package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// contender is one row of the tables.
type contender struct {
	name  string
	start func(context.Context, *lab, site) (*running, error)
	// direct: there is no proxy; what is seen is the load generator itself.
	direct bool
	// probed: the probe can call through it.
	probed bool
	// keeps: it holds something for a call that is up.
	keeps bool
	// asked: it runs only where -only names it.
	asked bool
}

// contenders returns the rows asked for.
func contenders(p *plan) ([]contender, error) {
	all := []contender{
		{name: "direct", start: startNothing, direct: true, probed: true},
		{name: "relay", start: startRelay},
		{name: "kamailio", start: startKamailio, probed: true, keeps: true},
		{name: "kamailio+redis", start: startKamailioRedis, probed: true, keeps: true},
		{name: "kamailio+leases", start: startKamailioLeases, probed: true, keeps: true},
		{name: "sipgo+redis", start: startSipgo, probed: true, keeps: true},
		{name: "interlink", probed: true, keeps: true,
			start: func(ctx context.Context, _ *lab, s site) (*running, error) { return startInterlink(ctx, p.gateway, s) }},
		{name: "interlink+hostile", probed: true, asked: true,
			start: func(ctx context.Context, l *lab, s site) (*running, error) { return l.startHarassed(ctx, p.gateway, s) }},
	}
	if len(p.only) == 0 {
		return slices.DeleteFunc(all, func(c contender) bool { return c.asked }), nil
	}
	var some []contender
	for _, name := range p.only {
		i := slices.IndexFunc(all, func(c contender) bool { return c.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-only: there is no contender %q", name)
		}
		some = append(some, all[i])
	}
	return some, nil
}

// Each call is INVITE, ACK, BYE one way and 100, 180, 200, 200 the other.
const (
	datagramsDown = 3
	datagramsUp   = 4
)

// startNothing has the caller call the callee.
func startNothing(context.Context, *lab, site) (*running, error) {
	return &running{finish: func(context.Context) (int, error) { return -1, nil }, abandon: func() {}}, nil
}

func startRelay(ctx context.Context, l *lab, s site) (*running, error) {
	p, err := testbed.Start(testbed.Command{Name: "relay", Path: l.relay, Dir: s.dir, Args: []string{
		s.proxy.Addr().String(), strconv.Itoa(int(s.proxy.Port())),
		s.callee.Addr().String(), strconv.Itoa(int(s.callee.Port())),
	}})
	if err != nil {
		return nil, err
	}
	if err := p.Listening(ctx, s.proxy); err != nil {
		p.Kill()
		return nil, err
	}
	finish := func(context.Context) (int, error) {
		if err := p.Stop(); err != nil {
			return 0, err
		}
		var down, up int
		if _, err := fmt.Sscanf(strings.TrimSpace(p.Output()), "down %d up %d", &down, &up); err != nil {
			return 0, fmt.Errorf("relay said %q: %w", p.Output(), err)
		}
		return min(down/datagramsDown, up/datagramsUp), nil
	}
	return &running{proxy: p, finish: finish, abandon: p.Kill}, nil
}

// startSipgo runs the proxy in sipgo's style on a Redis of its own.
func startSipgo(ctx context.Context, l *lab, s site) (*running, error) {
	redis, err := testbed.StartRedis(ctx, s.dir)
	if err != nil {
		return nil, err
	}
	args := []string{"-listen", s.proxy.String(), "-redis", redis.Addr.String(), "-lines", strconv.Itoa(lines),
		"-caller", s.caller.Addr().String(), "-callee", s.callee.String(),
		"-probe-caller", s.probeCaller.Addr().String(), "-probe-callee", s.probeCallee.String()}
	for _, script := range []string{"admit", "release"} {
		file, err := filepath.Abs(filepath.Join("bench/kamailio", script+".lua"))
		if err != nil {
			redis.Kill()
			return nil, err
		}
		args = append(args, "-"+script, file)
	}
	p, err := testbed.Start(testbed.Command{Name: "sipgo", Path: l.sipgo, Dir: s.dir, Args: args})
	if err == nil {
		if err = p.Listening(ctx, s.proxy); err != nil {
			p.Kill()
		}
	}
	if err != nil {
		redis.Kill()
		return nil, err
	}
	finish := func(context.Context) (int, error) {
		if err := errors.Join(p.Stop(), redis.Stop()); err != nil {
			return 0, err
		}
		for line := range strings.Lines(p.Output()) {
			if n, ok := strings.CutPrefix(strings.TrimSpace(line), "ended "); ok {
				return strconv.Atoi(n)
			}
		}
		return 0, fmt.Errorf("sipgo said %q", p.Tail(5))
	}
	return &running{proxy: p, redis: redis.Process, finish: finish, abandon: func() { p.Kill(); redis.Kill() }}, nil
}
