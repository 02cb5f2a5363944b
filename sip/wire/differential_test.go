package wire_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"github.com/emiago/sipgo/sip"
	"pgregory.net/rapid"

	"github.com/pbx-interlink/interlink/sip/wire"
)

// TestAgreesWithSipgo: on plain messages, without the spellings in which sipgo
// errs, two parsers that share nothing read the same; and so they do of what we
// forward and answer.
func TestAgreesWithSipgo(t *testing.T) {
	parser := sip.NewParser()
	rapid.Check(t, func(t *rapid.T) {
		m := agree(t, parser, drawPlain(t))
		if !m.Request {
			return
		}
		from := netip.MustParseAddrPort("192.0.2.99:9999")
		agree(t, parser, m.AppendForward(nil, &wire.RequestEdit{
			Via: []byte("SIP/2.0/UDP us:5060;branch=z9hG4bKours"), Received: from, MaxForwards: 69,
			RecordRoute: []byte("<sip:us;lr>"), URI: []byte("sip:target@192.0.2.77:5070"),
		}))
		agree(t, parser, m.AppendReply(nil, &wire.Reply{Status: 486, ToTag: []byte("ours"), Received: from}))
		agree(t, parser, wire.AppendCancel(nil, m))
	})
}

// drawPlain draws a request or response as careful software writes it.
func drawPlain(t *rapid.T) []byte {
	word := rapid.StringMatching(`[a-z][a-z0-9-]{0,12}[a-z0-9]`)
	host := rapid.OneOf(rapid.StringMatching(`[a-z][a-z0-9]{0,9}\.example`), rapid.StringMatching(`192\.0\.2\.[1-9]`))
	port := rapid.SampledFrom([]string{"", ":5060", ":65535", ":1"})
	uri := func(label string) string {
		return "sip:" + word.Draw(t, label) + "@" + host.Draw(t, label) + port.Draw(t, label)
	}
	method := rapid.SampledFrom([]string{"INVITE", "ACK", "BYE", "OPTIONS", "REGISTER", "UPDATE", "INFO"}).Draw(t, "method")
	var b bytes.Buffer
	if rapid.Bool().Draw(t, "request") {
		fmt.Fprintf(&b, "%s %s SIP/2.0\r\n", method, uri("request-uri"))
	} else {
		fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", rapid.IntRange(100, 699).Draw(t, "status"), word.Draw(t, "phrase"))
	}
	for range rapid.IntRange(1, 4).Draw(t, "vias") {
		fmt.Fprintf(&b, "Via: SIP/2.0/%s %s%s;branch=z9hG4bK%s", rapid.SampledFrom([]string{"UDP", "TCP", "TLS"}).Draw(t, "transport"),
			host.Draw(t, "sent-by"), port.Draw(t, "sent-by"), word.Draw(t, "branch"))
		b.WriteString(rapid.SampledFrom([]string{"", ";rport", ";rport=5061;received=192.0.2.3"}).Draw(t, "params") + "\r\n")
	}
	fmt.Fprintf(&b, "From: \"%s\" <%s>;tag=%s\r\n", word.Draw(t, "display"), uri("from"), word.Draw(t, "tag"))
	fmt.Fprintf(&b, "To: <%s>%s\r\n", uri("to"), rapid.SampledFrom([]string{"", ";tag=abc"}).Draw(t, "to-tag"))
	fmt.Fprintf(&b, "Call-ID: %s@%s\r\nCSeq: %d %s\r\n", word.Draw(t, "call-id"), host.Draw(t, "call-id"), rapid.Uint32Range(0, 1<<31-1).Draw(t, "cseq"), method)
	fmt.Fprintf(&b, "Max-Forwards: %d\r\n", rapid.IntRange(0, 255).Draw(t, "max-forwards"))
	for range rapid.IntRange(0, 5).Draw(t, "others") {
		name := rapid.SampledFrom([]string{"Supported", "Allow", "User-Agent", "X-Custom", "P-Asserted-Identity", "Subject"}).Draw(t, "name")
		fmt.Fprintf(&b, "%s: %s\r\n", name, word.Draw(t, "value"))
	}
	body := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "body")
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.Bytes()
}

// agree reads text with both and compares.
func agree(t *rapid.T, parser *sip.Parser, text []byte) *wire.Message {
	m := new(wire.Message)
	if err := m.Parse(text); err != nil {
		t.Fatalf("Parse: %v\n%s", err, text)
	}
	if e := m.Validate(); e != nil {
		t.Fatalf("Validate: %v\n%s", e, text)
	}
	theirs, err := parser.ParseSIP(text)
	if err != nil {
		t.Fatalf("sipgo: %v\n%s", err, text)
	}
	sameReading(t, m, theirs)
	return m
}

func sameReading(t *rapid.T, m *wire.Message, theirs sip.Message) {
	same := func(what string, ours, others any) {
		if fmt.Sprint(ours) != fmt.Sprint(others) {
			t.Fatalf("%s: %v, sipgo %v\n%s", what, ours, others, m.Raw)
		}
	}
	switch x := theirs.(type) {
	case *sip.Request:
		same("request", m.Request, true)
		same("method", string(m.MethodText()), x.Method)
		same("Request-URI", string(m.RequestURI()), x.Recipient.String())
		same("Max-Forwards", m.MaxForwards(), x.MaxForwards().Val())
	case *sip.Response:
		same("request", m.Request, false)
		same("status", m.Status, x.StatusCode)
		same("phrase", string(m.Phrase()), x.Reason)
	}
	via := theirs.Via()
	branch, _ := via.Params.Get("branch")
	received, _ := via.Params.Get("received")
	same("sent-by", string(m.TopVia().SentBy), via.SentBy())
	same("transport", string(m.TopVia().Transport), via.Transport)
	same("branch", string(m.TopVia().Branch), branch)
	same("received", string(m.TopVia().Received), received)
	same("Via values", m.ViaCount(), len(theirs.GetHeaders("Via")))
	same("Call-ID", string(m.CallID()), theirs.CallID().Value())
	same("CSeq", fmt.Sprint(m.CSeq(), " ", string(m.CSeqMethod())), theirs.CSeq().Value())
	fromTag, _ := theirs.From().Params.Get("tag")
	toTag, _ := theirs.To().Params.Get("tag")
	same("From tag", string(m.FromTag()), fromTag)
	same("To tag", string(m.ToTag()), toTag)
	same("body", m.Body(), theirs.Body())
	var theirHeaders []string
	for _, h := range theirs.(interface{ Headers() []sip.Header }).Headers() {
		theirHeaders = append(theirHeaders, h.Name()+": "+h.Value())
	}
	same("headers", headerList(m), theirHeaders)
}
