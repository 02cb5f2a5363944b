// Command bench prints what a call costs: CPU milliseconds (user and system) of
// the proxy process per 1,000 answered calls, side by side in one run for the
// gateway, Kamailio doing the same job, and a bare UDP relay. See README.md.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// plan is what the flags ask for.
type plan struct {
	rates   []int
	seconds int
	repeats int
	only    []string
	gateway string
	results string
}

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

func parsePlan(args []string) (*plan, error) {
	p := &plan{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	rates := f.String("rates", "500,1000,2000", "calls per second, one column each")
	only := f.String("only", "", "contenders to run, by name (default: all)")
	f.IntVar(&p.seconds, "seconds", 6, "length of one run")
	f.IntVar(&p.repeats, "n", 3, "runs of each cell; the median counts")
	f.StringVar(&p.gateway, "gateway", "bin/interlink", "the gateway's binary")
	f.StringVar(&p.results, "results", "bench/results", "folder for the JSON of the run")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	for r := range strings.SplitSeq(*rates, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(r))
		if err != nil || n < 1 || n > 100_000 {
			return nil, fmt.Errorf("-rates: %q is not a number of calls per second", r)
		}
		p.rates = append(p.rates, n)
	}
	if p.seconds < 1 || p.repeats < 1 {
		return nil, fmt.Errorf("-seconds and -n are at least 1")
	}
	if *only != "" {
		p.only = strings.Split(*only, ",")
	}
	var err error
	if p.gateway, err = filepath.Abs(p.gateway); err != nil {
		return nil, err
	}
	return p, nil
}

// run measures every cell and prints the table. The contenders take turns, so
// that a slow minute of the machine hits all of them.
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
	var results []Result
	for _, rate := range p.rates {
		for repeat := range p.repeats {
			for i := range all {
				c := all[(i+repeat)%len(all)]
				r, err := l.measure(ctx, c, rate, p.seconds)
				if err != nil {
					return fmt.Errorf("%s at %d/s: %w", c.name, rate, err)
				}
				fmt.Fprintf(os.Stderr, "%-22s %5d/s  %6.0f ms  redis %5.0f ms  %d failed  %d retransmitted\n",
					c.name, rate, r.CPU, r.RedisCPU, r.Failed, r.Retransmissions)
				results = append(results, r)
			}
		}
	}
	fmt.Println(table(all, p, results))
	return save(p, results)
}

// save writes every single run, with what is needed to read it later.
func save(p *plan, results []Result) error {
	if err := os.MkdirAll(p.results, 0o755); err != nil {
		return err
	}
	version, err := exec.Command(p.gateway, "version").Output()
	if err != nil {
		version = []byte("unknown")
	}
	now := time.Now().UTC()
	b, err := json.MarshalIndent(map[string]any{
		"at": now.Format(time.RFC3339), "gateway": strings.TrimSpace(string(version)),
		"seconds": p.seconds, "repeats": p.repeats, "runs": results,
	}, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(p.results, now.Format("20060102T150405Z")+".json")
	if err := os.WriteFile(name, append(b, '\n'), 0o644); err != nil {
		return err
	}
	fmt.Println("every run:", name)
	return nil
}
