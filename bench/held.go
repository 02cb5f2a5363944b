package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// Held is what calls that are up cost in memory.
type Held struct {
	Contender string `json:"contender"`
	// Seconds is how long the calls last: in 5 s the transactions that set a
	// call up are still there (RFC 6026 keeps them for 32 s), after 45 of 60 s
	// only what a call itself needs.
	Seconds int `json:"seconds"`
	Calls   int `json:"calls"`
	// Octets are per call: proportional set size with the calls up minus before.
	Octets      float64 `json:"octets_per_call"`
	RedisOctets float64 `json:"redis_octets_per_call"`
}

// held measures the memory of a call that is up, right after all are and when
// what set them up is forgotten.
func held(ctx context.Context, l *lab, p *plan, all []contender, r *report) error {
	for _, c := range all {
		if !c.keeps {
			continue
		}
		for _, seconds := range []int{5, 60} {
			h, err := l.hold(ctx, c, p.held, seconds)
			if err != nil {
				return fmt.Errorf("%s, calls of %d s: %w", c.name, seconds, err)
			}
			fmt.Fprintf(os.Stderr, "%-15s %d calls of %d s  %.0f octets a call, Redis %.0f\n", c.name, h.Calls, seconds, h.Octets, h.RedisOctets)
			r.Held = append(r.Held, h)
		}
	}
	return nil
}

func (l *lab) hold(ctx context.Context, c contender, calls, seconds int) (Held, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds+90)*time.Second)
	defer cancel()
	s, err := l.set(ctx, c)
	if err != nil {
		return Held{}, err
	}
	defer s.strike()
	before, err := usage(s.running)
	if err != nil {
		return Held{}, err
	}
	// All calls are begun within the life of the first, however short.
	rate, after := 1000, 45*time.Second
	if seconds < 60 {
		calls, after = min(calls, 4*rate), 0
	}
	uac, err := dial(s.site, "held", testbed.Scenario{Calls: calls, Rate: rate, Limit: calls,
		Hold: time.Duration(seconds) * time.Second, Timeout: 2 * time.Minute})
	if err != nil {
		return Held{}, err
	}
	defer uac.Kill()
	var st testbed.Stats
	if err := uac.Until(ctx, "up", func() bool {
		st, err = uac.Stats()
		return err == nil && st.Created == calls && st.Elapsed > after
	}); err != nil {
		return Held{}, err
	}
	now, err := usage(s.running)
	if err != nil {
		return Held{}, err
	}
	if st.Failed > 0 || st.Current < calls/2 {
		return Held{}, fmt.Errorf("%v: %d are up", st, st.Current)
	}
	per := func(now, before int64) float64 { return float64(now-before) / float64(st.Current) }
	return Held{Contender: c.name, Seconds: seconds, Calls: st.Current,
		Octets: per(now.memory, before.memory), RedisOctets: per(now.redisMemory, before.redisMemory)}, nil
}
