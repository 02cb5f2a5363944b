package store

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

func callLog(t testing.TB, s *Store, owner string) []routing.Record {
	t.Helper()
	list, _, err := s.CallLog(t.Context(), directory.AccountID(owner), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestWhoseLogACallStandsIn(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000).UTC()
	cases := []struct {
		name          string
		cdr           routing.CDR
		inA, inB, inO bool
		peerA         directory.AccountID
		reasonA       string
		reasonO       string
	}{
		{name: "answered", cdr: routing.CDR{Callee: "acc_b", Result: routing.ResultAnswered, Answered: at}, inA: true, inB: true, peerA: "acc_b"},
		{name: "no answer", cdr: routing.CDR{Callee: "acc_b", Result: routing.ResultNoAnswer}, inA: true, inB: true, peerA: "acc_b"},
		{name: "callee's lines", cdr: routing.CDR{Callee: "acc_b", Result: routing.ResultRefused, Reason: routing.CalleeLinesFull}, inA: true, inB: true, peerA: "acc_b", reasonA: "callee_lines_full"},
		{name: "caller's lines", cdr: routing.CDR{Callee: "acc_b", Result: routing.ResultRefused, Reason: routing.CallerLinesFull}, inA: true, peerA: "acc_b", reasonA: "caller_lines_full"},
		{name: "not found", cdr: routing.CDR{Result: routing.ResultRefused, Reason: routing.NumberNotFound}, inA: true, reasonA: "number_not_found"},
		{name: "private", cdr: routing.CDR{Callee: "acc_o", Owner: "acc_o", Result: routing.ResultRefused, Reason: routing.NumberNotFound, Hidden: routing.NumberPrivate},
			inA: true, inO: true, reasonA: "number_not_found", reasonO: "number_private"},
		{name: "inside", cdr: routing.CDR{Callee: "acc_a", Result: routing.ResultAnswered, Answered: at}, inA: true, peerA: "acc_a"},
	}
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		for i, c := range cases {
			before := map[string]int{}
			for _, o := range []string{"acc_a", "acc_b", "acc_o"} {
				before[o] = len(callLog(t, s, o))
			}
			record := c.cdr
			record.Lease, record.Caller, record.From, record.To, record.Started, record.Ended, record.SIPStatus = lease(i), "acc_a", "2001", "3001", at, at.Add(time.Second), 200
			s.Write(&record)
			record.To = "changed after Write"
			eventually(t, "the record is filed", func() bool { return len(callLog(t, s, "acc_a")) > before["acc_a"] })
			eventually(t, "nothing waits", func() bool { return s.writer.idle() })
			for owner, want := range map[string]bool{"acc_a": c.inA, "acc_b": c.inB, "acc_o": c.inO} {
				if got := len(callLog(t, s, owner)) - before[owner]; (got == 1) != want || got > 1 {
					t.Errorf("%s: %d records for %s", c.name, got, owner)
				}
			}
			a := callLog(t, s, "acc_a")[0]
			if a.Account != "acc_a" || a.Inbound || a.Peer != c.peerA || a.Reason != c.reasonA || a.From != "2001" || a.To != "3001" || !a.Started.Equal(at) ||
				!a.Ended.Equal(at.Add(time.Second)) || !a.Answered.Equal(c.cdr.Answered) || a.SIPStatus != 200 || a.Result != c.cdr.Result {
				t.Errorf("%s: %+v", c.name, a)
			}
			if c.inB {
				if r := callLog(t, s, "acc_b")[0]; !r.Inbound || r.Peer != "acc_a" {
					t.Errorf("%s: %+v", c.name, r)
				}
			}
			if c.inO {
				if r := callLog(t, s, "acc_o")[0]; !r.Inbound || r.Peer != "acc_a" || r.Reason != c.reasonO {
					t.Errorf("%s: %+v", c.name, r)
				}
			}
		}
	})
}

// TestRecordText holds the text written by hand to the type that reads it.
func TestRecordText(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.OneOf(rapid.StringN(0, 20, -1), rapid.Just(""), rapid.Just(`a"b\\c<d>&\x00\xff`))
		at := rapid.Custom(func(r *rapid.T) time.Time {
			return fromMillis(rapid.Int64Range(0, 2_000_000_000_000).Draw(r, "ms"))
		})
		c := routing.CDR{
			Lease: lease(rapid.IntRange(0, 1000).Draw(r, "lease")), From: text.Draw(r, "from"), To: text.Draw(r, "to"),
			Started: at.Draw(r, "started"), Answered: at.Draw(r, "answered"), Ended: at.Draw(r, "ended"),
			Result: routing.Result(text.Draw(r, "result")), SIPStatus: rapid.IntRange(0, 699).Draw(r, "status"),
		}
		side := recordSide{rapid.Bool().Draw(r, "inbound"), rapid.SampledFrom([]routing.Method{0, routing.FlatRate, routing.FlatRateBurst, routing.PerMinute}).Draw(r, "method"), directory.AccountID(text.Draw(r, "peer"))}
		reason := rapid.SampledFrom(append(routing.Reasons(), routing.None)).Draw(r, "reason")
		want := storedRecord{
			Lease: leaseText(c.Lease), Inbound: side.inbound, Peer: side.peer, PerMinute: side.method == routing.PerMinute, Burst: side.method == routing.FlatRateBurst, From: c.From, To: c.To,
			Started: millis(c.Started), Answered: millis(c.Answered), Ended: millis(c.Ended),
			Result: c.Result, Reason: reason.String(), Status: c.SIPStatus,
		}
		// JSON has no octets that are not UTF-8.
		document, err := json.Marshal(want)
		if err != nil {
			r.Fatal(err)
		}
		want = storedRecord{}
		if err := json.Unmarshal(document, &want); err != nil {
			r.Fatal(err)
		}
		var got storedRecord
		if err := json.Unmarshal(appendRecord(nil, &c, side, reason), &got); err != nil || got != want {
			r.Fatalf("%+v, %v; want %+v", got, err, want)
		}
	})
}

