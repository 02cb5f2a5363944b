package sip

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestFlows plays the conversations of testdata/flows through a real server,
// over real sockets: once with one loop, once with three, where messages are
// handed from loop to loop. testdata/flows/README.md tells how to write one.
func TestFlows(t *testing.T) {
	files, err := filepath.Glob("testdata/flows/*.flow")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d flows, %v", len(files), err)
	}
	t.Cleanup(func() { goleak.VerifyNone(t) }) // after the parallel tests below
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, loops := range []int{1, 3} {
			name := fmt.Sprintf("%s/%d", strings.TrimSuffix(filepath.Base(f), ".flow"), loops)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				playFlow(t, f, string(text), loops)
			})
		}
	}
}

// flow is one conversation being played.
type flow struct {
	*plan
	srv      *Server
	gateway  netip.AddrPort
	branches int
	ladder   []string
	last     *message // last message received, for the report
	lastSent *message
	cdrs     int // call records compared so far
	file     string
	line     int
}

// step is a line with what is indented below it.
type step struct {
	line   int
	words  []string
	extras []string
}

func playFlow(t *testing.T, file, text string, loops int) {
	f := &flow{plan: newPlan(t), file: file}
	f.cfg.Loops = loops
	header, steps, err := readFlow(text)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for _, s := range header {
		if err := f.plan.line(s.words); err != nil {
			t.Fatalf("%s:%d: %v", file, s.line, err)
		}
	}
	f.serve()
	for _, s := range steps {
		f.line = s.line
		if err := f.step(s); err != nil {
			f.fatal(err)
		}
	}
	if err := f.end(); err != nil {
		f.fatal(err)
	}
}

// readFlow takes a file apart: the header, "--", the conversation.
func readFlow(text string) (header, steps []step, err error) {
	into, found := &header, false
	for i, l := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(l)
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "//"):
		case trimmed == "--":
			into, found = &steps, true
		case l[0] == ' ' || l[0] == '\t':
			if len(*into) == 0 {
				return nil, nil, fmt.Errorf("line %d is indented below nothing", i+1)
			}
			s := &(*into)[len(*into)-1]
			s.extras = append(s.extras, trimmed)
		default:
			*into = append(*into, step{line: i + 1, words: strings.Fields(l)})
		}
	}
	if !found {
		return nil, nil, fmt.Errorf("no line of dashes")
	}
	return header, steps, nil
}

func (f *flow) serve() {
	srv, err := New(f.cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	f.srv, f.gateway = srv, srv.Addrs()[0]
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	f.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			f.t.Error(err)
		}
		for _, s := range srv.shards {
			if n := s.count.dropped[dropPanic].Load(); n > 0 {
				f.t.Errorf("%d messages or events dropped by a panic", n)
			}
		}
	})
}

// fatal reports what went wrong, with the ladder so far.
func (f *flow) fatal(err error) {
	f.t.Helper()
	report := fmt.Sprintf("%s:%d: %v\n\n%s", f.file, f.line, err, strings.Join(f.ladder, "\n"))
	if f.last != nil {
		report += "\n\nlast received:\n" + string(f.last.raw)
	}
	f.t.Fatal(report)
}

// note adds a rung to the ladder: every peer has a column, the gateway is the
// rail on the left.
func (f *flow) note(p *peer, arrow, text string) {
	column := 0
	for i, q := range f.order {
		if q == p {
			column = i
		}
	}
	f.ladder = append(f.ladder, fmt.Sprintf("%4d  gateway %s%s %s  %s", f.line, strings.Repeat("      ", column), arrow, p.name, text))
}

// eventually waits for a condition that other goroutines bring about.
func eventually(holds func() bool) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if holds() {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return holds()
		}
	}
}

// end: whatever the flow was about, nothing more is said, no call is left and
// no line is held, and the ledger had nothing to complain of.
func (f *flow) end() error {
	if err := f.silence(f.order); err != nil {
		return err
	}
	if !eventually(func() bool { return f.srv.Idle() && f.ledger.counts().held == 0 }) {
		return fmt.Errorf("at the end the gateway holds %d calls, the ledger %d lines", f.srv.Calls(), f.ledger.counts().held)
	}
	f.ledger.mu.Lock()
	defer f.ledger.mu.Unlock()
	if len(f.ledger.faults) > 0 {
		return fmt.Errorf("ledger: %v", f.ledger.faults)
	}
	if left := f.journal.written(); len(left) > f.cdrs && f.cdrs > 0 {
		return fmt.Errorf("more call records than the flow names: %+v", left[f.cdrs:])
	}
	return nil
}
