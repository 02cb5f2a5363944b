package wire_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/sip/wire"
)

// plain is a request on which the cases below make one change.
var plain = []string{
	"INVITE sip:2001@brown.example SIP/2.0",
	"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1",
	"From: <sip:1001@smith.example>;tag=f1",
	"To: <sip:2001@brown.example>",
	"Call-ID: c1@192.0.2.1",
	"CSeq: 1 INVITE",
	"Max-Forwards: 70",
	"Content-Length: 0",
}

// request is plain with the lines changed: one with the same header name (the
// text to its colon) is replaced, others are added before Content-Length.
func request(changes ...string) []byte {
	text := slices.Clone(plain)
	for _, c := range changes {
		name, _, _ := strings.Cut(c, ":")
		i := slices.IndexFunc(text[1:], func(s string) bool { return strings.HasPrefix(s, name+":") })
		if i >= 0 {
			text[i+1] = c
		} else {
			text = slices.Insert(text, len(text)-1, c)
		}
	}
	return lines(append(text, "")...)
}

// without is plain without the header.
func without(name string) []byte {
	return lines(append(slices.DeleteFunc(slices.Clone(plain), func(s string) bool {
		return strings.HasPrefix(s, name+":")
	}), "")...)
}

func startLine(s string) []byte {
	return lines(append([]string{s}, append(slices.Clone(plain[1:]), "")...)...)
}

