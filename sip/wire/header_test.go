package wire_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/sip/wire"
)

func TestLookUp(t *testing.T) {
	n := 0
	for id := wire.Other + 1; id.String() != ""; id++ {
		n++
		name := id.String()
		for _, s := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			if got := wire.LookUp([]byte(s)); got != id {
				t.Errorf("%s: %v", s, got)
			}
		}
		for _, s := range []string{name + "x", name[1:], name[:len(name)-1] + "\x0d", strings.ReplaceAll(name, "-", "\r")} {
			if got := wire.LookUp([]byte(s)); got == id && s != name {
				t.Errorf("%q taken for %v", s, id)
			}
		}
	}
	if n < 100 {
		t.Errorf("%d names", n)
	}
	compact := map[string]wire.HeaderID{
		"a": wire.AcceptContact, "b": wire.ReferredBy, "c": wire.ContentType, "d": wire.RequestDisposition, "e": wire.ContentEncoding,
		"f": wire.From, "i": wire.CallID, "j": wire.RejectContact, "k": wire.Supported, "l": wire.ContentLength, "m": wire.Contact,
		"n": wire.IdentityInfo, "o": wire.Event, "r": wire.ReferTo, "s": wire.Subject, "t": wire.To, "u": wire.AllowEvents,
		"v": wire.Via, "x": wire.SessionExpires, "y": wire.Identity,
	}
	for c := range 256 {
		s := string([]byte{byte(c)})
		if got, want := wire.LookUp([]byte(s)), compact[strings.ToLower(s)]; got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
	if wire.LookUp(nil) != wire.Other || wire.LookUp([]byte("X-Any")) != wire.Other {
		t.Error("unknown names")
	}
}

func TestMethods(t *testing.T) {
	n := 0
	for m := wire.MethodOther + 1; m.String() != ""; m++ {
		n++
		if wire.MethodOf([]byte(m.String())) != m || wire.MethodOf([]byte(strings.ToLower(m.String()))) != wire.MethodOther {
			t.Errorf("%v", m)
		}
	}
	if n != 14 {
		t.Errorf("%d methods", n)
	}
}

func TestSet(t *testing.T) {
	s := wire.Of(wire.Via, wire.Location, wire.Other)
	u := s.Union(wire.Of(wire.To))
	for id := wire.Other; id == wire.Other || id.String() != ""; id++ {
		in := id == wire.Via || id == wire.Location || id == wire.Other
		if s.Has(id) != in || s.Not().Has(id) == in || u.Has(id) != (in || id == wire.To) {
			t.Errorf("%v", id)
		}
	}
	if (wire.Set{}).Has(wire.Other) {
		t.Error("the empty set is not empty")
	}
}

func TestEach(t *testing.T) {
	cases := map[string][]string{
		"Supported: a, b ,c": {"a", "b", "c"},
		"Supported: ,a,, b,": {"a", "b"},
		"Supported:":         nil,
		`Contact: "a, \"b,\"" <sip:a,b@c>;x="," , <sip:d>`: {`"a, \"b,\"" <sip:a,b@c>;x=","`, "<sip:d>"},
		"Contact: <sip:(a@b>, <sip:c)@d>":                  {"<sip:(a@b>", "<sip:c)@d>"},
		"Server: a (b, (c), \\), d) e, f":                  {"a (b, (c), \\), d) e", "f"},
		"Server: a (b, c":                                  {"a (b, c"},
		"Contact: <sip:a, b":                               {"<sip:a, b"},
		`Contact: "a, b`:                                   {`"a, b`},
		"Allow: A,\r\n B,\r\n\tC":                          {"A", "B", "C"},
	}
	for line, want := range cases {
		m := parsed(t, request(line))
		name, _, _ := strings.Cut(line, ":")
		if got := values(m, wire.LookUp([]byte(name))); !slices.Equal(got, want) {
			t.Errorf("%q: %q", line, got)
		}
	}
	n := 0
	parsed(t, request("Allow: A, B")).Each(wire.Allow, func([]byte) bool { n++; return false })
	if n != 1 {
		t.Errorf("not stopped: %d", n)
	}
}
