package wire_test

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/sip/wire"
)

var fuzzDrop = wire.Of(wire.PAssertedIdentity, wire.PPreferredIdentity, wire.RemotePartyID, wire.Privacy, wire.Diversion, wire.ReferredBy)

// fuzzEdit has our own Via with rport, so that what we send is also read.
var fuzzEdit = wire.RequestEdit{
	Via:         []byte("SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKours"),
	Received:    netip.MustParseAddrPort("192.0.2.200:4321"),
	RecordRoute: []byte("<sip:198.51.100.1;lr>"),
	DropRoutes:  1,
	MaxForwards: 69,
	Drop:        fuzzDrop,
	Extra:       []byte("P-Asserted-Identity: <sip:us@h>\r\n"),
}

// FuzzParse: nothing panics; what is accepted reads the same after it was
// forwarded; nothing that ends a line goes out in the middle of one.
func FuzzParse(f *testing.F) {
	for _, name := range tortureFiles(f) {
		f.Add(readTorture(f, name))
	}
	f.Add([]byte(ordinaryInvite))
	f.Add(request("P-Asserted-Identity: <sip:a@b>", "p-asserted-identity :\r\n <sip:a@b>", "Route: <sip:a;lr>, <sip:b>"))
	f.Add(startLine("SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP us;branch=z9hG4bK1, SIP/2.0/UDP a;rport=1"))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		var m wire.Message
		err := m.Parse(datagram)
		if errors.Is(err, wire.ErrNotSIP) {
			return
		}
		var invalid *wire.Invalid
		if err == nil {
			invalid = m.Validate()
		} else if !errors.As(err, &invalid) {
			t.Fatalf("Parse: %v", err)
		}
		readAll(&m)
		fuzzReply(t, &m, invalid)
		switch {
		case invalid != nil:
			if strings.ContainsAny(invalid.Error(), "\r\n\x00") || invalid.Status < 400 {
				t.Fatalf("%q", invalid)
			}
		case m.Request:
			fuzzForward(t, &m)
		default:
			fuzzResponse(t, &m)
		}
	})
}

// readAll calls every reader, for panics.
func readAll(m *wire.Message) {
	m.TopVia()
	m.MethodText()
	m.Phrase()
	for i := range m.Headers {
		m.Name(i)
		m.Each(m.Headers[i].ID, func(v []byte) bool {
			wire.ParseNameAddr(v)
			wire.ParseVia(v)
			return true
		})
	}
	if u, err := wire.ParseURI(m.RequestURI()); err == nil {
		u.Param("lr")
		wire.Addr(u.Host)
		wire.UnescapeUser(nil, u.User)
	}
}

// fuzzReply answers, and the answer must be a response with all the Vias.
func fuzzReply(t *testing.T, m *wire.Message, invalid *wire.Invalid) {
	out := m.AppendReply(nil, &wire.Reply{Status: 400, ToTag: []byte("ours"), Received: fuzzEdit.Received})
	if out == nil {
		return
	}
	noStray(t, out)
	var r wire.Message
	if err := r.ParseSent(out); err != nil {
		t.Fatalf("reply: %v\n%q", err, out)
	}
	if r.Count(wire.Via) != m.Count(wire.Via) || r.Status != 400 {
		t.Fatalf("reply %q", out)
	}
	if invalid == nil {
		if e := r.Validate(); e != nil {
			t.Fatalf("reply: %v\n%q", e, out)
		}
		want := string(m.ToTag())
		if want == "" {
			want = "ours"
		}
		if string(r.ToTag()) != want || !bytes.Equal(r.FromTag(), m.FromTag()) || !bytes.Equal(r.CallID(), m.CallID()) || r.CSeq() != m.CSeq() {
			t.Fatalf("reply %q", out)
		}
	}
}

func fuzzForward(t *testing.T, m *wire.Message) {
	out := m.AppendForward(nil, &fuzzEdit)
	f := reread(t, m, out)
	want := append([]string{string(fuzzEdit.Via)}, values(m, wire.Via)...)
	got := values(f, wire.Via)
	if len(got) != len(want) || got[0] != want[0] || !slices.Equal(got[2:], want[2:]) {
		t.Fatalf("Via %q, want %q", got, want)
	}
	second, err := wire.ParseVia([]byte(got[1]))
	if err != nil || !bytes.Equal(second.Branch, m.TopVia().Branch) || !bytes.Equal(second.SentBy, m.TopVia().SentBy) {
		t.Fatalf("Via %q, want %q", got, want)
	}
	if (m.TopVia().RPort >= 0) != (second.RPort == 4321) || string(second.Received) != "192.0.2.200" && string(second.Host) != "192.0.2.200" {
		t.Fatalf("Via %q", got)
	}
	if routes := values(m, wire.Route); !slices.Equal(values(f, wire.Route), routes[min(1, len(routes)):]) {
		t.Fatalf("Route %q, was %q", values(f, wire.Route), routes)
	}
	if f.MaxForwards() != 69 || !bytes.Equal(f.RequestURI(), m.RequestURI()) || !bytes.Equal(f.MethodText(), m.MethodText()) {
		t.Fatalf("%q", out)
	}
	for _, hop := range [][]byte{wire.AppendCancel(nil, f), wire.AppendAck(nil, f, f)} {
		noStray(t, hop)
		var h wire.Message
		if e := check(t, &h, hop); e != nil || h.ViaCount() != 1 || h.CSeq() != m.CSeq() {
			t.Fatalf("%v\n%q", e, hop)
		}
	}
}

