package directory

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

func TestCheckFindsWhatAWriteWouldMeet(t *testing.T) {
	source := func(s string) Source {
		out, err := ParseSource(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	pattern := func(s string) Pattern {
		out, err := ParsePattern(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	account := func(id AccountID) *Account {
		return &Account{ID: id, Name: string(id), Realm: string(id) + ".example", TimeZone: "UTC", Version: 3}
	}
	a, b := account("a"), account("b")
	trunk := &Trunk{ID: "t", Account: "a", Sources: []Source{source("192.0.2.0/24"), source("192.0.2.1:5060")}, Version: 1,
		Addresses: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:5060")}}
	number := &InternalNumber{ID: "n", Account: "a", Number: pattern("20xx"), Trunk: "t", Version: 1}
	linked := &Interlink{ID: "l", A: Side{Account: "a"}, B: &Side{Account: "b"}, Version: 1}
	pending := &Interlink{ID: "p", A: Side{Account: "b"}, Secret: InterlinkSecret{KeyHash: "h"}, Version: 1}
	v := NewView()
	v.Load(1, time.Now(), []Object{a, b, trunk, number, linked, pending, &Limits{Account: "a", Version: 2}})

	renamed := *a
	renamed.Realm = "B.example"
	old := *a
	old.Version = 2
	for name, c := range map[string]struct {
		changes []Change
		kind    ErrorKind
		code    string
	}{
		"as it is":          {[]Change{Replace(a, account("a"))}, 0, ""},
		"stale":             {[]Change{Replace(&old, account("a"))}, KindStale, "stale"},
		"created twice":     {[]Change{Create(account("a"))}, KindStale, "stale"},
		"gone":              {[]Change{Delete(account("c"))}, KindStale, "stale"},
		"realm":             {[]Change{Replace(a, &renamed)}, KindConflict, "realm_taken"},
		"source":            {[]Change{Create(&Trunk{ID: "u", Account: "b", Sources: []Source{source("192.0.2.0/24")}})}, KindConflict, "source_taken"},
		"source with port":  {[]Change{Create(&Trunk{ID: "u", Account: "b", Sources: []Source{source("192.0.2.1:5060")}})}, KindConflict, "source_taken"},
		"narrower source":   {[]Change{Create(&Trunk{ID: "u", Account: "b", Sources: []Source{source("192.0.2.1")}})}, 0, ""},
		"source handed on":  {[]Change{Delete(number), Delete(trunk), Create(&Trunk{ID: "u", Account: "b", Sources: []Source{source("192.0.2.0/24")}})}, 0, ""},
		"source kept":       {[]Change{Replace(trunk, trunk), Create(&Trunk{ID: "u", Account: "b", Sources: []Source{source("192.0.2.0/24")}})}, KindConflict, "source_taken"},
		"number handed on":  {[]Change{Delete(number), Create(&InternalNumber{ID: "m", Account: "a", Trunk: "t", Number: pattern("20xx")})}, 0, ""},
		"own source":        {[]Change{Replace(trunk, trunk)}, 0, ""},
		"number":            {[]Change{Create(&InternalNumber{ID: "m", Account: "a", Trunk: "t", Number: pattern("20xx")})}, KindConflict, "number_taken"},
		"overlapping":       {[]Change{Create(&InternalNumber{ID: "m", Account: "a", Trunk: "t", Number: pattern("2001")})}, 0, ""},
		"pair":              {[]Change{Replace(pending, &Interlink{ID: "p", A: Side{Account: "b"}, B: &Side{Account: "a"}})}, KindConflict, "pair_taken"},
		"key":               {[]Change{Create(&Interlink{ID: "q", A: Side{Account: "a"}, Secret: InterlinkSecret{KeyHash: "h"}})}, KindConflict, "key_taken"},
		"missing":           {[]Change{Create(&InternalNumber{ID: "m", Account: "a", Trunk: "x", Number: pattern("1")})}, KindConflict, "missing_required"},
		"created with it":   {[]Change{Create(account("c")), Create(&Limits{Account: "c"})}, 0, ""},
		"deleted with it":   {[]Change{Delete(trunk), Replace(number, number)}, KindConflict, "missing_required"},
		"limits":            {[]Change{Replace(&Limits{Account: "a", Version: 2}, &Limits{Account: "a"})}, 0, ""},
		"limits never set":  {[]Change{Create(&Limits{Account: "b"})}, 0, ""},
		"everything of one": {[]Change{Delete(linked), Delete(number), Delete(trunk)}, 0, ""},
	} {
		err := v.Check(c.changes...)
		var e *Error
		if errors.As(err, &e) != (c.code != "") || e != nil && (e.Kind != c.kind || e.Code != c.code) {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
	}
}

// Overlaps agrees with trying every number.
func TestOverlapsAgreesWithMatch(t *testing.T) {
	var patterns []Pattern
	for _, s := range []string{
		"000", "9x9", "xxx", "1x2", "x05", "12x", "999", "1*2", "1*x", "x*x", "x#1", "000-999", "120-129", "105-105", "190-201", "005-008", "899-910",
		"001-004", "95x", "9x0", "0x9", "12", "xx", "10-20",
	} {
		p, err := ParsePattern(s)
		if err != nil {
			t.Fatal(err)
		}
		patterns = append(patterns, p)
	}
	const keys = "0123456789*#"
	var numbers []string
	for _, a := range keys {
		for _, b := range keys {
			numbers = append(numbers, string(a)+string(b))
			for _, c := range keys {
				numbers = append(numbers, string(a)+string(b)+string(c))
			}
		}
	}
	for _, p := range patterns {
		for _, q := range patterns {
			want := false
			for _, n := range numbers {
				want = want || p.Match(n) && q.Match(n)
			}
			if p.Overlaps(q) != want {
				t.Errorf("%s and %s: %v", p, q, !want)
			}
		}
	}
}
