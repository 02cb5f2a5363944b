package main

import (
	"fmt"
	"slices"
	"strings"
)

// Result is one run of one contender.
type Result struct {
	Contender string `json:"contender"`
	Rate      int    `json:"rate"`
	Calls     int    `json:"calls"`
	// CPU and RedisCPU are milliseconds per 1,000 calls.
	CPU      float64 `json:"cpu_ms_per_1000"`
	RedisCPU float64 `json:"redis_cpu_ms_per_1000"`
	// Failed is what both SIPp ends say went wrong.
	Failed          int `json:"failed"`
	Retransmissions int `json:"retransmissions"`
	// Counted is how many calls the proxy itself says it carried.
	Counted int `json:"counted"`
}

// table is a Markdown table of medians: the proxy's CPU, Redis' in brackets,
// and failures or retransmissions where there were any.
func table(all []contender, p *plan, results []Result) string {
	var b strings.Builder
	b.WriteString("CPU ms (user+sys) of the proxy per 1,000 calls, Redis in brackets; median of ")
	fmt.Fprintf(&b, "%d runs of %d s\n\n|", p.repeats, p.seconds)
	for _, rate := range p.rates {
		fmt.Fprintf(&b, " | %d/s", rate)
	}
	b.WriteString(" |\n|---" + strings.Repeat("|---", len(p.rates)) + "|\n")
	for _, c := range all {
		b.WriteString("| " + c.name)
		for _, rate := range p.rates {
			b.WriteString(" | " + cell(c.name, rate, results))
		}
		b.WriteString(" |\n")
	}
	return b.String()
}

func cell(name string, rate int, results []Result) string {
	var cpu, redis []float64
	failed, again := 0, 0
	for _, r := range results {
		if r.Contender == name && r.Rate == rate {
			cpu, redis = append(cpu, r.CPU), append(redis, r.RedisCPU)
			failed += r.Failed
			again += r.Retransmissions
		}
	}
	if len(cpu) == 0 {
		return "-"
	}
	text := fmt.Sprintf("%.0f", median(cpu))
	if m := median(redis); m > 0 {
		text += fmt.Sprintf(" (%.0f)", m)
	}
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	if again > 0 {
		text += fmt.Sprintf(", %d retransmitted", again)
	}
	return text
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}
