package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// contender is one row of the table.
type contender struct {
	name  string
	start func(context.Context, *lab, site) (*running, error)
}

// contenders returns the rows asked for.
func contenders(p *plan) ([]contender, error) {
	all := []contender{
		{"relay", startRelay},
		{"kamailio", startKamailio},
		{"kamailio+redis", startKamailioRedis},
		{"interlink", func(ctx context.Context, l *lab, s site) (*running, error) { return startInterlink(ctx, p.gateway, s) }},
	}
	if len(p.only) == 0 {
		return all, nil
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
