package wire_test

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/sip/wire"
)

// parsed is the message, which must be good.
func parsed(t testing.TB, b []byte) *wire.Message {
	t.Helper()
	var m wire.Message
	if invalid := check(t, &m, b); invalid != nil {
		t.Fatalf("%v\n%s", invalid, b)
	}
	return &m
}

func TestTagIsNotReadFromQuotedParameter(t *testing.T) {
	const from = `From: <sip:a@x>;tag=good;x="y;tag=evil"`
	m := parsed(t, request(from))
	if string(m.FromTag()) != "good" {
		t.Errorf("tag %q", m.FromTag())
	}
	sameAfterForward(t, m)
}

func TestViaReading(t *testing.T) {
	cases := map[string]struct {
		branch, sentBy string
		rport, count   int
	}{
		`SIP/2.0/UDP h:5060;x="abc";branch=z9hG4bK1;rport`:                       {"z9hG4bK1", "h:5060", 0, 1},
		`SIP/2.0/UDP h;x="a,b";branch=z9hG4bK1`:                                  {"z9hG4bK1", "h", -1, 1},
		`SIP/2.0/UDP h;x="a;branch=evil\"";branch=z9hG4bK1`:                      {"z9hG4bK1", "h", -1, 1},
		`SIP/2.0/UDP a:5060;branch=z9hG4bK1, SIP/2.0/UDP b:5060;branch=z9hG4bK2`: {"z9hG4bK1", "a:5060", -1, 2},
		`SIP/2.0/UDP a:5060, SIP/2.0/UDP b:5060;branch=z9hG4bK2`:                 {"", "a:5060", -1, 2},
		`SIP/2.0/UDP h ; rport ; Branch = z9hG4bK1`:                              {"z9hG4bK1", "h", 0, 1},
		`SIP/2.0/UDP h;RPORT=99;BRANCH=z9hG4bK1`:                                 {"z9hG4bK1", "h", 99, 1},
		"SIP / 2.0 / UDP h : 5060 ;\r\n branch=z9hG4bK1":                         {"z9hG4bK1", "h:5060", -1, 1},
		`sip/2.0/udp [2001:db8::1]:5070;branch=z9hG4bK1`:                         {"z9hG4bK1", "[2001:db8::1]:5070", -1, 1},
	}
	for text, want := range cases {
		m := parsed(t, request("Via: "+text))
		v := m.TopVia()
		if string(v.Branch) != want.branch || string(v.SentBy) != want.sentBy || v.RPort != want.rport || m.ViaCount() != want.count {
			t.Errorf("%s: branch %q sent-by %q rport %d count %d", text, v.Branch, v.SentBy, v.RPort, m.ViaCount())
		}
		sameAfterForward(t, m)
	}
}

func TestTagSpellings(t *testing.T) {
	for _, params := range []string{";tag=1", ";TAG=1", ";tag = 1", " ;tag=1", ";x;Tag= 1 ;y", "\r\n ;\r\n tag=1"} {
		m := parsed(t, request("From: <sip:a@b>"+params, "To: sip:c@d"+params))
		if string(m.FromTag()) != "1" || string(m.ToTag()) != "1" {
			t.Errorf("%q: %q %q", params, m.FromTag(), m.ToTag())
		}
	}
}

// TestUntouched: what a parser that understands headers tends to change.
func TestUntouched(t *testing.T) {
	for _, line := range []string{
		`Route: "Edge" <sip:h;lr>;x=y;x=y`,
		`Record-Route: <sip:h;lr>;x="y,z" , <sip:i;lr>`,
		`Refer-To: "X" <sip:a@b?Replaces=1%3Bto-tag%3D2>;y`,
		`Contact: Bob Smith <sip:a@b>`,
		`m: sip:a@b;q=0.5`,
		`k: timer, 100rel`,
		`x: 1800;refresher=uac`,
		`Referred-By: "a \"quoted\" b" <sip:a@b>`,
		`Date: Sat, 13 Nov 2010 23:29:00 GMT`,
		"Subject: one\r\n\ttwo",
		`Contact: <sip:a@b;p=1;p=2>`,
		`C%6Fntact: x`,
		`UnknownHeaderWithUnusualValue: ;;,,;;,;`,
	} {
		sameAfterForward(t, parsed(t, request(line)))
	}
}

