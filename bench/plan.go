package main

import (
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The parts of the bench.
const (
	partRates  = "rates"  // CPU, set-up time and memory at fixed rates
	partSearch = "search" // the highest rate without a failure
	partHeld   = "held"   // memory of a call that is up
)

// plan is what the flags ask for.
type plan struct {
	parts   []string
	rates   []int
	seconds int
	repeats int
	// highest bounds the search for the highest rate; step is how exact it is.
	highest, step int
	// held is how many calls are up at once where their memory is measured.
	held    int
	only    []string
	gateway string
	results string
}

func parsePlan(args []string) (*plan, error) {
	p := &plan{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	parts := f.String("parts", "rates,search,held", "what to measure")
	rates := f.String("rates", "500,1000,2000,4000", "calls per second, one column each")
	only := f.String("only", "", "contenders to run, by name (default: all)")
	f.IntVar(&p.seconds, "seconds", 6, "length of one run at a fixed rate")
	f.IntVar(&p.repeats, "n", 3, "runs of each cell; the median counts")
	f.IntVar(&p.highest, "highest", 16000, "where the search for the highest rate ends, calls per second")
	f.IntVar(&p.step, "step", 500, "how exact the highest rate is, calls per second")
	f.IntVar(&p.held, "held", 10000, "calls up at once where memory is measured")
	f.StringVar(&p.gateway, "gateway", "bin/interlink", "the gateway's binary")
	f.StringVar(&p.results, "results", "bench/results", "folder for what was measured")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	var err error
	if p.rates, err = numbers(*rates); err != nil {
		return nil, err
	}
	if min(p.seconds, p.repeats, p.step, p.highest, p.held) < 1 {
		return nil, fmt.Errorf("-seconds, -n, -step, -highest and -held are at least 1")
	}
	p.parts = strings.Split(*parts, ",")
	for _, part := range p.parts {
		if !slices.Contains([]string{partRates, partSearch, partHeld}, part) {
			return nil, fmt.Errorf("-parts: there is no part %q", part)
		}
	}
	if *only != "" {
		p.only = strings.Split(*only, ",")
	}
	p.gateway, err = filepath.Abs(p.gateway)
	return p, err
}

func numbers(list string) ([]int, error) {
	var all []int
	for r := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(r))
		if err != nil || n < 1 || n > 100_000 {
			return nil, fmt.Errorf("-rates: %q is not a number of calls per second", r)
		}
		all = append(all, n)
	}
	return all, nil
}