// TestRefused has what another reader of the same octets could take for
// something else, and what RFC 3261 §16.3 refuses.
func TestRefused(t *testing.T) {
	many := func(n int, f func(i int) string) string {
		var s strings.Builder
		for i := range n {
			s.WriteString(f(i))
		}
		return s.String()
	}
	cases := map[string]struct {
		message []byte
		status  int
		field   string
	}{
		"plain":                       {request(), 0, ""},
		"bare LF in a value":          {request("Subject: a\nP-Asserted-Identity: <sip:x@y>"), 400, ""},
		"bare CR in a value":          {request("Subject: a\rP-Asserted-Identity: <sip:x@y>"), 400, ""},
		"NUL in a value":              {request("Subject: a\x00b"), 400, ""},
		"NUL in a quoted string":      {request("Subject: \"a\x00b\""), 400, ""},
		"NUL in a quoted-pair":        {request("Subject: \"a\\\x00b\""), 0, ""},
		"NUL after an escaped quote":  {request("Subject: \"a\" \\\x00"), 400, ""},
		"NUL, quote not closed":       {request("Subject: \"a\\\x00b"), 400, ""},
		"NUL in the start line":       {startLine("INVITE sip:a\x00@b SIP/2.0"), 400, ""},
		"LF in the start line":        {startLine("INVITE sip:a@b\n SIP/2.0"), 400, ""},
		"LF LF as the end":            {bytes.Replace(request(), []byte("70\r\n"), []byte("70\n\n"), 1), 400, ""},
		"LF line ends":                {bytes.ReplaceAll(request(), []byte("1\r\n"), []byte("1\n")), 400, ""},
		"CR CR LF":                    {request("Subject: a\r"), 400, ""},
		"fold of white space":         {request("Subject: a\r\n \r\n b"), 400, ""},
		"fold of the start line":      {startLine("INVITE sip:a@b SIP/2.0\r\n x"), 400, ""},
		"no header name":              {request(": x"), 400, ""},
		"no colon":                    {lines(append(slices.Clone(plain), "Subject", "")...), 400, ""},
		"bad header name":             {request("Sub(ject: x"), 400, ""},
		"name folded before colon":    {lines(append(slices.Clone(plain), "Subject\r\n : x", "")...), 400, ""},
		"no end of headers":           {lines(plain...), 400, ""},
		"two Content-Length":          {request("l: 0"), 400, "Content-Length"},
		"two Content-Length, spelled": {request("content-length : 5"), 400, "Content-Length"},
		"list in Content-Length":      {request("Content-Length: 0, 0"), 400, "Content-Length"},
		"signed Content-Length":       {request("Content-Length: +0"), 400, "Content-Length"},
		"empty Content-Length":        {request("Content-Length:"), 400, "Content-Length"},
		"huge Content-Length":         {request("Content-Length: 18446744073709551616"), 400, "Content-Length"},
		"two From":                    {request("f: <sip:x@y>;tag=2"), 400, "From"},
		"two To":                      {request("t: <sip:x@y>"), 400, "To"},
		"two Call-ID":                 {request("i: c1@192.0.2.1"), 400, "Call-ID"},
		"two CSeq":                    {request("cSeq: 1 INVITE"), 400, "CSeq"},
		"two Max-Forwards":            {request("max-forwards: 70"), 400, "Max-Forwards"},
		"no Via":                      {without("Via"), 400, "Via"},
		"no From":                     {without("From"), 400, "From"},
		"no To":                       {without("To"), 400, "To"},
		"no Call-ID":                  {without("Call-ID"), 400, "Call-ID"},
		"no CSeq":                     {without("CSeq"), 400, "CSeq"},
		"64 parameters":               {request("X: a" + many(64, func(int) string { return ";a=b" })), 0, ""},
		"65 parameters":               {request("X: a" + many(65, func(int) string { return ";a=b" })), 400, ""},
		"65 in <>":                    {request("Route: <sip:a" + many(65, func(int) string { return ";,a" }) + ">"), 400, "Route"},
		"65 over a list":              {request("X: a" + many(65, func(int) string { return ";a=b, c" })), 0, ""},
		"65 semicolons quoted":        {request("X: \"" + many(65, func(int) string { return ";" }) + "\""), 0, ""},
		"header of 8 kB":              {request("X: " + strings.Repeat("x", 8192-5)), 0, ""},
		"header over 8 kB":            {request("X: " + strings.Repeat("x", 8192-4)), 400, ""},
		"200 headers":                 {request(many(193, func(int) string { return "X: y\r\n" })[:193*6-2]), 0, ""},
		"201 headers":                 {request(many(194, func(int) string { return "X: y\r\n" })[:194*6-2]), 400, ""},
		"over 64 kB":                  {append(without("Content-Length"), make([]byte, 65536)...), 513, ""},
		"version":                     {startLine("INVITE sip:a@b SIP/3.0"), 505, ""},
		"version is no number":        {startLine("INVITE sip:a@b SIP/2.x"), 400, "Request-Line"},
		"text after the version":      {startLine("INVITE sip:a@b SIP/2.0 SIP/2.0"), 400, "Request-Line"},
		"no Request-URI":              {startLine("INVITE  SIP/2.0"), 400, "Request-Line"},
		"tel":                         {startLine("INVITE tel:+4930123 SIP/2.0"), 416, "Request-URI"},
		"no scheme":                   {startLine("INVITE 2001@brown.example SIP/2.0"), 400, "Request-URI"},
		"two @":                       {startLine("INVITE sip:trusted@a@evil SIP/2.0"), 400, "Request-URI"},
		"@ in a parameter after port": {startLine("INVITE sip:trusted:5060;p=@evil SIP/2.0"), 400, "Request-URI"},
		"bad escape":                  {startLine("INVITE sip:a%4@b SIP/2.0"), 400, "Request-URI"},
		"headers in the Request-URI":  {startLine("INVITE sip:a@b?Subject=x SIP/2.0"), 400, "Request-URI"},
		"CSeq of another method":      {request("CSeq: 1 BYE"), 400, "CSeq"},
		"CSeq in another case":        {request("CSeq: 1 invite"), 400, "CSeq"},
		"unknown and another":         {startLine("FETCH sip:a@b SIP/2.0"), 501, "CSeq"},
		"method in small letters":     {startLine("invite sip:a@b SIP/2.0"), 501, "CSeq"},
		"CSeq of 2^31":                {request("CSeq: 2147483648 INVITE"), 400, "CSeq"},
		"CSeq of 2^31-1":              {request("CSeq: 2147483647 INVITE"), 0, ""},
		"CSeq without LWS":            {request("CSeq: 1INVITE"), 400, "CSeq"},
		"CSeq and more":               {request("CSeq: 1 INVITE x"), 400, "CSeq"},
		"Max-Forwards text":           {request("Max-Forwards: seventy"), 400, "Max-Forwards"},
		"Expires text":                {request("Expires: soon"), 400, "Expires"},
		"Via without sent-by":         {request("Via: SIP/2.0/UDP ;branch=z9hG4bK1"), 400, "Via"},
		"Via of another version":      {request("Via: SIP/3.0/UDP h;branch=z9hG4bK1"), 400, "Via"},
		"Via with port 0":             {request("Via: SIP/2.0/UDP h:0;branch=z9hG4bK1"), 400, "Via"},
		"Via with two branches":       {request("Via: SIP/2.0/UDP h;branch=z9hG4bK1;Branch=z9hG4bK2"), 400, "Via"},
		"empty Via":                   {request("v:"), 400, "Via"},
		"empty Via in a list":         {request("Via: SIP/2.0/UDP h;branch=z9hG4bK1,"), 400, "Via"},
		"two From tags":               {request("From: <sip:a@b>;tag=1;TAG=2"), 400, "From"},
		"empty From tag":              {request("From: <sip:a@b>;tag="), 400, "From"},
		"quoted tag":                  {request("From: <sip:a@b>;tag=\"x\""), 400, "From"},
		"two From in a list":          {request("From: <sip:a@b>;tag=1, <sip:c@d>;tag=2"), 400, "From"},
		"no From tag":                 {request("From: <sip:a@b>"), 0, ""},
		"To without end":              {request("To: <sip:evil"), 400, "To"},
		"To with text after <>":       {request("To: <sip:a@b> x"), 400, "To"},
		"empty Call-ID":               {request("Call-ID:"), 400, "Call-ID"},
		"Call-ID with a space":        {request("Call-ID: a b"), 400, "Call-ID"},
		"Route without end":           {request("Route: <sip:evil"), 400, "Route"},
		"Route without <>":            {request("Route: sip:h;lr"), 400, "Route"},
		"empty Route":                 {request("Route: <sip:h;lr>,,<sip:i;lr>"), 400, "Route"},
		"IPv6 without brackets":       {request("Via: SIP/2.0/UDP 2001:db8::1;branch=z9hG4bK1"), 400, "Via"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var m wire.Message
			invalid := check(t, &m, c.message)
			switch {
			case invalid == nil && c.status != 0:
				t.Fatalf("accepted, want %d", c.status)
			case invalid == nil:
				sameAfterForward(t, &m)
				return
			case invalid.Status != c.status || c.field != "" && invalid.Field != c.field:
				t.Fatalf("%v, want %d %s", invalid, c.status, c.field)
			}
			answerable(t, &m, invalid.Status)
			if out := m.AppendReply(nil, &wire.Reply{Status: 400}); bytes.Contains(out, []byte("P-Asserted-Identity")) {
				t.Errorf("smuggled into the reply: %q", out)
			}
		})
	}
}

