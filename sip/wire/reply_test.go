package wire_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/sip/wire"
)

func TestReply(t *testing.T) {
	m := parsed(t, request("v: SIP/2.0/UDP 192.0.2.9", "Record-Route: <sip:a;lr>, <sip:b;lr>", "Timestamp: 54", "Subject: x"))
	vias := []string{"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1"}
	core := []string{"From: <sip:1001@smith.example>;tag=f1", "To: <sip:2001@brown.example>", "Call-ID: c1@192.0.2.1", "CSeq: 1 INVITE"}
	tagged := slices.Clone(core)
	tagged[1] += ";tag=ours"
	more := []string{"v: SIP/2.0/UDP 192.0.2.9"}
	rr := append(slices.Clone(more), "Record-Route: <sip:a;lr>, <sip:b;lr>")
	cases := []struct {
		status int
		want   []string
	}{
		{100, slices.Concat(vias, core, more, []string{"Timestamp: 54", "Content-Length: 0"})},
		{180, slices.Concat(vias, tagged, rr, []string{"Content-Length: 0"})},
		{200, slices.Concat(vias, tagged, rr, []string{"Content-Length: 0"})},
		{404, slices.Concat(vias, tagged, more, []string{"Content-Length: 0"})},
	}
	for _, c := range cases {
		out := m.AppendReply(nil, &wire.Reply{Status: c.status, ToTag: []byte("ours")})
		r := parsed(t, out)
		if got := headerList(r); !slices.Equal(got, c.want) || r.Status != c.status || string(r.Phrase()) != wire.StatusPhrase(c.status) {
			t.Errorf("%d\n got %q\nwant %q", c.status, got, c.want)
		}
	}
	out := m.AppendReply([]byte("before"), &wire.Reply{Status: 486, Phrase: "Busy", Extra: []byte("Server: x\r\n"), Body: []byte("hello")})
	r := parsed(t, out[len("before"):])
	if string(r.Phrase()) != "Busy" || string(r.Get(wire.Server)) != "x" || string(r.Body()) != "hello" || r.ToTag() != nil {
		t.Errorf("%s", out)
	}
}

func TestReplyKeepsTheTagThatIsThere(t *testing.T) {
	for _, to := range []string{"To: <sip:a@b>;TAG = t", "t: sip:a@b;x=\"y\";tag=t"} {
		b := request(to)
		if to[0] == 't' {
			b = lines(append(slices.DeleteFunc(slices.Clone(plain), func(s string) bool { return s[:3] == "To:" }), to, "")...)
		}
		out := parsed(t, b).AppendReply(nil, &wire.Reply{Status: 200, ToTag: []byte("ours")})
		if r := parsed(t, out); string(r.ToTag()) != "t" {
			t.Errorf("%s", out)
		}
	}
}

func TestReplyToResponse(t *testing.T) {
	m := parsed(t, startLine("SIP/2.0 200 OK"))
	if out := m.AppendReply([]byte("x"), &wire.Reply{Status: 200}); string(out) != "x" {
		t.Errorf("%q", out)
	}
}

func TestStatusPhrase(t *testing.T) {
	for status, want := range map[int]string{404: "Not Found", 499: "Bad Request", 199: "Early Dialog Terminated", 150: "Session Progress",
		299: "OK", 399: "Multiple Choices", 599: "Server Internal Error", 699: "Busy Everywhere"} {
		if got := wire.StatusPhrase(status); got != want {
			t.Errorf("%d: %q", status, got)
		}
	}
}

// TestHop has the two requests that end at the next hop.
func TestHop(t *testing.T) {
	received := parsed(t, request("Route: <sip:us;lr>, <sip:next;lr>", "v: SIP/2.0/UDP 192.0.2.9", "Proxy-Require: x", "Contact: <sip:a@b>"))
	sent := parsed(t, received.AppendForward(nil, &wire.RequestEdit{
		Via: []byte("SIP/2.0/UDP gw:5060;branch=z9hG4bKgw"), DropRoutes: 1, AppendRoute: []byte("<sip:last;lr>"),
		URI: []byte("sip:2001@192.0.2.77"), MaxForwards: 69, Received: netip.MustParseAddrPort("192.0.2.1:1"),
	}))
	busy := parsed(t, sent.AppendReply(nil, &wire.Reply{Status: 486, ToTag: []byte("busy")}))
	common := []string{"Via: SIP/2.0/UDP gw:5060;branch=z9hG4bKgw", "From: <sip:1001@smith.example>;tag=f1", "To: <sip:2001@brown.example>", "Call-ID: c1@192.0.2.1"}

	ack := parsed(t, wire.AppendAck(nil, sent, busy))
	want := append(slices.Clone(common), "CSeq: 1 ACK", "Route: <sip:next;lr>", "Route: <sip:last;lr>", "Max-Forwards: 70", "Content-Length: 0")
	want[2] += ";tag=busy"
	if got := headerList(ack); !slices.Equal(got, want) || ack.Method != wire.Ack || string(ack.RequestURI()) != "sip:2001@192.0.2.77" {
		t.Errorf("%v\n got %q\nwant %q", ack.Method, got, want)
	}
	cancel := parsed(t, wire.AppendCancel(nil, sent))
	want[2], want[4] = common[2], "CSeq: 1 CANCEL"
	if got := headerList(cancel); !slices.Equal(got, want) || cancel.Method != wire.Cancel || string(cancel.RequestURI()) != "sip:2001@192.0.2.77" {
		t.Errorf("%v\n got %q\nwant %q", cancel.Method, got, want)
	}
}

// TestHopTakesOneVia: a comma list of Vias gives its first.
func TestHopTakesOneVia(t *testing.T) {
	sent := parsed(t, request("Via: SIP/2.0/UDP gw;branch=z9hG4bKgw,\r\n SIP/2.0/UDP other"))
	if cancel := parsed(t, wire.AppendCancel(nil, sent)); cancel.ViaCount() != 1 || string(cancel.TopVia().SentBy) != "gw" {
		t.Errorf("%s", cancel.Raw)
	}
}

// TestSentIsReadBeyondTheLimits: a request that just keeps the limits breaks
// them once our headers are in, and still gets its ACK and CANCEL.
func TestSentIsReadBeyondTheLimits(t *testing.T) {
	via := "Via: SIP/2.0/UDP h;branch=z9hG4bK1;rport" + strings.Repeat(";a=b", 62)
	long := "X: " + strings.Repeat("x", 8192-5)
	m := parsed(t, request(via, long, strings.Repeat("Y: z\r\n", 192)[:192*6-2]))
	out := m.AppendForward(nil, &wire.RequestEdit{
		Via: []byte("SIP/2.0/UDP gw;branch=z9hG4bKgw"), Received: netip.MustParseAddrPort("192.0.2.1:1"), MaxForwards: 69,
	})
	var sent, cancel wire.Message
	if err := sent.Parse(out); err == nil {
		t.Fatal("within the limits: the case is none")
	}
	if err := sent.ParseSent(out); err != nil {
		t.Fatal(err)
	}
	if e := sent.Validate(); e != nil {
		t.Fatal(e)
	}
	if e := check(t, &cancel, wire.AppendCancel(nil, &sent)); e != nil || cancel.CSeq() != m.CSeq() {
		t.Fatal(e)
	}
}
