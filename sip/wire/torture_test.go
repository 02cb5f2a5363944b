package wire_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/pbx-interlink/interlink/sip/wire"
)

const tortureDir = "../testdata/torture"

// accepted stands for nil from Parse and Validate; discard for any refusal of a
// response.
const (
	accepted = 0
	discard  = -1
)

// torture is what RFC 4475 and RFC 5118 ask of a proxy, as far as it is a
// matter of syntax. Loops, Proxy-Require, Max-Forwards of 0 (bext01, zeromf),
// broadcast sent-by (bcast) and what concerns registrars (regbadct) come later.
var torture = map[string]int{
	"rfc4475/wsinv.dat":         accepted,
	"rfc4475/intmeth.dat":       accepted,
	"rfc4475/esc01.dat":         accepted,
	"rfc4475/escnull.dat":       accepted,
	"rfc4475/esc02.dat":         accepted,
	"rfc4475/lwsdisp.dat":       accepted,
	"rfc4475/longreq.dat":       accepted,
	"rfc4475/dblreq.dat":        accepted,
	"rfc4475/semiuri.dat":       accepted,
	"rfc4475/transports.dat":    accepted,
	"rfc4475/mpart01.dat":       accepted,
	"rfc4475/unreason.dat":      accepted,
	"rfc4475/noreason.dat":      accepted,
	"rfc4475/badinv01.dat":      400,
	"rfc4475/clerr.dat":         400,
	"rfc4475/ncl.dat":           400,
	"rfc4475/scalar02.dat":      400,
	"rfc4475/scalarlg.dat":      discard,
	"rfc4475/quotbal.dat":       400,
	"rfc4475/ltgtruri.dat":      400,
	"rfc4475/lwsruri.dat":       400,
	"rfc4475/lwsstart.dat":      400,
	"rfc4475/trws.dat":          400,
	"rfc4475/escruri.dat":       400,
	"rfc4475/baddate.dat":       accepted,
	"rfc4475/regbadct.dat":      accepted,
	"rfc4475/badaspec.dat":      400,
	"rfc4475/baddn.dat":         400,
	"rfc4475/baddn-archive.dat": 400,
	"rfc4475/badvers.dat":       505,
	"rfc4475/mismatch01.dat":    400,
	"rfc4475/mismatch02.dat":    501,
	"rfc4475/bigcode.dat":       discard,
	"rfc4475/badbranch.dat":     accepted,
	"rfc4475/insuf.dat":         400,
	"rfc4475/unkscm.dat":        416,
	"rfc4475/novelsc.dat":       416,
	"rfc4475/unksm2.dat":        accepted,
	"rfc4475/bext01.dat":        accepted,
	"rfc4475/invut.dat":         accepted,
	"rfc4475/regaut01.dat":      accepted,
	"rfc4475/multi01.dat":       400,
	"rfc4475/mcl01.dat":         400,
	"rfc4475/bcast.dat":         accepted,
	"rfc4475/zeromf.dat":        accepted,
	"rfc4475/cparam01.dat":      accepted,
	"rfc4475/cparam02.dat":      accepted,
	"rfc4475/regescrt.dat":      accepted,
	"rfc4475/sdp01.dat":         accepted,
	"rfc4475/inv2543.dat":       accepted,

	"rfc5118/ipv6-good.dat":                     accepted,
	"rfc5118/ipv6-bad.dat":                      400,
	"rfc5118/port-ambiguous.dat":                accepted,
	"rfc5118/port-unambiguous.dat":              accepted,
	"rfc5118/via-received-param-with-delim.dat": accepted,
	"rfc5118/via-received-param-no-delim.dat":   accepted,
	"rfc5118/ipv6-in-sdp.dat":                   accepted,
	"rfc5118/mult-ip-in-header.dat":             accepted,
	"rfc5118/mult-ip-in-sdp.dat":                accepted,
	"rfc5118/ipv4-mapped-ipv6.dat":              accepted,
	"rfc5118/ipv6-bug-abnf-3-colons.dat":        accepted,
	"rfc5118/ipv6-correct-abnf-2-colons.dat":    accepted,
}

