package main

import (
	"math"
	"slices"
)

// Result is one run of one contender.
type Result struct {
	Contender string `json:"contender"`
	Rate      int    `json:"rate"`
	Calls     int    `json:"calls"`
	// Achieved is the rate at which SIPp placed them.
	Achieved float64 `json:"achieved_rate"`
	// CPU and RedisCPU are milliseconds (user and system) per 1,000 calls.
	CPU      float64 `json:"cpu_ms_per_1000"`
	RedisCPU float64 `json:"redis_cpu_ms_per_1000"`
	// Memory and RedisMemory are octets after the run.
	Memory      int64 `json:"memory"`
	RedisMemory int64 `json:"redis_memory"`
	// Failed is what either SIPp end says went wrong, and calls never placed.
	Failed          int `json:"failed"`
	Retransmissions int `json:"retransmissions"`
	// SetUp is how long, in ms, the proxy held up each probe call's INVITE and 180.
	SetUp  []float64 `json:"set_up_ms"`
	Probes int       `json:"probes"`
	// Counted is how many calls the proxy itself says it carried; -1: nobody counts.
	Counted int `json:"counted"`
}

// percentile is the smallest value that p percent of v do not exceed; NaN of
// nothing.
func percentile(v []float64, p float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	return s[max(0, int(math.Ceil(p/100*float64(len(s))))-1)]
}

// median of nothing is NaN.
func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}
