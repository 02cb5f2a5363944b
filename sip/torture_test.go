package sip

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/wire"
)

// anyNumber is a directory in which every number of whoever calls is at one
// trunk: what the torture messages are about is not the dial plan.
type anyNumber struct {
	callee *directory.Trunk
}

func (d anyNumber) Account(id directory.AccountID) *directory.Account {
	return &directory.Account{ID: id, Name: "any", Enabled: true, Version: 1}
}

func (d anyNumber) Number(directory.AccountID, string) (directory.Match, bool) {
	return directory.Match{ID: "num_any", Trunk: d.callee.ID, User: "callee"}, true
}
func (d anyNumber) Links(directory.AccountID, func(directory.Link) bool) {}
func (d anyNumber) Trunk(directory.TrunkID) *directory.Trunk             { return d.callee }
func (d anyNumber) TrunkBySource(netip.AddrPort) *directory.Trunk {
	return &directory.Trunk{ID: "trk_caller", Account: "acc_any"}
}
func (d anyNumber) LimitsOf(directory.AccountID) *directory.Limits { return nil }
func (d anyNumber) Fellows(directory.AccountID, string, func(directory.Fellow) bool) *directory.Federation {
	return nil
}
func (d anyNumber) PerMinute(directory.AccountID) (price, added int64, ok bool) { return 0, 0, false }
func (d anyNumber) Licensed(directory.AccountID) bool                           { return false }
func (d anyNumber) Denied(directory.AccountID, string) (string, directory.AccountID) {
	return "", ""
}

// openLedger admits everything.
type openLedger struct{}

func (openLedger) Admit(a *routing.Admission, s routing.Sink) {
	s.LedgerAnswers([]routing.Answer{{Lease: a.Lease, Verdict: routing.Admitted}})
}
func (openLedger) Confirm(routing.LeaseID, time.Duration, routing.Sink) {}
func (openLedger) Release(routing.LeaseID)                              {}
func (openLedger) Flush()                                               {}

type noJournal struct{}

func (noJournal) Write(*routing.CDR) {}

// What becomes of a message at the gateway, beside a status it is answered
// with.
const (
	forwarded = 0
	dropped   = -1
)

// tortured is the treatment each message of RFC 4475 and RFC 5118 gets from this
// gateway as a proxy. REGISTER is answered 405 where its syntax is fine: there
// is no registrar. OPTIONS without a user part is for the gateway itself.
var tortured = map[string]int{
	"rfc4475/wsinv":         forwarded,
	"rfc4475/intmeth":       forwarded,
	"rfc4475/esc01":         forwarded,
	"rfc4475/escnull":       405,
	"rfc4475/esc02":         404, // RE%47IST%45R is not REGISTER; its Request-URI has no user part: no number
	"rfc4475/lwsdisp":       forwarded,
	"rfc4475/longreq":       forwarded,
	"rfc4475/dblreq":        405,
	"rfc4475/semiuri":       forwarded,
	"rfc4475/transports":    forwarded,
	"rfc4475/mpart01":       forwarded,
	"rfc4475/unreason":      dropped, // matches no request of ours; see TestResponsePhrases
	"rfc4475/noreason":      dropped,
	"rfc4475/badinv01":      400,
	"rfc4475/clerr":         400,
	"rfc4475/ncl":           400,
	"rfc4475/scalar02":      400,
	"rfc4475/scalarlg":      dropped,
	"rfc4475/quotbal":       400,
	"rfc4475/ltgtruri":      400,
	"rfc4475/lwsruri":       400,
	"rfc4475/lwsstart":      400,
	"rfc4475/trws":          400,
	"rfc4475/escruri":       400,
	"rfc4475/baddate":       forwarded,
	"rfc4475/regbadct":      405,
	"rfc4475/badaspec":      400,
	"rfc4475/baddn":         400,
	"rfc4475/baddn-archive": 400,
	"rfc4475/badvers":       505,
	"rfc4475/mismatch01":    400,
	"rfc4475/mismatch02":    501,
	"rfc4475/bigcode":       dropped,
	"rfc4475/badbranch":     forwarded,
	"rfc4475/insuf":         400,
	"rfc4475/unkscm":        416,
	"rfc4475/novelsc":       416,
	"rfc4475/unksm2":        405,
	"rfc4475/bext01":        420,
	"rfc4475/invut":         forwarded,
	"rfc4475/regaut01":      405,
	"rfc4475/multi01":       400,
	"rfc4475/mcl01":         400,
	"rfc4475/bcast":         dropped,
	"rfc4475/zeromf":        200, // OPTIONS with no hop left may be answered
	"rfc4475/cparam01":      405,
	"rfc4475/cparam02":      405,
	"rfc4475/regescrt":      405,
	"rfc4475/sdp01":         forwarded,
	"rfc4475/inv2543":       forwarded,

	"rfc5118/ipv6-good":                     405,
	"rfc5118/ipv6-bad":                      400,
	"rfc5118/port-ambiguous":                405,
	"rfc5118/port-unambiguous":              405,
	"rfc5118/via-received-param-with-delim": 404, // no user part
	"rfc5118/via-received-param-no-delim":   200,
	"rfc5118/ipv6-in-sdp":                   forwarded,
	"rfc5118/mult-ip-in-header":             forwarded,
	"rfc5118/mult-ip-in-sdp":                forwarded,
	"rfc5118/ipv4-mapped-ipv6":              forwarded,
	"rfc5118/ipv6-bug-abnf-3-colons":        forwarded,
	"rfc5118/ipv6-correct-abnf-2-colons":    forwarded,
}

