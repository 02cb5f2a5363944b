package main

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	p, err := parsePlan([]string{"-rates", "500, 1000", "-n", "3", "-only", "interlink,relay"})
	if err != nil {
		t.Fatal(err)
	}
	all, err := contenders(p)
	if err != nil {
		t.Fatal(err)
	}
	got := table(all, p, []Result{
		{Contender: "interlink", Rate: 500, CPU: 300, RedisCPU: 50},
		{Contender: "interlink", Rate: 500, CPU: 100, RedisCPU: 40, Failed: 2},
		{Contender: "interlink", Rate: 500, CPU: 200, RedisCPU: 60, Retransmissions: 7},
		{Contender: "relay", Rate: 1000, CPU: 30},
		{Contender: "relay", Rate: 1000, CPU: 50},
	})
	for _, want := range []string{"| | 500/s | 1000/s |", "| interlink | 200 (50), 2 failed, 7 retransmitted | - |", "| relay | - | 40 |"} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no line %q in\n%s", want, got)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	for _, args := range [][]string{{"-rates", "0"}, {"-rates", "1,x"}, {"-n", "0"}, {"-seconds", "0"}} {
		if _, err := parsePlan(args); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
	p, err := parsePlan([]string{"-only", "nobody"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := contenders(p); err == nil {
		t.Error("a contender that does not exist: no error")
	}
}
