package provision

import (
	"fmt"
	"testing"
	"time"
)

func TestAttempts(t *testing.T) {
	a := newAttempts(3, 10*time.Second)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for n := range 3 {
		if wait := a.begin("x", at); wait != 0 {
			t.Fatalf("attempt %d waits %s", n, wait)
		}
	}
	if wait := a.begin("x", at.Add(4*time.Second)); wait != 6*time.Second {
		t.Fatalf("the fourth waits %s", wait)
	}
	if a.begin("y", at) != 0 {
		t.Fatal("another key waits, too")
	}
	if a.begin("x", at.Add(10*time.Second)) != 0 || a.begin("x", at.Add(10*time.Second)) == 0 {
		t.Fatal("not exactly one more after the time")
	}
	a.succeed("x")
	if a.begin("x", at.Add(10*time.Second)) != 0 {
		t.Fatal("a success is counted")
	}
	a.succeed("nobody")
	for range 10 {
		a.succeed("y")
	}
	for range 3 {
		if a.begin("y", at) != 0 {
			t.Fatal("y waits")
		}
	}
	if a.begin("y", at) == 0 {
		t.Fatal("successes are saved up beyond the burst")
	}
}

// However many keys fail, memory is bounded, and who fails most is not forgotten
// for who fails once.
func TestAttemptsAreBounded(t *testing.T) {
	a := newAttempts(3, time.Hour)
	a.most = 1000
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for a.begin("attacker", at) == 0 {
	}
	for n := range 5 * a.most {
		a.begin(fmt.Sprint(n), at)
	}
	if len(a.keys) > a.most {
		t.Fatalf("%d keys are kept", len(a.keys))
	}
	if a.begin("attacker", at) == 0 {
		t.Fatal("the attacker starts anew")
	}
}

func TestSourceOf(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:1234":          "192.0.2.1",
		"[::ffff:192.0.2.1]:1234": "192.0.2.1",
		"[2001:db8:1:2:3::4]:80":  "2001:db8:1:2::/64",
		"[fe80::1%eth0]:80":       "fe80::/64",
		"pipe":                    "pipe",
	} {
		if got := sourceOf(remote); got != want {
			t.Errorf("%s is %s, want %s", remote, got, want)
		}
	}
}