func readTorture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(tortureDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func tortureFiles(t testing.TB) []string {
	t.Helper()
	var names []string
	for _, rfc := range []string{"rfc4475", "rfc5118"} {
		files, err := filepath.Glob(filepath.Join(tortureDir, rfc, "*.dat"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			names = append(names, rfc+"/"+filepath.Base(f))
		}
	}
	return names
}

func TestTorture(t *testing.T) {
	files := tortureFiles(t)
	if len(files) != len(torture) {
		t.Errorf("%d files, %d rows", len(files), len(torture))
	}
	for _, name := range files {
		t.Run(name, func(t *testing.T) {
			want, ok := torture[name]
			if !ok {
				t.Fatal("no row in the table")
			}
			var m wire.Message
			invalid := check(t, &m, readTorture(t, name))
			switch {
			case want == accepted && invalid != nil:
				t.Fatalf("refused: %v", invalid)
			case want != accepted && invalid == nil:
				t.Fatal("accepted")
			case want > 0 && invalid.Status != want:
				t.Fatalf("%v, want %d", invalid, want)
			case want == accepted:
				sameAfterForward(t, &m)
			case want > 0:
				answerable(t, &m, invalid.Status)
			}
		})
	}
}

// check parses and validates. Something that is not SIP at all fails the test.
func check(t testing.TB, m *wire.Message, b []byte) *wire.Invalid {
	t.Helper()
	if err := m.Parse(b); err != nil {
		var invalid *wire.Invalid
		if !errors.As(err, &invalid) {
			t.Fatalf("Parse: %v", err)
		}
		return invalid
	}
	return m.Validate()
}

// sameAfterForward forwards m with nothing but a Via and Max-Forwards of our
// own (a response: with nothing but its top Via taken off) and compares header
// names, order, values and body.
func sameAfterForward(t *testing.T, m *wire.Message) {
	t.Helper()
	var out []byte
	var want []string
	for i := range m.Headers {
		want = append(want, headerText(m, i))
	}
	if m.Request {
		const via = "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKours"
		out = m.AppendForward(nil, &wire.RequestEdit{Via: []byte(via), MaxForwards: max(m.MaxForwards(), 0)})
		want = append([]string{"Via: " + via}, want...)
		if m.MaxForwards() < 0 {
			want = append(want, "Max-Forwards: 0")
		}
	} else {
		out = m.AppendForwardResponse(nil, &wire.ResponseEdit{})
		if m.ViaCount() < 2 {
			if out != nil {
				t.Fatal("forwarded without a Via")
			}
			return
		}
		want = append(want[:m.First(wire.Via)], want[m.First(wire.Via)+1:]...)
	}
	if m.First(wire.ContentLength) < 0 {
		want = append(want, "Content-Length: "+itoa(len(m.Body())))
	}
	f := wire.Message{Limits: wire.Limits{Headers: 255, Message: 1 << 20}} // we add some
	if invalid := check(t, &f, out); invalid != nil {
		t.Fatalf("forwarded text refused: %v\n%s", invalid, out)
	}
	var got []string
	for i := range f.Headers {
		got = append(got, headerText(&f, i))
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !sameHeader(got[i], want[i]) {
			t.Fatalf("header %d\n got %q\nwant %q", i, got, want)
		}
	}
	if !bytes.Equal(f.Body(), m.Body()) {
		t.Fatalf("body %q, want %q", f.Body(), m.Body())
	}
	if !bytes.Equal(firstLine(f.Raw), firstLine(m.Raw)) {
		t.Fatalf("start line %q, want %q", firstLine(f.Raw), firstLine(m.Raw))
	}
}

// sameHeader compares two header lines; Max-Forwards by its number.
func sameHeader(a, b string) bool {
	const mf = "max-forwards: "
	if len(a) > len(mf) && len(b) > len(mf) && equalFold(a[:len(mf)], mf) && equalFold(b[:len(mf)], mf) {
		return atoi(a[len(mf):]) == atoi(b[len(mf):])
	}
	return a == b
}

// answerable wants a reply to a refused request that can be read again, when
// there is a Via to send it to.
func answerable(t *testing.T, m *wire.Message, status int) {
	t.Helper()
	out := m.AppendReply(nil, &wire.Reply{Status: status, ToTag: []byte("t1")})
	if m.First(wire.Via) < 0 {
		if out != nil {
			t.Fatalf("a reply without a Via: %q", out)
		}
		return
	}
	var r wire.Message
	if err := r.Parse(out); err != nil {
		t.Fatalf("reply %q: %v", out, err)
	}
	if r.Request || r.Status != status || r.Count(wire.Via) != m.Count(wire.Via) {
		t.Fatalf("reply %q", out)
	}
}
