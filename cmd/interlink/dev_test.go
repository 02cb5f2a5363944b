package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// devTest are the options of a demonstration on free ports.
func devTest(out io.Writer, once bool) devOptions {
	return devOptions{
		API: "127.0.0.1:0", SIP: "127.0.0.1:0", Debug: "127.0.0.1:0", Once: once, Out: out,
		Log: slog.New(slog.DiscardHandler),
	}
}

// testStage is a provisioned gateway with pretend PBXs, without the show.
type testStageParts struct {
	*stage
	show *show
	stop context.CancelFunc
	wait func() error
}

func testStage(t *testing.T, edits ...func(*Config)) *testStageParts {
	t.Helper()
	cfg := testConfig()
	for _, edit := range edits {
		edit(&cfg)
	}
	g, stop, wait := startGateway(t, cfg)
	rec := &recorder{}
	s := &stage{gateway: g, rec: rec,
		brown: testPBX(t, "Brown", 400, rec), smith: testPBX(t, "Smith", 500, rec), andrews: testPBX(t, "Andrews", 800, rec)}
	for _, p := range []*pretendPBX{s.brown, s.smith, s.andrews} {
		p.gateway = g.SIPAddrs()[0]
	}
	s.sipp = testPBX(t, "SIPp", 1000, rec).addr
	plan, err := s.provision(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return &testStageParts{stage: s, show: &show{stage: s, plan: plan, out: t.Output()}, stop: stop, wait: wait}
}

func TestDevOnce(t *testing.T) {
	var out bytes.Buffer
	err := runDev(testContext(t), devTest(&out, true))
	t.Log("\n" + out.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"INVITE 2001", "180 Ringing", "BYE", "Brown heard ", "Smith heard ",
		"404 Not Found, reason number_not_found", "484 Address Incomplete, reason ambiguous_number",
		"486 Busy Here, reason callee_lines_full",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q", want)
		}
	}
	for line := range strings.Lines(out.String()) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n >= 100 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
}

// TestDevOnceFails: what comes out otherwise than expected is not passed over.
func TestDevOnceFails(t *testing.T) {
	b := testStage(t)
	if err := b.show.refused(testContext(t), b.brown, "2001", 404, "number_not_found"); err != nil {
		t.Fatal(err)
	}
	if !b.show.failed {
		t.Error("an answered call was taken for a refused one")
	}
}

// watchedOutput is a buffer that tells when a text has been written.
type watchedOutput struct {
	mu   sync.Mutex
	b    bytes.Buffer
	text string
	seen chan struct{}
	once sync.Once
}

func (w *watchedOutput) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.b.Write(p)
	if strings.Contains(w.b.String(), w.text) {
		w.once.Do(func() { close(w.seen) })
	}
	return n, err
}

func (w *watchedOutput) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// TestDevPrintedCommands runs the curl and the SIPp line as they are printed.
func TestDevPrintedCommands(t *testing.T) {
	ctx, stop := context.WithCancel(testContext(t))
	defer stop()
	out := &watchedOutput{text: "Brown's own, not Smith's\n", seen: make(chan struct{})}
	ended := make(chan error, 1)
	go func() { ended <- runDev(ctx, devTest(out, false)) }()
	select {
	case <-out.seen:
	case err := <-ended:
		t.Fatalf("%v\n%s", err, out)
	}
	answer := runPrinted(t, out.String(), "curl ")
	if !strings.Contains(answer, `"route"`) {
		t.Errorf("curl: %s", answer)
	}
	runPrinted(t, out.String(), "sipp ")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// runPrinted runs the command that begins a line of the output.
func runPrinted(t *testing.T, output, begin string) string {
	t.Helper()
	_, rest, ok := strings.Cut(output, "\n"+begin)
	if !ok {
		t.Fatalf("no line begins with %q:\n%s", begin, output)
	}
	rest, _, _ = strings.Cut(begin+rest, "\n\n")
	if _, err := exec.LookPath(strings.TrimSpace(begin)); err != nil {
		t.Fatalf("%v: scripts/install-test-deps installs it", err)
	}
	cmd := exec.CommandContext(testContext(t), "sh", "-c", rest)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "TERM=dumb")
	b, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s\n%v\n%s", rest, err, b)
	}
	return string(b)
}
