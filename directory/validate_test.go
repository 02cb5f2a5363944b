package directory

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

type validator interface{ Validate() error }

// validity checks values by the field their error names; the space after it only
// tells cases apart. "" is valid.
func validity(t *testing.T, cases map[string]validator) {
	t.Helper()
	for field, v := range cases {
		err := v.Validate()
		if field = strings.TrimSpace(field); field == "" {
			if err != nil {
				t.Errorf("%+v: %v", v, err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Kind != KindInvalid || e.Field != field || e.Code == "" || e.Detail == "" {
			t.Errorf("%+v: %v; want %s to be invalid", v, err, field)
		}
	}
}

func TestAccountValidate(t *testing.T) {
	account := func(name, zone string) *Account { return &Account{Name: name, TimeZone: zone} }
	validity(t, map[string]validator{
		"":            account(strings.Repeat("ä", 128), "Europe/Berlin"),
		" ":           account("Brown & Sons", "UTC"),
		"/name":       account("", "UTC"),
		"/name ":      account(" \t ", "UTC"),
		"/name  ":     account(strings.Repeat("a", 129), "UTC"),
		"/name   ":    account("a\nb", "UTC"),
		"/name\t":     account("a\xffb", "UTC"),
		"/timezone":   account("a", ""),
		"/timezone ":  account("a", "Local"),
		"/timezone  ": account("a", "Mars/Olympus"),
		"/timezone\t": account("a", "../etc/passwd"),
	})
}

func TestTrunkValidate(t *testing.T) {
	trunk := func(addresses, sources string) *Trunk {
		k := &Trunk{Name: "pbx"}
		for a := range strings.FieldsSeq(addresses) {
			k.Addresses = append(k.Addresses, netip.MustParseAddrPort(a))
		}
		for s := range strings.FieldsSeq(sources) {
			source, err := ParseSource(s)
			if err != nil {
				t.Fatal(err)
			}
			k.Sources = append(k.Sources, source)
		}
		return k
	}
	validity(t, map[string]validator{
		"":                    trunk("192.0.2.1:5060 [2001:db8::1]:5060", "192.0.2.1 192.0.2.0/24 192.0.2.1:5060"),
		"/name":               &Trunk{},
		"/addresses":          trunk("", "192.0.2.1"),
		"/addresses ":         trunk(strings.Repeat("192.0.2.1:5060 ", MaxTrunkAddresses+1), "192.0.2.1"),
		"/addresses/1":        trunk("192.0.2.1:5060 192.0.2.1:0", "192.0.2.1"),
		"/addresses/0":        trunk("0.0.0.0:5060", "192.0.2.1"),
		"/addresses/0 ":       trunk("224.0.0.1:5060", "192.0.2.1"),
		"/addresses/0\t":      &Trunk{Name: "pbx", Addresses: []netip.AddrPort{{}}},
		"/source_addresses":   trunk("192.0.2.1:5060", ""),
		"/source_addresses ":  trunk("192.0.2.1:5060", strings.Repeat("192.0.2.1 ", MaxTrunkSources+1)),
		"/source_addresses/1": trunk("192.0.2.1:5060", "192.0.2.1 192.0.2.1/32"),
	})
}

func TestSideAndLimitsValidate(t *testing.T) {
	validity(t, map[string]validator{
		"":                     &Side{Name: "to Smith", Priority: 100, Prefix: "*99#"},
		"/name":                &Side{},
		"/priority":            &Side{Name: "a", Priority: -1},
		"/priority ":           &Side{Name: "a", Priority: 101},
		"/prefix":              &Side{Name: "a", Prefix: "12345"},
		"/prefix ":             &Side{Name: "a", Prefix: "9x"},
		" ":                    NoLimits("a"),
		"  ":                   &Limits{Account: "a", Inbound: MaxLines, MaxOutbound: MaxLines},
		"/inbound_trunks":      limitsWith(func(l *Limits) { l.Inbound = -2 }),
		"/outbound_trunks":     limitsWith(func(l *Limits) { l.Outbound = MaxLines + 1 }),
		"/twoway_trunks":       limitsWith(func(l *Limits) { l.TwoWay = -3 }),
		"/burst_trunks":        limitsWith(func(l *Limits) { l.Burst = 1 << 40 }),
		"/max_outbound_calls":  limitsWith(func(l *Limits) { l.MaxOutbound = -2 }),
		"/max_outbound_calls ": limitsWith(func(l *Limits) { l.MaxOutbound = MaxLines + 1 }),
	})
}

func limitsWith(change func(*Limits)) *Limits {
	l := NoLimits("a")
	change(l)
	return l
}

func TestParseSource(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7":                  "192.0.2.7/32",
		"192.0.2.7/24":               "192.0.2.0/24",
		"192.0.2.7:5060":             "192.0.2.7:5060",
		"2001:db8::1":                "2001:db8::1/128",
		"2001:db8::1/32":             "2001:db8::/32",
		"[2001:db8::1]:5060":         "[2001:db8::1]:5060",
		"::ffff:192.0.2.7":           "192.0.2.7/32",
		"[::ffff:192.0.2.7]:5060":    "192.0.2.7:5060",
		"::ffff:192.0.2.0/120":       "192.0.2.0/24",
		"":                           "",
		"0.0.0.0/0":                  "",
		"::/0":                       "",
		"::ffff:0.0.0.0/96":          "",
		"192.0.2.7:0":                "",
		"192.0.2.7/33":               "",
		"fe80::1%eth0":               "",
		"[fe80::1%eth0]:5060":        "",
		"pbx.example.com":            "",
		"192.0.2.7 192.0.2.8":        "",
		strings.Repeat("1.", 10_000): "",
	} {
		s, err := ParseSource(in)
		if want == "" {
			if err == nil {
				t.Errorf("%.40q is %s", in, s)
			}
			continue
		}
		if err != nil || s.String() != want {
			t.Errorf("%q: %q, %v; want %q", in, s, err, want)
			continue
		}
		var again Source
		if text, err := json.Marshal(s); err != nil || json.Unmarshal(text, &again) != nil || again != s {
			t.Errorf("%q written and read again is %v", in, again)
		}
	}
}

func TestSourcePrecedence(t *testing.T) {
	var table sourceTable
	add := func(id TrunkID, source string) {
		s, err := ParseSource(source)
		if err != nil {
			t.Fatal(err)
		}
		table.add(s, &Trunk{ID: id})
	}
	add("wide", "192.0.0.0/16")
	add("net", "192.0.2.0/24")
	add("host", "192.0.2.7")
	add("port", "192.0.2.7:5080")
	add("six", "2001:db8::/32")
	for from, want := range map[string]TrunkID{
		"192.0.2.7:5080": "port", "192.0.2.7:5060": "host", "192.0.2.8:5080": "net", "192.0.3.1:1": "wide",
		"[2001:db8::9]:5060": "six", "[::ffff:192.0.2.7]:5080": "port", "[2001:db9::9]:5060": "", "203.0.113.1:5060": "",
	} {
		got := table.find(netip.MustParseAddrPort(from))
		if (got == nil) != (want == "") || got != nil && got.ID != want {
			t.Errorf("%s: %v, want %q", from, got, want)
		}
	}
	s, _ := ParseSource("192.0.2.7:5080")
	table.remove(s, "another")
	if got := table.find(netip.MustParseAddrPort("192.0.2.7:5080")); got.ID != "port" {
		t.Errorf("removed for another trunk: %v", got)
	}
	table.remove(s, "port")
	if got := table.find(netip.MustParseAddrPort("192.0.2.7:5080")); got.ID != "host" {
		t.Errorf("after removal: %v", got)
	}
}

func TestClaimsAndRequirements(t *testing.T) {
	p, _ := ParsePattern("20xx")
	source, _ := ParseSource("192.0.2.7")
	pending := &Interlink{ID: "lnk", A: Side{Account: "b"}, Secret: InterlinkSecret{KeyHash: "h", KeySealed: "s"}}
	active := &Interlink{ID: "lnk", A: Side{Account: "b"}, B: &Side{Account: "a"}}
	for _, c := range []struct {
		o                Object
		claims, requires string
	}{
		{&Account{ID: "a", Realm: "R.Test", Parent: "p"}, "realm:r.test", "account/p"},
		{&Account{ID: "a", Realm: "r.test"}, "realm:r.test", ""},
		{&Trunk{ID: "t", Account: "a", Sources: []Source{source}}, "source:192.0.2.7/32", "account/a"},
		{&InternalNumber{ID: "n", Account: "a", Trunk: "t", Number: p}, "number:a:20xx", "account/a trunk/t"},
		{pending, "key:h", "account/b"},
		// The same pair whichever side made the key.
		{active, "pair:a:b", "account/b account/a"},
		{NoLimits("a"), "", "account/a"},
	} {
		var requires []string
		for _, r := range c.o.Requires() {
			requires = append(requires, string(r.Kind)+"/"+r.ID)
		}
		if got := strings.Join(c.o.Claims(), " "); got != c.claims {
			t.Errorf("%+v claims %q, want %q", c.o, got, c.claims)
		}
		if got := strings.Join(requires, " "); got != c.requires {
			t.Errorf("%+v requires %q, want %q", c.o, got, c.requires)
		}
	}
	if s := pending.Redacted().(*Interlink).Secret; s != (InterlinkSecret{}) || pending.Secret.KeyHash != "h" {
		t.Errorf("redacted: %+v", s)
	}
}

// Every kind can be made anew, and each write adds one to the version.
func TestChangeVersions(t *testing.T) {
	for _, k := range Kinds() {
		o := New(k)
		if o == nil || o.Ref().Kind != k {
			t.Fatalf("a new %s is %+v", k, o)
		}
		first := Create(o)
		one := first.Written()
		second := Replace(one, o)
		two := second.Written()
		if first.Expect() != 0 || one.ObjectVersion() != 1 || second.Expect() != 1 || two.ObjectVersion() != 2 || o.ObjectVersion() != 0 {
			t.Errorf("%s: versions %d, %d", k, one.ObjectVersion(), two.ObjectVersion())
		}
		last := Delete(two)
		if last.Expect() != 2 || last.Written() != nil || last.Ref() != o.Ref() {
			t.Errorf("%s: delete %+v", k, last)
		}
		if !slices.Equal(one.Claims(), two.Claims()) {
			t.Errorf("%s: claims depend on the version", k)
		}
	}
	if New("comet") != nil {
		t.Error("an unknown kind is known")
	}
}

func TestInterlinkStatus(t *testing.T) {
	a, b := Side{Account: "a"}, Side{Account: "b"}
	l := &Interlink{A: a, ExpiresAt: time.Unix(1, 0)}
	if own, peer := l.Sides("a"); l.Status() != InterlinkPending || own != &l.A || peer != nil {
		t.Errorf("pending: %s", l.Status())
	}
	l.B = &b
	if own, peer := l.Sides("b"); l.Status() != InterlinkActive || own != &b || peer != &l.A {
		t.Errorf("active: %s", l.Status())
	}
	if own, peer := l.Sides("c"); own != nil || peer != nil {
		t.Error("a stranger has a side")
	}
	for _, s := range []*Side{&l.A, &b} {
		s.Suspended = true
		if l.Status() != InterlinkSuspended {
			t.Errorf("suspended: %s", l.Status())
		}
		s.Suspended = false
	}
}