// bench is a gateway with a callee's socket.
type tortureBench struct {
	gateway netip.AddrPort
	callee  *net.UDPConn
}

func newTortureBench(t *testing.T) *tortureBench {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	callee := listenUDP(t, netip.MustParseAddrPort("127.0.0.1:0"))
	trunk := &directory.Trunk{ID: "trk_callee", Account: "acc_any", Addresses: []netip.AddrPort{addrOf(callee)}}
	srv, err := New(Config{
		Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, ClusterKey: []byte("0123456789abcdef"),
		Router: routing.NewRouter(anyNumber{trunk}), Ledger: openLedger{}, Journal: noJournal{}, Loops: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, s := range srv.shards {
			if n := s.count.dropped[dropPanic].Load(); n > 0 {
				t.Errorf("%d messages or events dropped by a panic", n)
			}
		}
	})
	return &tortureBench{srv.Addrs()[0], callee}
}

func addrOf(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

func listenUDP(t *testing.T, a netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// read returns the next datagram, or nil if there is none within a while.
func read(t *testing.T, c *net.UDPConn, wait time.Duration) []byte {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 65536)
	n, err := c.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// senderFor binds the port a message's responses go to (its Via's, or 5060) on
// a loopback address that no other message uses.
func senderFor(t *testing.T, i int, msg []byte) *net.UDPConn {
	t.Helper()
	var m wire.Message
	port := uint16(5060)
	_ = m.Parse(msg)
	if via := m.TopVia(); via != nil && via.Port > 0 {
		port = uint16(via.Port)
	}
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], 127<<24|uint32(os.Getpid()&0xffff)<<8|uint32(i))
	return listenUDP(t, netip.AddrPortFrom(netip.AddrFrom4(ip), port))
}

// TestTortureSocket sends every message through a real socket and holds the
// gateway to the table. That nothing more happens is shown by an OPTIONS sent
// behind it: its answer is the next thing to arrive.
func TestTortureSocket(t *testing.T) {
	files, err := filepath.Glob("testdata/torture/*/*.dat")
	if err != nil || len(files) != len(tortured) {
		t.Fatalf("%d files, %d rows, %v", len(files), len(tortured), err)
	}
	for i, f := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(f, "testdata/torture/"), ".dat")
		t.Run(name, func(t *testing.T) {
			want, ok := tortured[name]
			if !ok {
				t.Fatal("no row in the table")
			}
			msg, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			b := newTortureBench(t) // several files share what names a transaction
			sender := senderFor(t, i+1, msg)
			b.send(t, sender, msg)
			switch want {
			case forwarded:
				b.wantForwarded(t, sender, msg)
			case dropped:
				b.wantNothing(t, sender)
			default:
				b.wantStatus(t, sender, want)
			}
		})
	}
}

func (b *tortureBench) send(t *testing.T, c *net.UDPConn, msg []byte) {
	t.Helper()
	if _, err := c.WriteToUDPAddrPort(msg, b.gateway); err != nil {
		t.Fatal(err)
	}
}

const patience = 5 * time.Second

// wantForwarded reads what the callee got, compares it with what was sent and
// answers it, so that its transaction ends.
func (b *tortureBench) wantForwarded(t *testing.T, sender *net.UDPConn, sent []byte) {
	t.Helper()
	got := read(t, b.callee, patience)
	if got == nil {
		t.Fatalf("nothing was forwarded; the sender got %q", read(t, sender, time.Millisecond))
	}
	var in, out wire.Message
	for _, m := range []struct {
		*wire.Message
		raw []byte
	}{{&in, sent}, {&out, got}} {
		if err := m.Parse(m.raw); err != nil {
			t.Fatalf("%v in %q", err, m.raw)
		}
		if bad := m.Validate(); bad != nil {
			t.Fatalf("%v in %q", bad, m.raw)
		}
	}
	if !bytes.Equal(in.MethodText(), out.MethodText()) || !bytes.Equal(in.Body(), out.Body()) {
		t.Fatalf("method or body changed:\n%s", got)
	}
	// The rest, header by header, is compared in package wire; here the
	// gateway must have added what a proxy adds.
	if out.ViaCount() != in.ViaCount()+1 || !strings.Contains(string(out.TopVia().SentBy), b.gateway.String()) {
		t.Fatalf("our Via is missing:\n%s", got)
	}
	wantHops := in.MaxForwards() - 1
	if in.MaxForwards() < 0 {
		wantHops = 70
	}
	if out.MaxForwards() != wantHops {
		t.Fatalf("Max-Forwards %d, want %d", out.MaxForwards(), wantHops)
	}
	answer := out.AppendReply(nil, &wire.Reply{Status: 404, Phrase: "Not Here", ToTag: []byte("callee")})
	if _, err := b.callee.WriteToUDPAddrPort(answer, b.gateway); err != nil {
		t.Fatal(err)
	}
	b.wantStatus(t, sender, 404)
	if out.Method == wire.Invite {
		if ack := read(t, b.callee, patience); !bytes.HasPrefix(ack, []byte("ACK ")) {
			t.Fatalf("the callee's 404 was answered with %q", ack)
		}
		b.send(t, sender, ackOf(sent))
	}
}

