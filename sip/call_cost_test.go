package sip

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/transport"
	"github.com/pbx-interlink/interlink/sip/wheel"
)

// callBench takes whole calls through one shard in memory: no loop runs, and
// what is sent goes to sockets that nobody reads. The messages are templates
// whose changing parts are written over, so that all that is allocated is the
// shard's.
type callBench struct {
	s              *shard
	caller, callee netip.AddrPort
	now, pace      time.Duration // of the timers; pace is half of what a call takes
	calls          uint64
	packet         transport.Packet
	invite, ringing, answer,
	ack, bye, done template
	// between is written before each message, which then took so long.
	between []byte
	took    time.Duration
}

// promptLedger answers at once, from the memory it has.
type promptLedger struct{ answer [1]routing.Answer }

func (l *promptLedger) Admit(a *routing.Admission, s routing.Sink) {
	l.answer[0] = routing.Answer{Lease: a.Lease, Verdict: routing.Admitted}
	s.LedgerAnswers(l.answer[:])
}

func (l *promptLedger) Confirm(id routing.LeaseID, _ time.Duration, s routing.Sink) {
	l.answer[0] = routing.Answer{Lease: id, Verdict: routing.Done, Confirm: true}
	s.LedgerAnswers(l.answer[:])
}
func (l *promptLedger) Release(routing.LeaseID) {}
func (l *promptLedger) Flush()                  {}

// template is a message with places that are written over for each call.
type template struct {
	text          []byte
	calls         []int // where the call's number is
	branch, route int   // where those of the gateway are, or -1
}

