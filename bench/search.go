package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// searchSeconds is the length of a run in the search, patience how long its
// calls may take beyond that.
const (
	searchSeconds = 4
	patience      = 6 * time.Second
)

// firstTry is where the search begins, calls per second.
const firstTry = 2000

// search finds each contender's highest rate at which no call fails, as RFC 7502
// §4.2 does: up until calls fail, then by halves, down to plan.step.
func search(ctx context.Context, l *lab, p *plan, all []contender, r *report) error {
	for _, c := range all {
		best := Result{}
		good, bad, rate := 0, p.highest+p.step, min(firstTry, p.highest)
		for bad-good > p.step {
			got, err := l.attempt(ctx, c, rate)
			if err != nil {
				return fmt.Errorf("%s at %d/s: %w", c.name, rate, err)
			}
			if got.Failed == 0 {
				good, best = rate, got
			} else {
				bad = rate
			}
			rate = next(good, bad, p)
		}
		best.Contender, best.Rate = c.name, good
		r.Highest = append(r.Highest, best)
	}
	return nil
}

// next is the rate to try: twice the last good one while nothing has failed,
// then the middle, on a multiple of step.
func next(good, bad int, p *plan) int {
	if bad > p.highest {
		return min(2*good, p.highest)
	}
	middle := (good + bad) / 2 / p.step * p.step
	if middle <= good {
		middle = good + p.step
	}
	return min(middle, bad-1)
}

// attempt is one rate, tried again once: on a shared machine a run may fail for
// reasons that are not the contender's. A load that SIPp itself could not place
// within a twentieth of the rate counts as failed too.
func (l *lab) attempt(ctx context.Context, c contender, rate int) (Result, error) {
	var got Result
	for range 2 {
		var err error
		if got, err = l.measure(ctx, c, load{rate: rate, seconds: searchSeconds, patient: patience}); err != nil {
			return got, err
		}
		if got.Failed == 0 && got.Achieved < 0.95*float64(rate) {
			got.Failed = int(float64(rate) - got.Achieved)
		}
		fmt.Fprintf(os.Stderr, "%-15s %5d/s  %d failed  %d retransmitted  %.0f/s placed  p99 +%.1f ms\n",
			c.name, rate, got.Failed, got.Retransmissions, got.Achieved, percentile(got.SetUp, 99))
		if got.Failed == 0 {
			break
		}
	}
	return got, nil
}
