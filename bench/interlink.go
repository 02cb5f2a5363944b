package main

import (
	"context"
	"errors"

	"github.com/pbx-interlink/interlink/internal/testbed"
)

// startInterlink runs the gateway as in production: a real Redis, limits on
// both accounts, call records, metrics.
func startInterlink(ctx context.Context, binary string, s site) (*running, error) {
	redis, err := testbed.StartRedis(ctx, s.dir)
	if err != nil {
		return nil, err
	}
	g, err := testbed.StartGateway(ctx, testbed.Gateway{Binary: binary, SIP: s.proxy, RedisURL: redis.URL(), Dir: s.dir})
	if err != nil {
		redis.Kill()
		return nil, err
	}
	abandon := func() { g.Kill(); redis.Kill() }
	brown, err := provision(ctx, g, s)
	if err != nil {
		abandon()
		return nil, err
	}
	finish := func(ctx context.Context) (int, error) {
		records, err := g.API().CallLog(ctx, brown)
		return len(records), errors.Join(err, g.Stop(), redis.Stop())
	}
	return &running{proxy: g.Process, redis: redis.Process, finish: finish, abandon: abandon}, nil
}

// provision links the caller's account with the callee's and limits both. It
// returns the caller's.
func provision(ctx context.Context, g *testbed.RunningGateway, s site) (string, error) {
	api := g.API()
	brown, err := api.Account(ctx, "Brown", s.caller)
	if err != nil {
		return "", err
	}
	smith, err := api.Account(ctx, "Smith", s.callee)
	if err != nil {
		return "", err
	}
	err = errors.Join(api.Number(ctx, brown, "1001", nil), api.Number(ctx, smith, "2001", nil), api.Link(ctx, brown, smith))
	for _, a := range []*testbed.Account{brown, smith} {
		err = errors.Join(err, api.Limit(ctx, a, map[string]any{"inbound_trunks": 5000, "outbound_trunks": 5000}))
	}
	return brown.ID, err
}
