// Command bench measures what a call costs, side by side in one run for the
// gateway and for others that do the same job: CPU, set-up time, memory, and
// the highest rate without a failure. See README.md.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	p, err := parsePlan(os.Args[1:])
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, p)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// run measures what is asked for and reports what there is, even when something
// went wrong on the way.
func run(ctx context.Context, p *plan) error {
	all, err := contenders(p)
	if err != nil {
		return err
	}
	l, err := newLab()
	if err != nil {
		return err
	}
	defer l.close()
	if err := l.build(ctx); err != nil {
		return err
	}
	r := newReport(p, all)
	for _, part := range []struct {
		name string
		run  func(context.Context, *lab, *plan, []contender, *report) error
	}{{partRates, rates}, {partSearch, search}, {partHeld, held}} {
		if !slices.Contains(p.parts, part.name) {
			continue
		}
		if err = part.run(ctx, l, p, all, r); err != nil {
			err = fmt.Errorf("%s: %w", part.name, err)
			break
		}
	}
	fmt.Println(r.markdown())
	if e := r.save(); err == nil {
		err = e
	}
	return err
}

// rates measures every cell. The contenders take turns, so that a slow minute of
// the machine hits all of them.
func rates(ctx context.Context, l *lab, p *plan, all []contender, r *report) error {
	for _, rate := range p.rates {
		for repeat := range p.repeats {
			for i := range all {
				c := all[(i+repeat)%len(all)]
				got, err := l.measure(ctx, c, load{rate: rate, seconds: p.seconds})
				if err != nil {
					return fmt.Errorf("%s at %d/s: %w", c.name, rate, err)
				}
				fmt.Fprintf(os.Stderr, "%-15s %5d/s  %4.0f ms  redis %4.0f ms  %d failed  %d retransmitted  +%.2f/%.2f ms  %.0f MB\n",
					c.name, rate, got.CPU, got.RedisCPU, got.Failed, got.Retransmissions,
					percentile(got.SetUp, 50), percentile(got.SetUp, 99), float64(got.Memory)/(1<<20))
				r.Runs = append(r.Runs, got)
			}
		}
	}
	return nil
}
