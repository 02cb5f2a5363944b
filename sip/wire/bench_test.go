package wire_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/pbx-interlink/interlink/sip/wire"
)

// ordinaryInvite is about 900 octets: what a PBX sends.
const ordinaryInvite = "INVITE sip:2001@brown.pbx.example.net SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.12:5060;branch=z9hG4bK-524287-1---fd2c8d5a7c0e4a11;rport\r\n" +
	"Max-Forwards: 70\r\n" +
	"Contact: <sip:1001@192.0.2.12:5060>\r\n" +
	"To: <sip:2001@brown.pbx.example.net>\r\n" +
	"From: \"Alice Smith\" <sip:1001@smith.pbx.example.net>;tag=4c1ea01d\r\n" +
	"Call-ID: 8c2a40f8b7e94f21a2b5@192.0.2.12\r\n" +
	"CSeq: 1 INVITE\r\n" +
	"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, UPDATE\r\n" +
	"Supported: replaces, timer\r\n" +
	"P-Asserted-Identity: <sip:1001@smith.pbx.example.net>\r\n" +
	"User-Agent: Example PBX 20.4\r\n" +
	"Content-Type: application/sdp\r\n" +
	"Content-Length: 233\r\n" +
	"\r\n" +
	"v=0\r\n" +
	"o=- 3913840921 3913840921 IN IP4 192.0.2.12\r\n" +
	"s=session\r\n" +
	"c=IN IP4 192.0.2.12\r\n" +
	"t=0 0\r\n" +
	"m=audio 14020 RTP/AVP 9 8 0 101\r\n" +
	"a=rtpmap:9 G722/8000\r\n" +
	"a=rtpmap:8 PCMA/8000\r\n" +
	"a=rtpmap:101 telephone-event/8000\r\n" +
	"a=fmtp:101 0-16\r\n" +
	"a=ptime:20\r\n" +
	"a=sendrecv\r\n"

var ordinaryEdit = wire.RequestEdit{
	URI:         []byte("sip:2001@192.0.2.77:5060"),
	Via:         []byte("SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKgw.8f3a2c1d90b7"),
	Received:    netip.MustParseAddrPort("192.0.2.12:5060"),
	RecordRoute: []byte("<sip:gw.example.net:5060;lr;il=0123456789abcdef>"),
	MaxForwards: 69,
	Drop:        wire.Of(wire.PAssertedIdentity, wire.PPreferredIdentity, wire.RemotePartyID, wire.Diversion, wire.Privacy),
	Extra:       []byte("P-Asserted-Identity: <sip:1001@smith.pbx.example.net>\r\n"),
}

func TestNothingAllocated(t *testing.T) {
	invite := []byte(ordinaryInvite)
	var m, r wire.Message
	buf, reply := make([]byte, 0, 4096), make([]byte, 0, 4096)
	check(t, &m, invite)
	if len(m.Body()) != 233 {
		t.Fatalf("body of %d octets", len(m.Body()))
	}
	allocs := testing.AllocsPerRun(200, func() {
		if m.Parse(invite) != nil || m.Validate() != nil {
			t.Fatal("refused")
		}
		routes := 0
		m.Each(wire.Allow, func([]byte) bool { routes++; return true })
		if routes != 8 {
			t.Fatal("Each")
		}
		if m.AppendForward(buf, &ordinaryEdit) == nil {
			t.Fatal("not forwarded")
		}
		ok := m.AppendReply(reply, &wire.Reply{Status: 200, ToTag: ordinaryEdit.Via[:4], Received: ordinaryEdit.Received})
		if r.Parse(ok) != nil || r.Validate() != nil {
			t.Fatal("reply refused")
		}
		r.AppendForwardResponse(buf, &wire.ResponseEdit{Drop: ordinaryEdit.Drop})
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkParse(b *testing.B) {
	invite := []byte(ordinaryInvite)
	var m wire.Message
	b.ReportAllocs()
	b.SetBytes(int64(len(invite)))
	for b.Loop() {
		if m.Parse(invite) != nil {
			b.Fatal("refused")
		}
	}
}

func BenchmarkParseValidate(b *testing.B) {
	invite := []byte(ordinaryInvite)
	var m wire.Message
	b.ReportAllocs()
	for b.Loop() {
		if m.Parse(invite) != nil || m.Validate() != nil {
			b.Fatal("refused")
		}
	}
}

func BenchmarkForward(b *testing.B) {
	invite := []byte(ordinaryInvite)
	var m wire.Message
	check(b, &m, invite)
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		m.AppendForward(buf, &ordinaryEdit)
	}
}

func BenchmarkParseValidateForward(b *testing.B) {
	invite := []byte(ordinaryInvite)
	var m wire.Message
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if m.Parse(invite) != nil || m.Validate() != nil {
			b.Fatal("refused")
		}
		m.AppendForward(buf, &ordinaryEdit)
	}
}

func BenchmarkReply(b *testing.B) {
	var m wire.Message
	check(b, &m, []byte(ordinaryInvite))
	buf := make([]byte, 0, 4096)
	reply := wire.Reply{Status: 100, Received: ordinaryEdit.Received}
	b.ReportAllocs()
	for b.Loop() {
		m.AppendReply(buf, &reply)
	}
}

// BenchmarkSipgo is the same message through sipgo's parser, for comparison.
func BenchmarkSipgo(b *testing.B) {
	invite := []byte(ordinaryInvite)
	parser := sip.NewParser()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parser.ParseSIP(invite); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHostile shows that the cost per octet does not grow with the size:
// compare the MB/s of the two sizes of each shape.
func BenchmarkHostile(b *testing.B) {
	shapes := map[string]string{
		"params":   ";a=b",
		"quotes":   `"`,
		"pairs":    `\`,
		"commas":   ",",
		"angles":   "<",
		"parens":   "(",
		"folds":    "\r\n a",
		"blanks":   " ",
		"bare LF":  "\n",
		"NULs":     "\x00",
		"headers":  "\r\na: b",
		"vias":     "\r\nv: SIP/2.0/UDP h",
		"via list": ", SIP/2.0/UDP h",
	}
	for name, piece := range shapes {
		for _, size := range []int{8 << 10, 60 << 10} {
			text := bytes.Replace([]byte(ordinaryInvite), []byte(";rport\r\n"),
				[]byte(";rport"+strings.Repeat(piece, size/len(piece))+"\r\n"), 1)
			b.Run(name+"/"+itoa(size>>10)+"k", func(b *testing.B) {
				var m wire.Message
				m.Limits = wire.Limits{Header: 1 << 20, Params: 1 << 20}
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					if m.Parse(text) == nil {
						m.Validate()
					}
					m.AppendReply(nil, &wire.Reply{Status: 400})
				}
			})
		}
	}
}