// LI9: each account's record says how it carried an answered call.
func TestLI9RecordsTellWhoPaid(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		at := time.Now()
		s.Write(&routing.CDR{Lease: lease(1), Caller: "acc_a", Callee: "acc_b", Started: at, Answered: at, Ended: at, Result: routing.ResultAnswered, CallerMethod: routing.PerMinute})
		s.Write(&routing.CDR{Lease: lease(3), Caller: "acc_e", Callee: "acc_f", Started: at, Answered: at, Ended: at, Result: routing.ResultAnswered, CallerMethod: routing.FlatRate, CalleeMethod: routing.FlatRateBurst})
		s.Write(&routing.CDR{Lease: lease(2), Caller: "acc_c", Callee: "acc_d", Started: at, Ended: at, Result: routing.ResultBusy})
		for account, want := range map[string]routing.Method{"acc_a": routing.PerMinute, "acc_b": routing.FlatRate, "acc_e": routing.FlatRate, "acc_f": routing.FlatRateBurst, "acc_c": 0, "acc_d": 0} {
			eventually(t, "the record is filed", func() bool { return len(callLog(t, s, account)) == 1 })
			if got := callLog(t, s, account)[0].Method; got != want {
				t.Errorf("%s: %q, want %q", account, got, want)
			}
		}
	})
}

func TestCallLogPages(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		for i := range 25 {
			s.Write(&routing.CDR{Lease: lease(i), Caller: "acc_a", To: strconv.Itoa(i), Result: routing.ResultAnswered})
		}
		eventually(t, "all are filed", func() bool { return len(callLog(t, s, "acc_a")) == 25 })
		var got []string
		cursor, pages := "", 0
		for {
			list, next, err := s.CallLog(t.Context(), "acc_a", cursor, 10)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range list {
				got = append(got, r.To)
			}
			pages++
			if cursor = next; next == "" {
				break
			}
		}
		if len(got) != 25 || got[0] != "24" || got[24] != "0" || pages != 3 {
			t.Fatalf("%d pages: %v", pages, got)
		}
		_, _, err := s.CallLog(t.Context(), "acc_a", "x", 10)
		wantError(t, err, directory.KindInvalid, "cursor_invalid")
	})
}

// TestRecordsAreFiledOnce stops Redis under the writer: every record arrives,
// and none twice.
func TestRecordsAreFiledOnce(t *testing.T) {
	r := startRedis(t)
	b := (&backend{url: r.url}).dial(t)
	s := b.open(t)
	s.Write(&routing.CDR{Lease: lease(0), Caller: "acc_a", Result: routing.ResultAnswered})
	eventually(t, "the first is filed", func() bool { return len(callLog(t, s, "acc_a")) == 1 })
	r.pause(t)
	for i := 1; i <= 600; i++ {
		s.Write(&routing.CDR{Lease: lease(i), Caller: "acc_a", Result: routing.ResultAnswered})
	}
	eventually(t, "an attempt failed", func() bool { return s.writer.failures.Load() > 0 })
	r.resume(t)
	eventually(t, "all are filed", func() bool { return s.writer.idle() })
	if n := len(callLog(t, s, "acc_a")); n != 601 {
		t.Fatalf("%d records of 601", n)
	}
}

func TestAFullQueueOfRecordsIsCounted(t *testing.T) {
	r := startRedis(t)
	b := (&backend{url: r.url}).dial(t)
	reg := prometheus.NewRegistry()
	s := b.open(t, func(c *Config) { c.MaxRecords, c.Registerer = 10, reg })
	r.pause(t)
	for i := range 1000 {
		s.Write(&routing.CDR{Lease: lease(i), Caller: "acc_a", Result: routing.ResultAnswered})
	}
	dropped := gauge(t, reg, "interlink_call_records_dropped_total")
	if dropped == 0 {
		t.Fatal("nothing was dropped")
	}
	r.resume(t)
	eventually(t, "the rest is filed", func() bool { return s.writer.idle() })
	if n := len(callLog(t, s, "acc_a")); n != 1000-int(dropped) {
		t.Fatalf("%d records, %v dropped of 1000", n, dropped)
	}
}
