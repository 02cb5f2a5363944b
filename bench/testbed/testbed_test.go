package testbed

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParseStats(t *testing.T) {
	head := "ElapsedTime(C);TotalCallCreated;CurrentCall;SuccessfulCall(C);FailedCall(C);FailedUnexpectedMessage(C);" +
		"FailedMaxUDPRetrans(C);FailedTimeoutOnRecv(C);FailedTimeoutOnSend(C);Retransmissions(C);OutOfCallMsgs(C);DeadCallMsgs(C);FatalErrors(C);\n"
	got, err := parseStats(strings.NewReader(head +
		"00:00:01:000000;5;5;0;0;0;0;0;0;0;0;0;0;\n" +
		"00:01:02:500000;12;1;8;3;2;1;1;0;7;4;6;0;\n" +
		"00:01:03:000000;13;1")) // SIPp is writing this line just now
	if err != nil {
		t.Fatal(err)
	}
	want := Stats{Created: 12, Current: 1, Successful: 8, Failed: 3, Unexpected: 2, TimedOut: 2, Retransmissions: 7,
		OutOfCall: 4, DeadCall: 6, Elapsed: 62*time.Second + 500*time.Millisecond}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got.Clean() {
		t.Error("a run with failures counts as clean")
	}
	again := Stats{Created: 5, Successful: 5, Retransmissions: 2, DeadCall: 2}
	if !again.Clean() {
		t.Error("answers to what was sent again count as a fault")
	}
	if again.DeadCall++; again.Clean() {
		t.Error("an answer that nobody asked for counts as clean")
	}
	for name, bad := range map[string]string{"empty": "", "no line": head, "no number": head + "00:00:01;x;0;0;0;0;0;0;0;0;0;0;0;\n"} {
		if _, err := parseStats(strings.NewReader(bad)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestParseStat(t *testing.T) {
	pid, parent, ticks, err := parseStat("42 (odd) name 7) S 17 42 42 0 -1 4194560 1 2 3 4 1500 250 0 0 20 0 1 0 9 0 0")
	if err != nil || pid != 42 || parent != 17 || ticks != 1750 {
		t.Errorf("pid %d, parent %d, ticks %d, %v", pid, parent, ticks, err)
	}
	for _, bad := range []string{"", "42 name S 17", "42 (name) S 17", "x (name) S 17 1 1 0 -1 1 1 2 3 4 5 6"} {
		if _, _, _, err := parseStat(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestParsePSS(t *testing.T) {
	n, err := parsePSS("55e2-7ffe ---p 00000000 00:00 0  [rollup]\nRss:  1664 kB\nPss:   320 kB\nPss_Dirty:  108 kB\n")
	if err != nil || n != 320*1024 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := parsePSS("Rss: 1 kB\n"); err == nil {
		t.Error("no Pss and no error")
	}
}

// A child's end, output and exit status are seen; a condition that never comes
// true ends with the child.
func TestProcess(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p, err := Start(Command{Name: "shell", Path: "sh", Args: []string{"-c", "echo one; echo $WORD >&2; exit 3"},
		Env: []string{"WORD=two"}, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Until(ctx, "true", func() bool { return false }); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("waiting on a dead child: %v", err)
	}
	if status, err := p.Wait(ctx); err != nil || status != 3 {
		t.Errorf("status %d, %v", status, err)
	}
	if got := p.Output(); got != "one\ntwo\n" {
		t.Errorf("output %q", got)
	}
	p.Kill() // once more is harmless
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
}

func TestUntilGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	reason := errors.New("enough")
	looked := 0
	err := Until(ctx, "there", func() bool {
		if looked++; looked == 3 {
			cancel(reason)
		}
		return false
	})
	if !errors.Is(err, reason) || looked != 3 {
		t.Errorf("after %d looks: %v", looked, err)
	}
}
