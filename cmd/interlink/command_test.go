package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/provision"
)

// run executes a command line and returns what it printed.
func run(ctx context.Context, environ []string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := newCommand(environ)
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	err := cmd.ExecuteContext(ctx)
	return out.String(), err
}

func TestVersion(t *testing.T) {
	out, err := run(testContext(t), nil, "version")
	if err != nil || !strings.HasPrefix(out, "interlink ") {
		t.Errorf("%q %v", out, err)
	}
}

func TestUnknownSettingStopsEveryCommand(t *testing.T) {
	for _, args := range [][]string{{"serve"}, {"check"}, {"explain", "acc_1", "2001"}} {
		if _, err := run(testContext(t), []string{"INTERLINK_API_LISTNE=x"}, args...); err == nil ||
			!strings.Contains(err.Error(), "api_listne") {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// TestServeAndCheck starts a gateway by command line, checks beside it and
// explains through it, then stops it.
func TestServeAndCheck(t *testing.T) {
	b := testStage(t)
	environ := []string{
		"INTERLINK_EMBEDDED=true", "INTERLINK_DATA_DIR=" + t.TempDir(), "INTERLINK_ADMIN_TOKEN=" + testToken,
		"INTERLINK_API_LISTEN=" + b.gateway.APIAddr(), "INTERLINK_DEBUG_LISTEN=" + b.gateway.DebugAddr(),
		"INTERLINK_SIP_LISTEN=udp:" + b.gateway.SIPAddrs()[0].String(),
	}
	out, err := run(testContext(t), environ, "check")
	if err != nil || !strings.Contains(out, "running and ready") {
		t.Errorf("beside a running gateway: %v\n%s", err, out)
	}
	out, err = run(testContext(t), environ, "explain", string(b.show.plan.brown), "2001")
	if err != nil || !strings.Contains(out, "to Smith at sip:2001@"+b.smith.addr.String()) {
		t.Errorf("explain: %v\n%s", err, out)
	}
	out, err = run(testContext(t), environ, "explain", string(b.show.plan.brown), "2002")
	if err != nil || !strings.Contains(out, "SIP 404, reason number_not_found") {
		t.Errorf("explain: %v\n%s", err, out)
	}
	// Another debug address: no gateway answers, and the ports are taken.
	out, err = run(testContext(t), environ, "check", "--debug-listen", "off")
	if err == nil || strings.Count(out, "FAILED") != 2 {
		t.Errorf("taken addresses: %v\n%s", err, out)
	}
	if strings.Contains(out, testToken) {
		t.Error("check prints the token")
	}
}

func TestCheckFreeHost(t *testing.T) {
	out, err := run(testContext(t), nil, "check", "--embedded", "--data-dir", t.TempDir(), "--debug-listen", "127.0.0.1:0",
		"--api-listen", "127.0.0.1:0", "--sip-listen", "udp:127.0.0.1:0")
	if err != nil || strings.Contains(out, "FAILED") || !strings.Contains(out, "0 accounts") {
		t.Errorf("%v\n%s", err, out)
	}
	dir := filepath.Join(t.TempDir(), "none")
	if _, err = run(testContext(t), nil, "check", "--embedded", "--data-dir", dir, "--debug-listen", "off",
		"--api-listen", "127.0.0.1:0", "--sip-listen", "udp:127.0.0.1:0"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("check made the data directory: %v", err)
	}
}

func TestCheckUnreachableRedis(t *testing.T) {
	environ := []string{"INTERLINK_CLUSTER_KEY=" + testKey}
	// The socket does not exist, so that no port has to be a closed one.
	url := "unix://user:s3cr3t@" + filepath.Join(t.TempDir(), "redis.sock")
	out, err := run(testContext(t), environ, "check", "--redis-url", url, "--debug-listen", "off",
		"--api-listen", "127.0.0.1:0", "--sip-listen", "udp:127.0.0.1:0")
	if err == nil || !strings.Contains(out, "store") || !strings.Contains(out, "FAILED") {
		t.Errorf("%v\n%s", err, out)
	}
	if strings.Contains(out+err.Error(), "s3cr3t") {
		t.Errorf("the password is printed: %s %v", out, err)
	}
}

// TestCheckRedisURL: whatever is wrong with the URL, its password is not told.
func TestCheckRedisURL(t *testing.T) {
	for _, url := range []string{
		"redis://user:s3cr3t@127.0.0.1:port:1", "redis://user:s3cr3t@[::1", "redis://user:s3cr3t%zz@h:1",
		"user:s3cr3t@127.0.0.1:1", "http://user:s3cr3t@127.0.0.1:1", "redis+sentinel://user:s3cr3t@127.0.0.1:x/",
		"redis://user:s3cr3t@127.0.0.1:1/x", "redis://:s3cr3t@127.0.0.1:1,redis://:s3cr3t@127.0.0.1:x",
	} {
		out, err := run(testContext(t), []string{"INTERLINK_CLUSTER_KEY=" + testKey}, "check", "--redis-url", url,
			"--debug-listen", "off", "--api-listen", "127.0.0.1:0", "--sip-listen", "udp:127.0.0.1:0")
		if err == nil {
			t.Errorf("%s: accepted", url)
			continue
		}
		if strings.Contains(out+err.Error(), "s3cr3t") {
			t.Errorf("%s: the password is printed: %s %v", url, out, err)
		}
	}
}

// TestServeByCommandLine: serve prints no secret, keeps its data and stops when told to.
func TestServeByCommandLine(t *testing.T) {
	ctx, stop := context.WithCancel(testContext(t))
	defer stop()
	dir := filepath.Join(t.TempDir(), "data")
	log := &watchedOutput{text: "serving", seen: make(chan struct{})}
	cmd := newCommand([]string{"INTERLINK_ADMIN_TOKEN=" + testToken})
	cmd.SetArgs([]string{"serve", "--embedded", "--data-dir", dir, "--debug-listen", "127.0.0.1:0",
		"--api-listen", "127.0.0.1:0", "--sip-listen", "udp:127.0.0.1:0"})
	cmd.SetErr(log)
	ended := make(chan error, 1)
	go func() { ended <- cmd.ExecuteContext(ctx) }()
	select {
	case <-log.seen:
	case err := <-ended:
		t.Fatalf("%v\n%s", err, log)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	key, err := os.ReadFile(filepath.Join(dir, "cluster-key"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log.String(), testToken) || strings.Contains(log.String(), strings.TrimSpace(string(key))) {
		t.Error("a secret is in the log")
	}
}

// TestExplainFindsTheTokenOfAnEmbeddedGateway: who runs explain on the machine
// of an embedded gateway need not copy the token it made for itself.
func TestExplainFindsTheTokenOfAnEmbeddedGateway(t *testing.T) {
	b := testStage(t)
	dir := t.TempDir()
	args := []string{"explain", "--embedded", "--data-dir", dir, "--api-listen", b.gateway.APIAddr(), string(b.show.plan.brown), "2001"}
	if _, err := run(testContext(t), nil, args...); err == nil || !strings.Contains(err.Error(), "admin_token") {
		t.Errorf("without a token: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, adminTokenFile), []byte(b.gateway.AdminToken()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := run(testContext(t), nil, args...)
	if err != nil || !strings.Contains(out, "to Smith") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestPrintTrail(t *testing.T) {
	reason, status := "number_not_found", 404
	e := &provision.Explanation{Verdict: "refuse", Reason: &reason, SIPStatus: &status, Steps: []provision.ExplainStep{
		{Step: "caller", Result: "match", Detail: "Brown is enabled."},
		{Step: "link", Result: "no_match", Detail: strings.Repeat("a long sentence ", 12)},
	}}
	var out bytes.Buffer
	printTrail(&out, "explain  ", e)
	want := "explain  caller   match     Brown is enabled.\n"
	if !strings.HasPrefix(out.String(), want) || !strings.HasSuffix(out.String(), "verdict  refuse    SIP 404, reason number_not_found\n") {
		t.Errorf("\n%s", out.String())
	}
	for line := range strings.Lines(out.String()) {
		if len(line) > trailWidth+1 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestReachable(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:8080": "127.0.0.1:8080", "0.0.0.0:8080": "127.0.0.1:8080", ":8080": "127.0.0.1:8080",
		"[::]:8080": "127.0.0.1:8080", "api.example.com:80": "api.example.com:80",
	} {
		if got := reachable(listen); got != want {
			t.Errorf("reachable(%q) = %q, want %q", listen, got, want)
		}
	}
}