func fuzzResponse(t *testing.T, m *wire.Message) {
	out := m.AppendForwardResponse(nil, &wire.ResponseEdit{Drop: fuzzDrop, Extra: []byte("P-Asserted-Identity: <sip:us@h>\r\n")})
	vias := values(m, wire.Via)
	if out == nil {
		if len(vias) > 1 {
			t.Fatal("not forwarded")
		}
		return
	}
	noStray(t, out)
	var f wire.Message
	if err := f.Parse(out); err != nil { // the next Via need not be good
		t.Fatalf("%v\n%q", err, out)
	}
	if !slices.Equal(values(&f, wire.Via), vias[1:]) || !bytes.Equal(f.Body(), m.Body()) || f.Status != m.Status {
		t.Fatalf("%q", out)
	}
	onlyOurs(t, &f)
}

// reread parses what was forwarded and compares what identifies it.
func reread(t *testing.T, m *wire.Message, out []byte) *wire.Message {
	noStray(t, out)
	f := new(wire.Message)
	if err := f.ParseSent(out); err != nil {
		t.Fatalf("%v\n%q", err, out)
	}
	if e := f.Validate(); e != nil {
		t.Fatalf("%v\n%q", e, out)
	}
	if !bytes.Equal(f.FromTag(), m.FromTag()) || !bytes.Equal(f.ToTag(), m.ToTag()) || !bytes.Equal(f.CallID(), m.CallID()) ||
		f.CSeq() != m.CSeq() || !bytes.Equal(f.CSeqMethod(), m.CSeqMethod()) || !bytes.Equal(f.Body(), m.Body()) {
		t.Fatalf("%q", out)
	}
	onlyOurs(t, f)
	return f
}

// onlyOurs wants the dropped headers gone, but for the one we added. It looks
// by name in the text, not by id.
func onlyOurs(t *testing.T, f *wire.Message) {
	n := 0
	for i := range f.Headers {
		switch strings.ToLower(string(f.Name(i))) {
		case "p-asserted-identity":
			n++
		case "p-preferred-identity", "remote-party-id", "privacy", "diversion", "referred-by", "b":
			t.Fatalf("not dropped:\n%q", f.Raw)
		}
	}
	if n != 1 || string(f.Get(wire.PAssertedIdentity)) != "<sip:us@h>" {
		t.Fatalf("%d P-Asserted-Identity:\n%q", n, f.Raw)
	}
}

// noStray wants no CR or LF but in CRLF, no empty line but the last of the
// section, and NUL only after a backslash. It is written without the parser.
func noStray(t *testing.T, out []byte) {
	head, _, ok := bytes.Cut(out, []byte("\r\n\r\n"))
	if !ok {
		t.Fatalf("no end of headers: %q", out)
	}
	for i, line := range strings.Split(string(head), "\r\n") {
		if strings.ContainsAny(line, "\r\n") || strings.Contains(strings.ReplaceAll(line, "\\\x00", ""), "\x00") {
			t.Fatalf("stray octet in line %d: %q", i, line)
		}
		if i > 0 && strings.TrimLeft(line, " \t") == "" {
			t.Fatalf("blank line %d: %q", i, out)
		}
	}
}

// FuzzAddress: what ParseNameAddr and ParseURI accept is made of the input's
// parts, and a user part survives the way out and back.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{`"A \"b\"" <sip:a;x@[::1]:5060;lr?h=v>;tag=1`, "sip:a:b@c;p=%41", "tel:+1", "A <sips:%00@h>;x=\"y;z\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := wire.ParseNameAddr(b)
		if err != nil {
			return
		}
		n.Param("tag")
		if bytes.ContainsAny(n.URI, " \t\r\n<>\"\x00") {
			t.Fatalf("URI %q", n.URI)
		}
		u, err := wire.ParseURI(n.URI)
		if err != nil || !u.IsSIP() {
			return
		}
		if len(u.Host) == 0 || bytes.ContainsAny(u.Host, "@;?<>") || bytes.ContainsAny(u.Params, "@?<>") {
			t.Fatalf("%q: %+v", n.URI, u)
		}
		user, ok := wire.UnescapeUser(nil, u.User)
		if !ok {
			t.Fatalf("user %q", u.User)
		}
		back, ok := wire.UnescapeUser(nil, wire.AppendUser(nil, string(user)))
		if !ok || !bytes.Equal(back, user) {
			t.Fatalf("user %q back %q", user, back)
		}
	})
}
