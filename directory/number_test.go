package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParsePattern(t *testing.T) {
	for _, c := range []struct {
		in, out string
		single  bool
		size    int64
		yes, no string // numbers it covers and does not, space separated
	}{
		{"2001", "2001", true, 1, "2001", "2000 200 20011 x"},
		{"0", "0", true, 1, "0", "00"},
		{"*98#", "*98#", true, 1, "*98#", "*98"},
		{"12345678", "12345678", true, 1, "12345678", "1234567"},
		{"20xx", "20xx", false, 100, "2000 2099", "2100 20xx 20*1 200 20000"},
		{"20XX", "20xx", false, 100, "2050", "20XX"},
		{"xxxxxxxx", "xxxxxxxx", false, 100_000_000, "00000000 99999999", "9999999"},
		{"*x#", "*x#", false, 10, "*1#", "*x# **#"},
		{"x1x", "x1x", false, 100, "010 919", "000"},
		{"2000-2099", "2000-2099", false, 100, "2000 2050 2099", "1999 2100 20x0 205 20500"},
		{"008-011", "008-011", false, 4, "008 009 010 011", "007 012 8"},
		{"7-7", "7", true, 1, "7", "8"},
	} {
		p, err := ParsePattern(c.in)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if p.String() != c.out || p.Single() != c.single || p.Size() != c.size || p.IsZero() {
			t.Errorf("%q: %q, single %v, size %d", c.in, p, p.Single(), p.Size())
		}
		for _, n := range strings.Fields(c.yes) {
			if !p.Match(n) {
				t.Errorf("%q does not match %q", c.in, n)
			}
		}
		for _, n := range append(strings.Fields(c.no), "", " "+c.in) {
			if p.Match(n) {
				t.Errorf("%q matches %q", c.in, n)
			}
		}
	}
	for _, in := range []string{"", "123456789", "12a", "-", "1-", "-1", "2099-2000", "1-10", "1x-2x", "*1-*2", "123456789-123456790", "1-2-3", "+49", " 1", "١"} {
		p, err := ParsePattern(in)
		var e *Error
		if !errors.As(err, &e) || e.Kind != KindInvalid || e.Code != "number_invalid" || e.Field != "/number" {
			t.Errorf("%q: %v, %v", in, p, err)
		}
	}
	if new(Pattern).Match("") != true || !new(Pattern).IsZero() {
		t.Error("the zero pattern covers nothing but nothing")
	}
}

// What is written is read again as the same; a pattern covers as many numbers as
// it says.
func TestPatternProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[0-9*#xX]{1,3}|[0-9]-[0-9]|[0-9]{2}-[0-9]{2}|[0-9]{3}-[0-9]{3}`).Draw(t, "pattern")
		p, err := ParsePattern(in)
		if err != nil {
			return
		}
		text, err := json.Marshal(p)
		var again Pattern
		if err != nil || json.Unmarshal(text, &again) != nil || again != p {
			t.Fatalf("%s read again is %q", text, again)
		}
		n, width := int64(0), strings.IndexByte(in+"-", '-')
		for i := range 1000 {
			if s := fmt.Sprintf("%0*d", width, i); len(s) == width && p.Match(s) {
				n++
			}
		}
		if strings.ContainsAny(in, "*#") {
			// Not decimal; the one number it writes is its own.
			if n != 0 || p.Single() && !p.Match(p.String()) {
				t.Fatalf("%q matches %d decimal numbers", in, n)
			}
		} else if n != p.Size() {
			t.Fatalf("%q covers %d, says %d", in, n, p.Size())
		}
	})
}

func TestNumberValidate(t *testing.T) {
	one, _ := ParsePattern("1")
	good := InternalNumber{Number: one, Trunk: "trk", Label: strings.Repeat("ä", 128), User: "a-Z0_.!~*'()&=+$,/?#"}
	validity(t, map[string]validator{
		"":         &good,
		"/number":  &InternalNumber{Trunk: "trk"},
		"/label":   &InternalNumber{Number: one, Trunk: "trk", Label: strings.Repeat("a", 129)},
		"/label ":  &InternalNumber{Number: one, Trunk: "trk", Label: "\xff"},
		"/label  ": &InternalNumber{Number: one, Trunk: "trk", Label: "a\r\nb"},
		"/trunk":   &InternalNumber{Number: one},
		"/user":    &InternalNumber{Number: one, Trunk: "trk", User: strings.Repeat("1", 65)},
		"/user ":   &InternalNumber{Number: one, Trunk: "trk", User: "a b"},
		"/user  ":  &InternalNumber{Number: one, Trunk: "trk", User: "a;b"},
		"/user   ": &InternalNumber{Number: one, Trunk: "trk", User: "a@b"},
		"/user\r":  &InternalNumber{Number: one, Trunk: "trk", User: "a\r\nX: y"},
		"/user\t":  &InternalNumber{Number: one, Trunk: "trk", User: "ä"},
	})
}
