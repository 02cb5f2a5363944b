package directory

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestProviderValidate(t *testing.T) {
	provider := func(name, login string, capacity int64) *Provider {
		return &Provider{Name: name, LoginURL: login, Capacity: capacity}
	}
	validity(t, map[string]validator{
		"":             provider("Carrier", "", Unlimited),
		" ":            provider("Carrier", "https://portal.example.com/login?a=b", MaxLines),
		"/name":        provider("", "", 0),
		"/login_url":   provider("C", "portal.example.com", 0),
		"/login_url ":  provider("C", "javascript:alert(1)", 0),
		"/login_url  ": provider("C", "https://user:secret@portal.example.com", 0),
		"/login_url\t": provider("C", "https://"+strings.Repeat("a", 512), 0),
		"/capacity":    provider("C", "", -2),
		"/capacity ":   provider("C", "", MaxLines+1),
	})
}

func TestPricePlanValidate(t *testing.T) {
	plan := func(name, description string, price int64, currency string) *PricePlan {
		return &PricePlan{Name: name, Description: description, PerMinute: price, Currency: currency}
	}
	validity(t, map[string]validator{
		"":              plan("Basic", "", 0, "EUR"),
		" ":             plan("Basic", strings.Repeat("ä", 1024), MaxPerMinute, "USD"),
		"/name":         plan(" ", "", 0, "EUR"),
		"/description":  plan("B", strings.Repeat("a", 1025), 0, "EUR"),
		"/description ": plan("B", "\xff", 0, "EUR"),
		"/per_minute":   plan("B", "", -1, "EUR"),
		"/per_minute ":  plan("B", "", MaxPerMinute+1, "EUR"),
		"/currency":     plan("B", "", 0, ""),
		"/currency ":    plan("B", "", 0, "eur"),
		"/currency  ":   plan("B", "", 0, "EURO"),
	})
}

// The last selected comes first, and what stays keeps its order (SU3).
func TestSelect(t *testing.T) {
	for _, c := range []struct{ had, asked, want string }{
		{"", "a b", "a b"}, {"a", "a b", "b a"}, {"a", "b a", "b a"}, {"c b a", "c b a d e", "d e c b a"},
		{"c b a", "a c", "c a"}, {"c b a", "", ""}, {"b a", "c", "c"},
	} {
		s := &PlanSelection{}
		for _, p := range strings.Fields(c.had) {
			s.Plans = append(s.Plans, PricePlanID(p))
		}
		var asked []PricePlanID
		for _, p := range strings.Fields(c.asked) {
			asked = append(asked, PricePlanID(p))
		}
		var got []string
		for _, p := range s.Select(asked) {
			got = append(got, string(p))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q, then %q: %q, want %q", c.had, c.asked, got, c.want)
		}
	}
}

func TestPublish(t *testing.T) {
	p := &Permissions{Draft: FeatureSet{"reports": Hidden}}
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for n := uint64(1); n <= MaxEditions+5; n++ {
		before := len(p.Editions)
		next := p.Publish(at, "staff:admin")
		if next.Edition().Number != n || len(p.Editions) != before {
			t.Fatalf("edition %d is numbered %d, %d became %d editions in place", n, next.Edition().Number, before, len(p.Editions))
		}
		p = next
	}
	if len(p.Editions) != MaxEditions || p.Editions[0].Number != 6 {
		t.Fatalf("%d editions from %d on", len(p.Editions), p.Editions[0].Number)
	}
	p.Draft["reports"] = Shown
	if p.Published()["reports"] != Hidden {
		t.Fatal("the published set is the draft itself")
	}
	if r := p.Redacted().(*Permissions); len(r.Editions) != 1 || r.Edition().Number != p.Edition().Number {
		t.Fatal("the audit log repeats old editions")
	}
}

// Synced is what the switch was at every moment of any history of it (SU6).
func TestSyncRemembers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
		s, now, on := DefaultSettings("acc_a"), 0, true
		var was []bool // per second
		for _, wait := range rapid.SliceOfN(rapid.IntRange(0, 5), 0, 60).Draw(t, "seconds between uses") {
			for range wait {
				was = append(was, on)
			}
			now += wait
			on = rapid.Bool().Draw(t, "on")
			before := slices.Clone(s.Pauses)
			next := s.Sync(on, start.Add(time.Duration(now)*time.Second))
			if !slices.Equal(before, s.Pauses) {
				t.Fatal("changed in place")
			}
			s = next
		}
		was = append(was, on)
		for second, want := range was {
			if got := s.Synced(start.Add(time.Duration(second) * time.Second)); got != want {
				t.Fatalf("second %d: synced %v, want %v; pauses %v", second, got, want, s.Pauses)
			}
		}
		if s.Synced(start.AddDate(10, 0, 0)) != on || s.CallLogSync != on {
			t.Fatal("the switch does not stay")
		}
	})
}

// However often the switch is used, its history is bounded and hides no less
// than it should.
func TestPausesAreBounded(t *testing.T) {
	s, at := DefaultSettings("acc_a"), time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	var off []time.Time
	for n := range 3 * MaxPauses {
		off = append(off, at)
		s = s.Sync(false, at)
		at = at.Add(time.Minute)
		s = s.Sync(true, at)
		at = at.Add(time.Duration(n+1) * time.Minute)
	}
	if len(s.Pauses) != MaxPauses {
		t.Fatalf("%d pauses", len(s.Pauses))
	}
	for _, at := range off {
		if s.Synced(at) {
			t.Fatalf("%s is forgotten", at)
		}
	}
	if !s.Synced(at) {
		t.Fatal("the last time it was on is forgotten")
	}
}