// TestRefusedByParseIsNotForwarded: what is not understood goes nowhere.
func TestRefusedByParseIsNotForwarded(t *testing.T) {
	var m wire.Message
	var invalid *wire.Invalid
	if err := m.Parse(request("Subject: a\nb")); !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	if out := m.AppendForward(nil, &wire.RequestEdit{}); out != nil {
		t.Errorf("forwarded %q", out)
	}
}

// TestTaintedVia: with the top Via unreadable the next one must not take its
// place, or the reply would go to a place the sender chose.
func TestTaintedVia(t *testing.T) {
	for _, first := range []string{"Via: SIP/2.0/UDP a\nb", "v: SIP/2.0/UDP a\x00", "VIA : SIP/2.0/UDP a\rb", "Via: SIP/2.0/UDP a\r\n "} {
		var m wire.Message
		check(t, &m, lines(append([]string{plain[0], first}, append(plain[1:], "")...)...))
		if out := m.AppendReply(nil, &wire.Reply{Status: 400}); out != nil {
			t.Errorf("%q: reply %q", first, out)
		}
	}
}

func TestNotSIP(t *testing.T) {
	for _, s := range []string{
		"", "\r\n\r\n", "\r\n", "\x00\x00\x00\x00", "jaK", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"INVITE sip:a@b SIP/2.0", "INVITE\r\n\r\n", " INVITE sip:a@b SIP/2.0\r\n\r\n", "SIP/2.0\r\n\r\n", "SIP/x 200 OK\r\n\r\n",
		"\x80\x60\x00\x01RTP\r\n", "\n\n\n", "a\nb", "SIP/2.0 SIP/2.0\r\n",
	} {
		var m wire.Message
		err := m.Parse([]byte(s))
		if s == "SIP/2.0 SIP/2.0\r\n" { // a response, of a sort
			var invalid *wire.Invalid
			if !errors.As(err, &invalid) {
				t.Errorf("%q: %v", s, err)
			}
			continue
		}
		if !errors.Is(err, wire.ErrNotSIP) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// TestErrorsHoldNoText: what the sender wrote does not reach logs and phrases.
func TestErrorsHoldNoText(t *testing.T) {
	for _, c := range []string{"From: \"SECRET <sip:a@b>", "Subject: SECRET\n", "CSeq: SECRET", "SEC(RET: x", "Via: SECRET"} {
		var m wire.Message
		invalid := check(t, &m, request(c))
		if invalid == nil || strings.Contains(invalid.Error(), "SEC") {
			t.Errorf("%q: %v", c, invalid)
		}
	}
}
