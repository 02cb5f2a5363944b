package main

import (
	"math"
	"net"
	"strings"
	"testing"
)

func plannedAll(t *testing.T, args ...string) (*plan, []contender) {
	t.Helper()
	p, err := parsePlan(args)
	if err != nil {
		t.Fatal(err)
	}
	all, err := contenders(p)
	if err != nil {
		t.Fatal(err)
	}
	return p, all
}

func TestReport(t *testing.T) {
	p, all := plannedAll(t, "-rates", "500, 1000", "-n", "3", "-only", "direct,relay,interlink")
	r := newReport(p, all)
	r.Runs = []Result{
		{Contender: "interlink", Rate: 500, CPU: 300, RedisCPU: 50, SetUp: []float64{1, 2, 3}},
		{Contender: "interlink", Rate: 500, CPU: 100, RedisCPU: 40, Failed: 2},
		{Contender: "interlink", Rate: 500, CPU: 200, RedisCPU: 60, Retransmissions: 7},
		{Contender: "direct", Rate: 500, SetUp: []float64{0.5, 0.5}},
		{Contender: "relay", Rate: 500, CPU: 100},
		{Contender: "relay", Rate: 1000, CPU: 30, Memory: 3 << 20},
	}
	r.Highest = []Result{{Contender: "interlink", Rate: 9500, CPU: 77, RedisCPU: 20}}
	r.Held = []Held{{Contender: "interlink", Calls: 4000, Seconds: 5, Octets: 3000, RedisOctets: 700}}
	got := strings.Join(strings.Fields(r.markdown()), " ")
	for _, want := range []string{
		"| interlink | 200 (50) | - |", "| relay | 100 | 30 |", // CPU
		"| interlink | 1.50 / 2.50 | - / - |", "| direct | (0.50 / 0.50) |", // set-up
		"| interlink | 2 / 7 | 0 / 0 |",
		"| relay | 0 | 3 |", // memory
		"| CPU, relay | 2.00 | - | ≤ 1.60 |",
		"| interlink | 9500 | 77 (20) | 0 | - |",
		"| interlink | 4000 | 5 | 3000 | 700 |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, r.markdown())
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	for _, args := range [][]string{{"-rates", "0"}, {"-rates", "1,x"}, {"-n", "0"}, {"-seconds", "0"}, {"-parts", "all"}} {
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

func TestPercentile(t *testing.T) {
	v := []float64{5, 1, 4, 2, 3}
	for p, want := range map[float64]float64{1: 1, 50: 3, 99: 5, 100: 5} {
		if got := percentile(v, p); got != want {
			t.Errorf("%v: %v, want %v", p, got, want)
		}
	}
	if !math.IsNaN(percentile(nil, 50)) || !math.IsNaN(median(nil)) {
		t.Error("something of nothing")
	}
}

// The search goes up while nothing fails, then closes in on the highest rate
// that a contender of each capacity has, and ends.
func TestNextRate(t *testing.T) {
	p := &plan{highest: 16000, step: 500}
	for _, capacity := range []int{0, 499, 500, 1300, 4000, 9700, 15999, 16000, 90000} {
		good, bad, rate, tries := 0, p.highest+p.step, firstTry, 0
		for bad-good > p.step {
			if tries++; tries > 20 {
				t.Fatalf("%d: no end", capacity)
			}
			if rate <= capacity {
				good = rate
			} else {
				bad = rate
			}
			rate = next(good, bad, p)
		}
		if want := min(capacity, p.highest) / p.step * p.step; good != want {
			t.Errorf("%d: found %d, want %d", capacity, good, want)
		}
	}
}

func TestSIPText(t *testing.T) {
	me := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9), Port: 5060}
	invite := sipText{"INVITE sip:2002@a SIP/2.0", "Via: one", "Via: two", "Record-Route: <sip:p1:5060;lr>", "From: <sip:x@b>;tag=f",
		"To: <sip:2002@a>", "Call-ID: c", "CSeq: 1 INVITE"}
	ok := sipText(strings.Split(strings.TrimSuffix(invite.reply("200 OK", me), "\r\n\r\n"), "\r\n"))
	if ok.status() != "200" || len(ok.all("via")) != 2 || ok.first("To") != "<sip:2002@a>;tag=callee" {
		t.Errorf("%q", ok)
	}
	ok[3] = "Record-Route: <sip:p2:5061;lr>, <sip:p1:5060;lr>"
	to, text := ok.request("BYE", 2, me)
	bye := sipText(strings.Split(text, "\r\n"))
	if routes := bye.all("Route"); to != "p1:5060" || len(routes) != 2 || routes[0] != "<sip:p1:5060;lr>" || bye[0] != "BYE sip:2002@127.0.0.9:5060 SIP/2.0" {
		t.Errorf("to %q\n%s", to, text)
	}
}
