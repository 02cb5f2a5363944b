package wire_test

import (
	"fmt"
	"testing"

	"github.com/pbx-interlink/interlink/sip/wire"
)

func TestParseURI(t *testing.T) {
	cases := map[string]string{ // scheme|user|password|host|port|params|headers|opaque, "" = refused
		"sip:2001@brown.example":                             "sip|2001||brown.example|0|||",
		"SIPS:2001@brown.example:5061;transport=tcp?a=b&c=d": "SIPS|2001||brown.example|5061|transport=tcp|a=b&c=d|",
		"sip:brown.example":                                  "sip|||brown.example|0|||",
		"sip:brown.example;lr":                               "sip|||brown.example|0|lr||",
		"sip:a:pass@h":                                       "sip|a|pass|h|0|||",
		"sip:a:pa;ss@h":                                      "",
		"sip:user;par=u%40example.net@example.com":           "sip|user;par=u%40example.net||example.com|0|||",
		"sip:trusted;p=@evil":                                "sip|trusted;p=||evil|0|||", // the grammar has no other reading
		"sip:trusted:5060;p=@evil":                           "",
		"sip:a@trusted;p=@evil":                              "",
		"sip:a@b@c":                                          "",
		"sip:*98#@h":                                         "sip|*98#||h|0|||",
		"sip:@h":                                             "sip|||h|0|||",
		"sip:[2001:db8::1]:5070;lr":                          "sip|||[2001:db8::1]|5070|lr||",
		"sip:[2001:db8::1":                                   "",
		"sip:[]":                                             "",
		"sip:[::1]x":                                         "",
		"sip:2001:db8::1":                                    "",
		"sip:h:":                                             "",
		"sip:h:0":                                            "",
		"sip:h:65535":                                        "sip|||h|65535|||",
		"sip:h:65536":                                        "",
		"sip:h:5060x":                                        "",
		"sip:":                                               "",
		"sip:a@":                                             "",
		"sip:a b@h":                                          "",
		"sip:a%4@h":                                          "",
		"sip:a%zz@h":                                         "",
		"sip:a@h;x=%4":                                       "",
		"sip:a@h;x=<y":                                       "",
		"sip:a\x00@h":                                        "",
		"sip:a@h\r\n":                                        "",
		"sip:\xc3\xbc@h":                                     "",
		"sip:a@h;;":                                          "sip|a||h|0|;||",
		"tel:+4930;phone-context=x":                          "tel|||||||+4930;phone-context=x",
		"soap.beep://192.0.2.103:3002":                       "soap.beep|||||||//192.0.2.103:3002",
		"mailto:a@b":                                         "mailto|||||||a@b",
		"tel:":                                               "",
		"5:x":                                                "",
		":x":                                                 "",
		"2001":                                               "",
		"":                                                   "",
		"<sip:a@b>":                                          "",
	}
	for text, want := range cases {
		u, err := wire.ParseURI([]byte(text))
		port := fmt.Sprint(u.Port)
		if u.Opaque != nil {
			port = ""
		}
		got := fmt.Sprintf("%s|%s|%s|%s|%s|%s|%s|%s", u.Scheme, u.User, u.Password, u.Host, port, u.Params, u.Headers, u.Opaque)
		if err != nil {
			got = ""
		}
		if got != want {
			t.Errorf("%q:\n got %q (%v)\nwant %q", text, got, err, want)
		}
	}
}

func TestURIParam(t *testing.T) {
	u, err := wire.ParseURI([]byte("sip:h;LR;maddr=a;MAddr=b;%6Come=1;empty="))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"lr": "", "maddr": "a", "lome": "1", "empty": ""} {
		if v, ok := u.Param(name); !ok || string(v) != want {
			t.Errorf("%s: %q %v", name, v, ok)
		}
	}
	for _, name := range []string{"l", "lrx", "a", "", "addr"} {
		if v, ok := u.Param(name); ok {
			t.Errorf("%s: %q", name, v)
		}
	}
}