func TestCompactNamesAreTheSame(t *testing.T) {
	m := parsed(t, request("k: timer", "SUPPORTED: 100rel, replaces"))
	if got := values(m, wire.Supported); !slices.Equal(got, []string{"timer", "100rel", "replaces"}) {
		t.Errorf("%q", got)
	}
	if m.Count(wire.Supported) != 2 || string(m.Get(wire.Supported)) != "timer" {
		t.Errorf("%d, %q", m.Count(wire.Supported), m.Get(wire.Supported))
	}
}

func TestDropUnderAnySpelling(t *testing.T) {
	m := parsed(t, request(
		"P-Asserted-Identity: <sip:a@b>", "p-asserted-identity : <sip:a@b>", "P-ASSERTED-IDENTITY:\r\n <sip:a@b>,\r\n <tel:+1>",
		"Privacy: id", "Refer-To: <sip:a@b>", "r: <sip:a@b>", "X-Secret: 1", "Subject: kept"))
	out := m.AppendForward(nil, &wire.RequestEdit{
		Drop: wire.Of(wire.PAssertedIdentity, wire.Privacy, wire.ReferTo, wire.Other, wire.MaxForwards, wire.ContentLength), MaxForwards: 9,
	})
	want := append(slices.Clone(plain[1:6]), "Subject: kept", "Content-Length: 0", "Max-Forwards: 9")
	if got := headerList(parsed(t, out)); !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

func TestAllowList(t *testing.T) {
	keep := wire.Of(wire.Via, wire.From, wire.To, wire.CallID, wire.CSeq, wire.ContentLength)
	m := parsed(t, request("X: 1", "Subject: 2", "Contact: <sip:a@b>"))
	out := m.AppendForward(nil, &wire.RequestEdit{Drop: keep.Union(wire.Of(wire.Contact)).Not(), MaxForwards: 69})
	want := append(slices.Clone(plain[1:6]), "Contact: <sip:a@b>", "Content-Length: 0", "Max-Forwards: 69")
	if got := headerList(parsed(t, out)); !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

// TestMethodIsNotUpperCased: "invite" is another method than INVITE.
func TestMethodIsNotUpperCased(t *testing.T) {
	b := startLine("invite sip:a@b SIP/2.0")
	m := parsed(t, []byte(strings.Replace(string(b), "1 INVITE", "1 invite", 1)))
	if m.Method != wire.MethodOther || string(m.MethodText()) != "invite" {
		t.Errorf("%v %q", m.Method, m.MethodText())
	}
	sameAfterForward(t, m)
}

func TestResponseWhosePhraseStartsLikeAVersion(t *testing.T) {
	m := parsed(t, startLine("SIP/2.0 486 SIPbusy SIP/2.0"))
	if m.Request || m.Status != 486 || string(m.Phrase()) != "SIPbusy SIP/2.0" {
		t.Errorf("%v %d %q", m.Request, m.Status, m.Phrase())
	}
}

func TestLeadingCRLFAndSurplus(t *testing.T) {
	m := parsed(t, append(append([]byte("\r\n\r\n"), request()...), "surplus"...))
	if string(m.Raw) != string(request()) || len(m.Body()) != 0 {
		t.Errorf("%q", m.Raw)
	}
	m = parsed(t, append(without("Content-Length"), "body"...))
	if string(m.Body()) != "body" {
		t.Errorf("%q", m.Body())
	}
}

func TestViews(t *testing.T) {
	m := parsed(t, request("Max-Forwards: 00300", "CSeq: 0012\r\n INVITE", "To: <sip:a@b>;tag=t2"))
	if m.MaxForwards() != 255 || m.CSeq() != 12 || string(m.CSeqMethod()) != "INVITE" ||
		string(m.CallID()) != "c1@192.0.2.1" || string(m.ToTag()) != "t2" || m.Method != wire.Invite {
		t.Errorf("%d %d %q %q %q", m.MaxForwards(), m.CSeq(), m.CSeqMethod(), m.CallID(), m.ToTag())
	}
	m = parsed(t, without("Max-Forwards"))
	if m.MaxForwards() != -1 || m.ToTag() != nil {
		t.Errorf("%d %q", m.MaxForwards(), m.ToTag())
	}
}

// TestReused: a second Parse leaves nothing of the first.
func TestReused(t *testing.T) {
	var m, fresh wire.Message
	check(t, &m, request("Supported: a", "Route: <sip:h;lr>", "To: <sip:a@b>;tag=1"))
	check(t, &m, request())
	check(t, &fresh, request())
	m.TopVia()
	fresh.TopVia()
	if !reflect.DeepEqual(&m, &fresh) {
		t.Errorf("\n%+v\n%+v", m, fresh)
	}
}

func TestReceived(t *testing.T) {
	cases := []struct{ via, from, want string }{
		{"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", "192.0.2.1:5060", ""},
		{"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1", "192.0.2.1:7777", ""},
		{"SIP/2.0/UDP pbx.example;branch=z9hG4bK1", "192.0.2.1:7777", "SIP/2.0/UDP pbx.example;branch=z9hG4bK1;received=192.0.2.1"},
		{"SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;rport", "192.0.2.1:7777", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;received=192.0.2.1;rport=7777"},
		{"SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bK1", "192.0.2.1:7777", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;received=192.0.2.1;rport=7777"},
		{"SIP/2.0/UDP 192.0.2.1;received=6.6.6.6;branch=z9hG4bK1", "192.0.2.1:7777", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"},
		{"SIP/2.0/UDP h;received=6.6.6.6;x=1;rport=66 ;branch=z9hG4bK1, SIP/2.0/UDP i;rport;received=7.7.7.7", "192.0.2.1:7777",
			"SIP/2.0/UDP h;x=1 ;branch=z9hG4bK1;received=192.0.2.1;rport=7777, SIP/2.0/UDP i;rport;received=7.7.7.7"},
		{"SIP/2.0/UDP [2001:db8::1];branch=z9hG4bK1", "[2001:db8::1]:5060", ""},
		{"SIP/2.0/UDP [2001:db8::1];rport;branch=z9hG4bK1", "[2001:db8::2%eth0]:5060", "SIP/2.0/UDP [2001:db8::1];branch=z9hG4bK1;received=2001:db8::2;rport=5060"},
		{"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "[::ffff:192.0.2.1]:5060", ""},
		{"SIP/2.0/UDP 192.0.2.1;x=\";received=1,\";branch=z9hG4bK1;rport", "192.0.2.1:9",
			"SIP/2.0/UDP 192.0.2.1;x=\";received=1,\";branch=z9hG4bK1;received=192.0.2.1;rport=9"},
	}
	for _, c := range cases {
		m := parsed(t, request("Via: "+c.via))
		want := c.want
		if want == "" {
			want = c.via
		}
		from := netip.MustParseAddrPort(c.from)
		f := parsed(t, m.AppendForward(nil, &wire.RequestEdit{Received: from, MaxForwards: 69}))
		r := parsed(t, m.AppendReply(nil, &wire.Reply{Status: 200, Received: from}))
		for _, got := range []string{unfold(f.Get(wire.Via)), unfold(r.Get(wire.Via))} {
			if got != want {
				t.Errorf("%s from %s:\n got %s\nwant %s", c.via, c.from, got, want)
			}
		}
	}
}

func TestRoutes(t *testing.T) {
	routes := []string{"Route: <sip:a;lr>, \"x, y\" <sip:b;lr>,<sip:c,c@h;lr>", "ROUTE :\r\n <sip:d;lr>", "Subject: s", "Route: <sip:e;lr>"}
	all := []string{"<sip:a;lr>", `"x, y" <sip:b;lr>`, "<sip:c,c@h;lr>", "<sip:d;lr>", "<sip:e;lr>"}
	for n := range len(all) + 2 {
		m := parsed(t, lines(append(append(slices.Clone(plain), routes...), "")...))
		out := m.AppendForward(nil, &wire.RequestEdit{DropRoutes: n, MaxForwards: 1})
		if got := values(parsed(t, out), wire.Route); !slices.Equal(got, all[min(n, len(all)):]) {
			t.Errorf("without %d: %q", n, got)
		}
		out = m.AppendForward(nil, &wire.RequestEdit{DropRoutes: n, MaxForwards: 1, AppendRoute: []byte("<sip:z>"),
			URI: []byte("sip:b;lr"), RecordRoute: []byte("<sip:us;lr>"), Via: []byte("SIP/2.0/UDP us;branch=z9hG4bKx")})
		f := parsed(t, out)
		if got := values(f, wire.Route); !slices.Equal(got, append(slices.Clone(all[min(n, len(all)):]), "<sip:z>")) {
			t.Errorf("without %d and one more: %q", n, got)
		}
		if string(f.RequestURI()) != "sip:b;lr" || string(f.TopVia().SentBy) != "us" || f.ViaCount() != 2 {
			t.Errorf("%s", out)
		}
	}
}

func TestRecordRouteComesFirst(t *testing.T) {
	m := parsed(t, request("Record-Route: <sip:a;lr>", "record-route: <sip:b;lr>"))
	out := m.AppendForward(nil, &wire.RequestEdit{RecordRoute: []byte("<sip:us;lr>"), MaxForwards: 69})
	if got := values(parsed(t, out), wire.RecordRoute); !slices.Equal(got, []string{"<sip:us;lr>", "<sip:a;lr>", "<sip:b;lr>"}) {
		t.Errorf("%q", got)
	}
}

// TestValuesStayOnTheirLine: received text in an edit makes no header line.
func TestValuesStayOnTheirLine(t *testing.T) {
	m := parsed(t, request())
	const evil = "<sip:a>\r\n \tb\r\nX-Evil: 1\n\x00\r"
	out := m.AppendForward(nil, &wire.RequestEdit{
		URI: []byte("sip:a\r\nX-Evil:1"), Via: []byte("SIP/2.0/UDP h\r\nX-Evil: 1"), RecordRoute: []byte(evil), AppendRoute: []byte("<sip:a>"),
		Extra: wire.AppendHeader(nil, "Subject", []byte(evil)), MaxForwards: 69,
	})
	var f wire.Message
	if err := f.Parse(out); err != nil {
		t.Fatal(err)
	}
	if string(f.Get(wire.Subject)) != "<sip:a> bX-Evil: 1" || f.First(wire.Other) >= 0 {
		t.Errorf("%s", out)
	}
	out = m.AppendReply(nil, &wire.Reply{Status: 200, Phrase: "OK\r\nX-Evil: 1", ToTag: []byte("a\r\nX-Evil: 1")})
	if err := f.Parse(out); err != nil || f.First(wire.Other) >= 0 {
		t.Errorf("%s", out)
	}
}

func TestForwardResponse(t *testing.T) {
	head := []string{"SIP/2.0 200 Fine", "", "f: <sip:a@b>;tag=1", "t: <sip:c@d>;tag=2", "i: c", "CSeq: 1 INVITE", "Server: x"}
	vias := map[string][]string{
		"Via: SIP/2.0/UDP us;branch=z9hG4bK1\r\nv: SIP/2.0/UDP a;x=1":                       {"SIP/2.0/UDP a;x=1"},
		"Via: SIP/2.0/UDP us;branch=z9hG4bK1;x=\",\" , SIP/2.0/UDP a, SIP/2.0/UDP b":        {"SIP/2.0/UDP a", "SIP/2.0/UDP b"},
		"Via: SIP/2.0/UDP us;branch=z9hG4bK1\r\n ,\r\n SIP/2.0/UDP a\r\nVia: SIP/2.0/UDP b": {"SIP/2.0/UDP a", "SIP/2.0/UDP b"},
		"Via: SIP/2.0/UDP us;branch=z9hG4bK1":                                               nil,
	}
	for via, want := range vias {
		head[1] = via
		m := parsed(t, append(lines(append(head, "")...), "body"...))
		out := m.AppendForwardResponse(nil, &wire.ResponseEdit{Drop: wire.Of(wire.Server), Extra: []byte("Subject: y\r\n")})
		if want == nil {
			if out != nil {
				t.Errorf("%q: forwarded", via)
			}
			continue
		}
		f := parsed(t, out)
		if got := values(f, wire.Via); !slices.Equal(got, want) || f.First(wire.Server) >= 0 ||
			string(f.Get(wire.Subject)) != "y" || string(f.Body()) != "body" || string(f.Get(wire.ContentLength)) != "4" {
			t.Errorf("%q:\n%s", via, out)
		}
	}
}
