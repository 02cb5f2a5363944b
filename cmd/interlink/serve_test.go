package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// testConfig is an embedded gateway on free ports that keeps nothing.
func testConfig() Config {
	return Config{
		Embedded: true, NodeID: "test", RealmSuffix: "test.invalid", DrainTime: patience, AdminToken: testToken,
		SIPListen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")},
		APIListen: "127.0.0.1:0", DebugListen: "127.0.0.1:0",
	}
}

// startGateway runs a gateway; stop tells it to drain, wait returns Run's error.
func startGateway(t *testing.T, cfg Config) (g *Gateway, stop context.CancelFunc, wait func() error) {
	t.Helper()
	g, err := New(testContext(t), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(testContext(t))
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	done := false
	wait = func() error {
		done = true
		return <-ended
	}
	t.Cleanup(func() {
		stop()
		if !done {
			if err := wait(); err != nil {
				t.Error(err)
			}
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g, stop, wait
}

// get fetches a URL and returns status and body.
func get(t *testing.T, url, token string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(testContext(t), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestGatewayServes(t *testing.T) {
	g, stop, wait := startGateway(t, testConfig())
	debug := "http://" + g.DebugAddr()
	for path, want := range map[string]string{
		"/healthz": "alive", "/readyz": "ready", "/metrics": "interlink_build_info{", "/debug/pprof/": "goroutine",
	} {
		if status, body := get(t, debug+path, ""); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d without %q", path, status, want)
		}
	}
	if _, body := get(t, debug+"/metrics", ""); !strings.Contains(body, "go_goroutines") ||
		!strings.Contains(body, "process_cpu_seconds_total") || !strings.Contains(body, "interlink_sip_") {
		t.Error("metrics of the runtime, the process or the proxy are missing")
	}
	api := "http://" + g.APIAddr()
	if status, _ := get(t, api+"/v1/accounts", ""); status != 401 {
		t.Errorf("without a token: %d", status)
	}
	if status, body := get(t, api+"/v1/accounts", testToken); status != 200 || !json.Valid([]byte(body)) {
		t.Errorf("with the token: %d %s", status, body)
	}
	if status, _ := get(t, api+"/metrics", testToken); status != 404 {
		t.Errorf("the API serves what belongs to the debug listener: %d", status)
	}
	stop()
	if err := wait(); err != nil {
		t.Error(err)
	}
	if err := g.Run(context.Background()); err == nil {
		t.Error("ran twice")
	}
}

// TestGatewayCloseWithoutRun: New alone leaves nothing behind (goleak).
func TestGatewayCloseWithoutRun(t *testing.T) {
	g, err := New(testContext(t), testConfig(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if err := g.Close(); err != nil {
		t.Errorf("the second time: %v", err)
	}
}

// TestGatewayTakenAddress: a failing New frees what it had opened before.
func TestGatewayTakenAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for _, edit := range []func(*Config){
		func(c *Config) { c.APIListen = l.Addr().String() },
		func(c *Config) { c.DebugListen = l.Addr().String() },
		func(c *Config) { c.SIPListen = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:5060")} },
		func(c *Config) { c.APIListen = ":0"; c.AdminToken = "" },
	} {
		cfg := testConfig()
		edit(&cfg)
		if g, err := New(testContext(t), cfg, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("started with %+v", cfg)
			_ = g.Close()
		}
	}
}

// TestGatewayWithoutDebug has no listener for metrics.
func TestGatewayWithoutDebug(t *testing.T) {
	cfg := testConfig()
	cfg.DebugListen = ""
	g, _, _ := startGateway(t, cfg)
	if g.DebugAddr() != "" {
		t.Error(g.DebugAddr())
	}
}

// TestGatewayKeepsItsKeys: an embedded gateway starts with the keys it made.
func TestGatewayKeepsItsKeys(t *testing.T) {
	cfg := testConfig()
	cfg.DataDir, cfg.AdminToken = t.TempDir(), ""
	var seen [2]string
	for i := range seen {
		g, err := New(testContext(t), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		seen[i] = g.cfg.ClusterKey + g.AdminToken()
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if seen[0] != seen[1] || len(seen[0]) < minAdminToken {
		t.Errorf("the keys changed or are missing: %d characters", len(seen[0]))
	}
}

// TestGatewayDrains: told to stop, it refuses new calls and serves the one that
// is up until it ends; then Run returns.
func TestGatewayDrains(t *testing.T) {
	ctx := testContext(t)
	b := testStage(t)
	g, stop, wait := b.gateway, b.stop, b.wait
	near, far, err := b.show.connect(ctx, b.brown, "1001", "2001", b.smith)
	if err != nil || near == nil {
		t.Fatal(err)
	}
	stop()
	debug := "http://" + g.DebugAddr() + "/readyz"
	poll(ctx, t, func() bool {
		status, body := get(t, debug, "")
		return status == 503 && strings.Contains(body, "draining")
	})
	a, err := b.brown.call(ctx, "1001", "2001")
	if err != nil || a.status != 503 || a.reason != "draining" {
		t.Errorf("a new call while draining: %+v, %v", a, err)
	}
	if err := b.show.hangUp(ctx, b.brown, near, far); err != nil {
		t.Error(err)
	}
	if err := wait(); err != nil {
		t.Error(err)
	}
}

// TestGatewayDrainTimeIsOver: a call that does not end does not keep the
// gateway for longer than the drain time.
func TestGatewayDrainTimeIsOver(t *testing.T) {
	ctx := testContext(t)
	b := testStage(t, func(c *Config) { c.DrainTime = 10 * time.Millisecond })
	near, _, err := b.show.connect(ctx, b.brown, "1001", "2001", b.smith)
	if err != nil || near == nil {
		t.Fatal(err)
	}
	b.stop()
	if err := b.wait(); err != nil {
		t.Error(err)
	}
	if b.gateway.sip.Idle() {
		t.Error("the call was gone already: the test shows nothing")
	}
}

// poll waits until ok is true.
func poll(ctx context.Context, t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("never came true")
		}
	}
}