const (
	callSlot   = "CCCCCCCCCCCCCCCC"
	branchSlot = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
	benchSDP   = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n" +
		"m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)

func newTemplate(start, via, cseq, route, extra, body string) template {
	m := start + "\r\nVia: " + via + "\r\nMax-Forwards: 70\r\nFrom: \"A\" <sip:1001@a.test>;tag=from-" + callSlot + "\r\n" +
		"To: <sip:2001@gw.test>" + extra + "\r\nCall-ID: " + callSlot + "@a.test\r\nCSeq: " + cseq + "\r\n" +
		"Contact: <sip:x@192.0.2.9:5060>\r\n" + route
	if body != "" {
		m += "Content-Type: application/sdp\r\n"
	}
	t := template{text: fmt.Appendf(nil, "%sContent-Length: %d\r\n\r\n%s", m, len(body), body)}
	for at := 0; ; {
		i := bytes.Index(t.text[at:], []byte(callSlot))
		if i < 0 {
			break
		}
		t.calls = append(t.calls, at+i)
		at += i + len(callSlot)
	}
	t.branch = bytes.Index(t.text, []byte(branchSlot))
	t.route = bytes.Index(t.text, []byte("<sip:"+"127.0.0.1:"))
	return t
}

// newCallBench makes a shard whose timers run with T1.
func newCallBench(tb testing.TB, t1 time.Duration) *callBench {
	tb.Helper()
	caller, callee := netip.MustParseAddrPort("127.0.0.1:15060"), netip.MustParseAddrPort("127.0.0.1:15062")
	trunk := &directory.Trunk{ID: "trk_callee", Account: "acc_any", Addresses: []netip.AddrPort{callee}}
	srv, err := New(Config{
		Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, ClusterKey: []byte("0123456789abcdef"),
		Router: routing.NewRouter(anyNumber{trunk}), Ledger: &promptLedger{}, Journal: noJournal{}, Loops: 1, T1: t1,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := srv.Close(); err != nil {
			tb.Error(err)
		}
	})
	b := &callBench{s: srv.shards[0], caller: caller, callee: callee, pace: wheel.Tick}
	via := func(kind string) string { return "SIP/2.0/UDP 127.0.0.1:15060;rport;branch=z9hG4bK-" + kind + callSlot }
	ours := "SIP/2.0/UDP " + srv.sentBy[0] + ";branch=" + branchSlot + ", "
	uri := string(b.s.appendRecordRoute(nil, 0, &pass{callerAddr: caller, calleeAddr: callee, accounts: appendAccounts(nil, "acc_any", "acc_any")}))
	recordRoute, route, tag := "Record-Route: "+uri+"\r\n", "Route: "+uri+"\r\n", ";tag=to-"+callSlot
	b.invite = newTemplate("INVITE sip:2001@gw.test SIP/2.0", via("i"), "1 INVITE", "", "", benchSDP)
	b.ringing = newTemplate("SIP/2.0 180 Ringing", ours+via("i"), "1 INVITE", recordRoute, tag, "")
	b.answer = newTemplate("SIP/2.0 200 OK", ours+via("i"), "1 INVITE", recordRoute, tag, benchSDP)
	b.ack = newTemplate("ACK sip:x@192.0.2.9 SIP/2.0", via("a"), "1 ACK", route, tag, "")
	b.bye = newTemplate("BYE sip:x@192.0.2.9 SIP/2.0", via("b"), "2 BYE", route, tag, "")
	b.done = newTemplate("SIP/2.0 200 OK", ours+via("b"), "2 BYE", "", tag, "")
	return b
}

// take gives the shard a message of the present call; from is the gateway's
// own request that it follows, nil for none.
func (b *callBench) take(t *template, remote netip.AddrPort, from []byte) {
	for _, at := range t.calls {
		for i, n := len(callSlot)-1, b.calls; i >= 0; i, n = i-1, n/10 {
			t.text[at+i] = byte('0' + n%10)
		}
	}
	if t.branch >= 0 {
		copy(t.text[t.branch:][:len(branchSlot)], from[bytes.Index(from, []byte(branchPrefix)):])
	}
	if t.route >= 0 {
		uri := from[bytes.Index(from, []byte("Record-Route: "))+len("Record-Route: "):]
		copy(t.text[t.route:], uri[:bytes.IndexByte(uri, '>')])
	}
	b.packet = transport.Packet{Data: t.text, Remote: remote}
	for i := 0; i < len(b.between); i += 64 {
		b.between[i]++
	}
	var began time.Time
	if b.between != nil {
		began = time.Now()
	}
	b.s.handle(&b.packet)
	b.s.Turn(b.now)
	if b.between != nil {
		b.took += time.Since(began)
	}
}

// call is one answered call, from its INVITE to the end of its last transaction
// if those are short.
func (b *callBench) call(invite []byte) []byte {
	b.calls++
	b.take(&b.invite, b.caller, nil)
	invite = append(invite[:0], b.s.scratch.out...) // what went to the callee
	b.take(&b.ringing, b.callee, invite)
	b.take(&b.answer, b.callee, invite)
	b.take(&b.ack, b.caller, invite)
	b.take(&b.bye, b.caller, invite)
	b.take(&b.done, b.callee, b.s.scratch.out)
	for range 2 { // the client's BYE transaction, then what waited for it
		b.now += b.pace
		b.s.Turn(b.now)
	}
	return invite
}

// short is a T1 with which every timer of a transaction is due one tick later.
const short = 1

// most is how many allocations a call may make; four of them are the test's own directory. Where they are: go test -run - -bench Call -memprofile.
const most = 8

// TestCallAllocations guards what a call costs: raise the bound only for
// something that is worth it.
func TestCallAllocations(t *testing.T) {
	b := newCallBench(t, short)
	var invite []byte
	for range 100 { // the lists, maps and buffers get their size
		invite = b.call(invite)
	}
	n := testing.AllocsPerRun(1000, func() { invite = b.call(invite) })
	c := &b.s.count
	if answered := c.results[0].Load(); answered != b.calls {
		t.Fatalf("%d of %d calls were answered and hung up", answered, b.calls)
	}
	if c.calls.Load() != 0 || c.txns.Load() != 0 || b.s.timers.Len() != 0 {
		t.Fatalf("%d calls, %d transactions, %d timers are left", c.calls.Load(), c.txns.Load(), b.s.timers.Len())
	}
	t.Logf("%.1f allocations a call", n)
	if n > most {
		t.Errorf("%.1f allocations a call, not %d at most", n, most)
	}
}

// BenchmarkCall has hot caches, and the memory of one call for all of them.
func BenchmarkCall(b *testing.B) {
	bench := newCallBench(b, short)
	var invite []byte
	b.ReportAllocs()
	for b.Loop() {
		invite = bench.call(invite)
	}
}

// BenchmarkCallKept is with the transactions of all calls before in memory, as
// they are for 32 s, at 4,000 calls a second: what that memory costs the collector
// is in it. Compare only for one number of calls (-benchtime 30000x).
func BenchmarkCallKept(b *testing.B) {
	bench := newCallBench(b, 0)
	bench.pace = time.Second / 4000 / 2
	var invite []byte
	b.ReportAllocs()
	for b.Loop() {
		invite = bench.call(invite)
	}
}

// BenchmarkCallCold has the caches emptied before each message, as they are for
// a gateway that has little to do. Only what handles the messages counts.
func BenchmarkCallCold(b *testing.B) {
	bench := newCallBench(b, short)
	bench.between = make([]byte, 8<<20)
	var invite []byte
	for b.Loop() {
		invite = bench.call(invite)
	}
	b.ReportMetric(float64(bench.took)/float64(bench.calls), "cold-ns/op")
}