// ackOf is the ACK to a non-2xx for an INVITE as the sender wrote it.
func ackOf(invite []byte) []byte {
	ack := bytes.Replace(invite, []byte("INVITE "), []byte("ACK "), 1)
	head, _, _ := bytes.Cut(ack, []byte("\r\n\r\n"))
	var out []byte
	for _, line := range bytes.SplitAfter(append(head, "\r\n"...), []byte("\r\n")) {
		name, _, _ := bytes.Cut(bytes.ToLower(line), []byte(":"))
		if n := string(bytes.TrimSpace(name)); n == "cseq" {
			line = bytes.Replace(line, []byte("INVITE"), []byte("ACK"), 1)
		} else if n == "content-length" || n == "l" || n == "content-type" || n == "c" {
			continue
		}
		out = append(out, line...)
	}
	return append(out, "\r\n"...)
}

// wantStatus reads responses up to the final one.
func (b *tortureBench) wantStatus(t *testing.T, sender *net.UDPConn, want int) {
	t.Helper()
	for {
		got := read(t, sender, patience)
		if got == nil {
			t.Fatalf("no final response; want %d", want)
		}
		if bytes.HasPrefix(got, []byte("SIP/2.0 100 ")) {
			continue
		}
		if !bytes.HasPrefix(got, fmt.Appendf(nil, "SIP/2.0 %d ", want)) {
			t.Fatalf("want %d, got:\n%s", want, got)
		}
		return
	}
}

// wantNothing shows that the gateway had nothing to say: the next thing that
// arrives is the answer to an OPTIONS sent behind the message.
func (b *tortureBench) wantNothing(t *testing.T, sender *net.UDPConn) {
	t.Helper()
	b.send(t, sender, fmt.Appendf(nil, "OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP probe;rport;branch=z9hG4bK-%s\r\n"+
		"From: <sip:probe@probe>;tag=1\r\nTo: <sip:probe@probe>\r\nCall-ID: probe-%[2]s\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n",
		b.gateway, strings.ReplaceAll(t.Name(), "/", "-")))
	got := read(t, sender, patience)
	if !bytes.Contains(got, []byte("CSeq: 1 OPTIONS")) || !bytes.Contains(got, []byte("Call-ID: probe-")) {
		t.Fatalf("want silence, got:\n%s", got)
	}
}

// TestResponsePhrases sends the reason phrases of RFC 4475 §3.1.1.12 and
// §3.1.1.13 through the gateway.
func TestResponsePhrases(t *testing.T) {
	b := newTortureBench(t)
	for i, f := range []struct{ file, status string }{
		{"unreason", "200"}, {"noreason", "180"}, // a 100 goes no further than one hop
	} {
		raw, err := os.ReadFile("testdata/torture/rfc4475/" + f.file + ".dat")
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := bytes.Cut(raw, []byte("\r\n"))
		phrase := string(line[len("SIP/2.0 100 "):])
		sender := senderFor(t, 200+i, nil)
		b.send(t, sender, fmt.Appendf(nil, "INVITE sip:1@%s SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK-%s\r\nFrom: <sip:a@x>;tag=1\r\n"+
			"To: <sip:1@x>\r\nCall-ID: phrase-%[2]s\r\nCSeq: 1 INVITE\r\nContact: <sip:a@x>\r\nMax-Forwards: 70\r\n\r\n", b.gateway, f.file))
		var req wire.Message
		if err := req.Parse(read(t, b.callee, patience)); err != nil || req.Validate() != nil {
			t.Fatal(err)
		}
		answer := req.AppendReply(nil, &wire.Reply{Status: 180, ToTag: []byte("c")})
		_, rest, _ := bytes.Cut(answer, []byte("\r\n"))
		answer = append([]byte("SIP/2.0 "+f.status+" "+phrase+"\r\n"), rest...)
		if _, err := b.callee.WriteToUDPAddrPort(answer, b.gateway); err != nil {
			t.Fatal(err)
		}
		for {
			got := read(t, sender, patience)
			if bytes.HasPrefix(got, []byte("SIP/2.0 100 Trying")) {
				continue
			}
			if want := "SIP/2.0 " + f.status + " " + phrase + "\r\n"; !bytes.HasPrefix(got, []byte(want)) {
				t.Fatalf("got %q, want it to begin %q", got, want)
			}
			break
		}
	}
}
