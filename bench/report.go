package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// report is all that one run of the bench has found.
type report struct {
	At      string   `json:"at"`
	Gateway string   `json:"gateway"`
	Cores   int      `json:"cores"`
	Seconds int      `json:"seconds"`
	Repeats int      `json:"repeats"`
	Runs    []Result `json:"runs"`
	Highest []Result `json:"highest"`
	Held    []Held   `json:"held"`

	plan *plan
	rows []string
}

func newReport(p *plan, all []contender) *report {
	version, err := exec.Command(p.gateway, "version").Output()
	if err != nil {
		version = []byte("unknown")
	}
	r := &report{At: time.Now().UTC().Format(time.RFC3339), Gateway: strings.TrimSpace(string(version)), Cores: runtime.NumCPU(),
		Seconds: p.seconds, Repeats: p.repeats, plan: p}
	for _, c := range all {
		r.rows = append(r.rows, c.name)
	}
	return r
}

// of collects one figure of a contender's runs at a rate.
func (r *report) of(name string, rate int, figure func(Result) float64) []float64 {
	var v []float64
	for _, run := range r.Runs {
		if run.Contender == name && run.Rate == rate {
			v = append(v, figure(run))
		}
	}
	return v
}

func cpuOf(r Result) float64   { return r.CPU }
func redisOf(r Result) float64 { return r.RedisCPU }

// setUp is a percentile of all probe calls at a rate, of all runs together.
func (r *report) setUp(name string, rate int, p float64) float64 {
	var v []float64
	for _, run := range r.Runs {
		if run.Contender == name && run.Rate == rate {
			v = append(v, run.SetUp...)
		}
	}
	return percentile(v, p)
}

// markdown is every table there is something for; it reads as plain text too.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s, %d cores\n", r.At, r.Gateway, r.Cores)
	if len(r.Runs) > 0 {
		fmt.Fprintf(&b, "\nMedians of %d runs of %d s.\n", r.Repeats, r.Seconds)
		r.byRate(&b, "CPU ms per 1,000 calls, Redis in brackets", r.cpuCell)
		r.byRate(&b, "Added set-up time, ms, p50 / p99", r.setUpCell)
		r.byRate(&b, "Calls failed / messages sent again, all runs", r.faultCell)
		r.byRate(&b, "Memory after the run, MB, Redis in brackets", r.memoryCell)
		r.ratios(&b)
	}
	r.highest(&b)
	r.heldTable(&b)
	return b.String()
}

func (r *report) byRate(b *strings.Builder, title string, cell func(name string, rate int) string) {
	var head []string
	for _, rate := range r.plan.rates {
		head = append(head, fmt.Sprintf("%d/s", rate))
	}
	t := newTable(title, head...)
	for _, name := range r.rows {
		var cells []string
		for _, rate := range r.plan.rates {
			cells = append(cells, cell(name, rate))
		}
		t.row(name, cells...)
	}
	t.write(b)
}

func (r *report) cpuCell(name string, rate int) string {
	return bracketed(median(r.of(name, rate, cpuOf)), median(r.of(name, rate, redisOf)), name)
}

// setUpCell takes off what two ends without a proxy need, measured alike.
func (r *report) setUpCell(name string, rate int) string {
	p50, p99 := r.setUp(name, rate, 50), r.setUp(name, rate, 99)
	if name == "direct" {
		return fmt.Sprintf("(%s / %s)", number(p50, 2), number(p99, 2))
	}
	if d := r.setUp("direct", rate, 50); !math.IsNaN(d) {
		p50, p99 = p50-d, p99-r.setUp("direct", rate, 99)
	}
	return number(p50, 2) + " / " + number(p99, 2)
}

func (r *report) faultCell(name string, rate int) string {
	failed, again := 0.0, 0.0
	for _, v := range r.of(name, rate, func(r Result) float64 { return float64(r.Failed) }) {
		failed += v
	}
	for _, v := range r.of(name, rate, func(r Result) float64 { return float64(r.Retransmissions) }) {
		again += v
	}
	return fmt.Sprintf("%.0f / %.0f", failed, again)
}

func (r *report) memoryCell(name string, rate int) string {
	const mega = 1 << 20
	return bracketed(median(r.of(name, rate, func(r Result) float64 { return float64(r.Memory) / mega })),
		median(r.of(name, rate, func(r Result) float64 { return float64(r.RedisMemory) / mega })), name)
}

// goals are what the gateway is to keep, as ratios of medians.
var goals = [...]struct {
	what, to string
	figure   func(Result) float64
	most     float64
}{
	{"CPU", "kamailio+redis", cpuOf, 0.40},
	{"CPU", "kamailio+leases", cpuOf, 0.40},
	{"CPU", "kamailio", cpuOf, 0.65},
	{"CPU", "relay", cpuOf, 1.6},
	{"Redis CPU", "kamailio+redis", redisOf, 0.6},
	{"Redis CPU", "kamailio+leases", redisOf, 0.6},
}

func (r *report) ratios(b *strings.Builder) {
	var head []string
	for _, rate := range r.plan.rates {
		head = append(head, fmt.Sprintf("%d/s", rate))
	}
	t := newTable("Interlink to", append(head, "goal")...)
	for _, g := range goals {
		var cells []string
		for _, rate := range r.plan.rates {
			cells = append(cells, number(median(r.of("interlink", rate, g.figure))/median(r.of(g.to, rate, g.figure)), 2))
		}
		t.row(g.what+", "+g.to, append(cells, fmt.Sprintf("≤ %.2f", g.most))...)
	}
	t.write(b)
}

func (r *report) highest(b *strings.Builder) {
	if len(r.Highest) == 0 {
		return
	}
	t := newTable("Highest rate without a failure", "calls/s", "CPU ms per 1,000", "sent again", "set-up p99, ms")
	for _, h := range r.Highest {
		t.row(h.Contender, fmt.Sprint(h.Rate), bracketed(h.CPU, h.RedisCPU, h.Contender), fmt.Sprint(h.Retransmissions), number(percentile(h.SetUp, 99), 1))
	}
	t.write(b)
}

func (r *report) heldTable(b *strings.Builder) {
	if len(r.Held) == 0 {
		return
	}
	t := newTable("Memory of a call that is up", "calls", "lasting s", "octets a call", "of Redis")
	for _, h := range r.Held {
		t.row(h.Contender, fmt.Sprint(h.Calls), fmt.Sprint(h.Seconds), number(h.Octets, 0), number(h.RedisOctets, 0))
	}
	t.write(b)
}

// save writes everything as JSON, and the tables as Markdown.
func (r *report) save() error {
	if err := os.MkdirAll(r.plan.results, 0o755); err != nil {
		return err
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	base := filepath.Join(r.plan.results, strings.NewReplacer("-", "", ":", "").Replace(r.At))
	if err := os.WriteFile(base+".json", append(b, '\n'), 0o644); err != nil {
		return err
	}
	fmt.Println("all figures:", base+".json", base+".md")
	return os.WriteFile(base+".md", []byte(r.markdown()), 0o644)
}