func TestParseNameAddr(t *testing.T) {
	cases := map[string]string{ // display|uri|params, "" = refused
		`<sip:a@b>`:                      `|sip:a@b|`,
		`"A, \"B\" <x>" <sip:a@b>;tag=1`: `"A, \"B\" <x>"|sip:a@b|tag=1`,
		`A B<sip:a@b> ; x = "y;z" ; q`:   `A B|sip:a@b| x = "y;z" ; q`,
		`sip:a@b;tag=1`:                  `|sip:a@b|tag=1`,
		` <sip:a@b;lr>`:                  `|sip:a@b;lr|`,
		`Jörg <sip:a@b>`:                 `Jörg|sip:a@b|`,
		`Bell, Alexander <sip:a@b>`:      "",
		`"A <sip:a@b>`:                   "",
		`"A" sip:a@b`:                    "",
		`<sip:a@b`:                       "",
		`<>`:                             "",
		`< sip:a@b>`:                     "",
		"<sip:a\r\n @b>":                 "",
		`<sip:<a@b>`:                     "",
		`<sip:a@b>x`:                     "",
		`<sip:a@b>;`:                     "",
		`<sip:a@b>;;x`:                   "",
		`<sip:a@b>;x="`:                  "",
		`<sip:a@b>;x=a@b`:                "",
		`sip:a?b@c`:                      "",
		`sip:a@b,sip:c@d`:                "",
		`sip:a b`:                        "",
		`sip:a@b>`:                       "",
		``:                               "",
		`;tag=1`:                         "",
	}
	for text, want := range cases {
		n, err := wire.ParseNameAddr([]byte(text))
		got := fmt.Sprintf("%s|%s|%s", n.Display, n.URI, n.Params)
		if err != nil {
			got = ""
		}
		if got != want {
			t.Errorf("%q:\n got %q (%v)\nwant %q", text, got, err, want)
		}
	}
	n, err := wire.ParseNameAddr([]byte(`<sip:a@b>;x;TAG = 1;y="tag=2"`))
	tag, ok := n.Param("tag")
	x, okX := n.Param("x")
	_, okNone := n.Param("z")
	if err != nil || !ok || string(tag) != "1" || !okX || x != nil || okNone {
		t.Errorf("%v %q %v %q %v %v", err, tag, ok, x, okX, okNone)
	}
}

func TestUserEscapes(t *testing.T) {
	for user, want := range map[string]string{
		"2001": "2001", "2001;phone-context=x": "2001", "%32001": "2001", "a%3Bb;c": "a;b", "%00": "\x00", "": "", "+49": "+49",
	} {
		if got, ok := wire.UnescapeUser(nil, []byte(user)); !ok || string(got) != want {
			t.Errorf("%q: %q %v", user, got, ok)
		}
	}
	for _, user := range []string{"%", "%4", "a%4g", "%%41"} {
		if got, ok := wire.UnescapeUser(nil, []byte(user)); ok {
			t.Errorf("%q: %q", user, got)
		}
	}
	for c := range 256 {
		user := "a" + string([]byte{byte(c)}) + "z"
		uri := append(wire.AppendUser([]byte("sip:"), user), "@h"...)
		u, err := wire.ParseURI(uri)
		if err != nil || string(u.Host) != "h" {
			t.Fatalf("%q: %v", uri, err)
		}
		if back, ok := wire.UnescapeUser(nil, u.User); !ok || string(back) != user {
			t.Errorf("%q: back %q", uri, back)
		}
	}
	if got := string(wire.AppendUser(nil, "*98#")); got != "*98%23" {
		t.Errorf("%q", got)
	}
}

func TestAddr(t *testing.T) {
	for host, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "[2001:db8::1]": "2001:db8::1", "255.255.255.255": "255.255.255.255", "0.0.0.0": "0.0.0.0",
		"[::ffff:192.0.2.1]": "::ffff:192.0.2.1",
		"256.0.0.1":          "", "1.2.3": "", "1.2.3.4.5": "", "01.2.3.4": "", "h4": "", "h": "", "": "", "[]": "", "1.2.3.": "", "1..2.3": "",
	} {
		a, ok := wire.Addr([]byte(host))
		if got := a.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %s %v", host, got, ok)
		}
	}
}
