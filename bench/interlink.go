package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// startInterlink runs the gateway as in production: a real Redis, limits on
// both accounts, call records, metrics.
func startInterlink(ctx context.Context, binary string, s site) (*running, error) {
	_, r, err := startGateway(ctx, binary, s)
	return r, err
}

// startHarassed does so and lets a crowd throw all it has at the REST API, two
// clients of each sort. In earnest it would be on other machines: here it gets
// what of the processor the others leave.
func (l *lab) startHarassed(ctx context.Context, binary string, s site) (*running, error) {
	g, r, err := startGateway(ctx, binary, s)
	if err != nil {
		return nil, err
	}
	api := g.API()
	crowd, err := testbed.Start(testbed.Command{Name: "crowd", Path: "nice", Dir: s.dir,
		Args: []string{"-n", "19", l.crowd, "-api", api.Base(), "-token", api.Token()}})
	if err == nil {
		err = crowd.Until(ctx, "at work", func() bool { return strings.Contains(crowd.Output(), "at work") })
	}
	if err != nil {
		if crowd != nil {
			crowd.Kill()
		}
		r.abandon()
		return nil, err
	}
	finish, abandon := r.finish, r.abandon
	r.finish = func(ctx context.Context) (int, error) {
		err := crowd.Stop()
		fmt.Fprintf(os.Stderr, "the crowd: %s\n", crowd.Tail(1))
		n, err2 := finish(ctx)
		return n, errors.Join(err, err2)
	}
	r.abandon = func() { crowd.Kill(); abandon() }
	return r, nil
}

func startGateway(ctx context.Context, binary string, s site) (*testbed.RunningGateway, *running, error) {
	redis, err := testbed.StartRedis(ctx, s.dir)
	if err != nil {
		return nil, nil, err
	}
	g, err := testbed.StartGateway(ctx, testbed.Gateway{Binary: binary, SIP: s.proxy, RedisURL: redis.URL(), Dir: s.dir,
		Env: []string{"INTERLINK_DRAIN_TIME=1s"}})
	if err != nil {
		redis.Kill()
		return nil, nil, err
	}
	abandon := func() { g.Kill(); redis.Kill() }
	if err := provision(ctx, g, s); err != nil {
		abandon()
		return nil, nil, err
	}
	finish := func(context.Context) (int, error) {
		n, err := answered(g)
		return n, errors.Join(err, g.Stop(), redis.Stop())
	}
	return g, &running{proxy: g.Process, redis: redis.Process, finish: finish, abandon: abandon}, nil
}

// answered reads from the gateway's metrics how many calls have been answered
// and are over.
func answered(g *testbed.RunningGateway) (int, error) {
	text, err := g.Metrics()
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "interlink_calls_total{") || !strings.Contains(line, `result="answered"`) {
			continue
		}
		_, value, _ := strings.Cut(line, "} ")
		n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		return int(n), err
	}
	return 0, errors.New("the gateway's metrics know of no answered call")
}

// provision links the caller's account with the callee's and limits both.
func provision(ctx context.Context, g *testbed.RunningGateway, s site) error {
	api := g.API()
	brown, err := api.Account(ctx, "Brown", s.caller)
	if err != nil {
		return err
	}
	smith, err := api.Account(ctx, "Smith", s.callee)
	if err != nil {
		return err
	}
	err = errors.Join(api.Number(ctx, brown, "1001", nil), api.Number(ctx, smith, "2001", nil), api.Link(ctx, brown, smith))
	// The probe's telephones belong to the same accounts, on trunks of their own.
	_, err2 := api.AddTrunk(ctx, brown, "probe", s.probeCaller)
	trunk, err3 := api.AddTrunk(ctx, smith, "probe", s.probeCallee)
	err = errors.Join(err, err2, err3, api.Number(ctx, smith, "2002", map[string]any{"trunk": trunk}))
	for _, a := range []*testbed.Account{brown, smith} {
		err = errors.Join(err, api.Limit(ctx, a, map[string]any{"inbound_trunks": lines, "outbound_trunks": lines}))
	}
	return err
}
