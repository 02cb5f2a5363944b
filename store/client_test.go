package store

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

func TestConnectReadsURLs(t *testing.T) {
	single := func(raw string) *redis.Options {
		t.Helper()
		c, err := connect(raw)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.(*redis.Client).Options()
	}
	if o := single("redis://me:secret@192.0.2.1:6380/3"); o.Addr != "192.0.2.1:6380" || o.Username != "me" || o.Password != "secret" || o.DB != 3 || o.MaxRetries != 0 || !o.ContextTimeoutEnabled {
		t.Fatalf("%+v", o)
	}
	if o := single("rediss://192.0.2.1"); o.TLSConfig == nil || o.Addr != "192.0.2.1:6379" {
		t.Fatalf("%+v", o)
	}
	for _, query := range []string{"?db=2", "?sentinel_password=other&db=2"} {
		if o := single("redis+sentinel://me:se%40cret@192.0.2.1,192.0.2.2:26380/mymaster" + query); o.DB != 2 || o.Username != "me" || o.Password != "se@cret" || o.MaxRetries != 0 {
			t.Fatalf("%+v", o)
		}
	}
	c, err := connect("redis://me:secret@192.0.2.1:7000, redis://192.0.2.2:7001")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if o := c.(*redis.ClusterClient).Options(); !slices.Equal(o.Addrs, []string{"192.0.2.1:7000", "192.0.2.2:7001"}) || o.Password != "secret" {
		t.Fatalf("%+v", o)
	}
	for _, raw := range []string{"", "http://x", "redis://me:secret@bad host:1", "redis+sentinel://host", "redis+sentinel:///master", "redis://a:secret@b,http://c", "redis://x/notadb"} {
		_, err := connect(raw)
		if err == nil {
			t.Errorf("%q is taken", raw)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func TestOpenRefusesWhatCannotWork(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no URL":      {ClusterKey: []byte("0123456789abcdef")},
		"no key":      {URL: "redis://127.0.0.1:1"},
		"short key":   {URL: "redis://127.0.0.1:1", ClusterKey: []byte("short")},
		"nobody home": {URL: "unix:///nowhere", ClusterKey: []byte("0123456789abcdef")},
	} {
		cfg.Log = quiet()
		if s, err := Open(t.Context(), cfg); err == nil {
			s.Close()
			t.Errorf("%s: opens", name)
		}
	}
}

// TestEveryScriptKeepsToOneSlot runs all of it on a Redis Cluster of one node,
// which refuses scripts and transactions over several slots.
func TestEveryScriptKeepsToOneSlot(t *testing.T) {
	url := startCluster(t)
	s, err := Open(t.Context(), Config{URL: url + "," + url, ClusterKey: []byte("0123456789abcdef"), Log: quiet(), AdmitBudget: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	told := make(chan routing.LeaseID, 1)
	s.OnEndCall(func(l routing.LeaseID) { told <- l })
	apply(t, s, directory.Create(account("acc_a")), directory.Create(trunk("trk_a", "acc_a", "192.0.2.1")), directory.Create(limitsOf("acc_a", 0, 1, 1, 0, 0)))
	claims := []routing.Claim{claim(routing.RoleCaller, "acc_a", s.View().LimitsOf("acc_a")), claim(routing.RoleCallee, "acc_b", nil)}
	if a := admit(t, s, lease(1), claims...); a.Verdict != routing.Admitted {
		t.Fatalf("%+v", a)
	}
	if a := admit(t, s, lease(2), claims...); a.Verdict != routing.Busy {
		t.Fatalf("%+v", a)
	}
	if v := confirm(t, s, lease(1), 0); v != routing.Done {
		t.Fatalf("confirm: %d", v)
	}
	if calls, err := s.LiveCalls(t.Context(), "acc_b", 10); err != nil || len(calls) != 1 {
		t.Fatalf("%v, %v", calls, err)
	}
	s.Write(&routing.CDR{Lease: lease(1), Caller: "acc_a", Callee: "acc_b", Result: routing.ResultAnswered})
	eventually(t, "the record is filed twice", func() bool { return s.writer.idle() })
	for _, owner := range []string{"acc_a", "acc_b"} {
		if n := len(callLog(t, s, owner)); n != 1 {
			t.Fatalf("%d records for %s", n, owner)
		}
	}
	if done, err := s.Begin(t.Context(), directory.RequestKey{Scope: "staff", Key: "key"}, nil); done != nil || err != nil {
		t.Fatal(done, err)
	}
	if err := s.Finish(t.Context(), directory.RequestKey{Scope: "staff", Key: "key"}, []byte("x")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the node is asked to end the call", func() bool {
		err := s.EndCall(t.Context(), lease(1))
		return err != nil && len(told) == 1
	})
	if in, out := lines(t, s, "acc_a"); in+out != 0 {
		t.Fatal("lines are left")
	}
}

// TestSentinel finds the master through a Sentinel that wants a password of its
// own.
func TestSentinel(t *testing.T) {
	master, sentinel := freePort(t), freePort(t)
	runServer(t, "--bind", "127.0.0.1", "--port", master, "--requirepass", "secret", "--save", "")
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("bind 127.0.0.1\nport %s\nrequirepass watch\nsentinel monitor pbx 127.0.0.1 %s 1\nsentinel auth-pass pbx secret\n", sentinel, master)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	runServer(t, conf, "--sentinel")
	url := "redis+sentinel://:secret@127.0.0.1:" + sentinel + "/pbx?sentinel_password=watch"
	cfg := Config{URL: url, ClusterKey: []byte("0123456789abcdef"), Log: quiet(), AdmitBudget: 20 * time.Second}
	var s *Store
	eventually(t, "the store opens", func() (opened bool) {
		var err error
		s, err = Open(t.Context(), cfg)
		return err == nil
	})
	defer s.Close()
	apply(t, s, directory.Create(account("acc_a")))
	if a := admit(t, s, lease(1), claim(routing.RoleCaller, "acc_a", nil)); a.Verdict != routing.Admitted {
		t.Fatalf("%+v", a)
	}
}

// runServer runs a redis-server until the test ends.
func runServer(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed; run scripts/install-test-deps")
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = t.TempDir()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
}

// startCluster starts a cluster of one node and returns its URL.
func startCluster(t *testing.T) string {
	t.Helper()
	port := freePort(t)
	runServer(t, "--bind", "127.0.0.1", "--port", port, "--cluster-enabled", "yes", "--cluster-port", freePort(t), "--save", "")
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + port})
	defer c.Close()
	ctx := context.Background()
	eventually(t, "the cluster's node answers", func() bool { return c.Ping(ctx).Err() == nil })
	if err := c.ClusterAddSlotsRange(ctx, 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cluster is up", func() bool { return strings.Contains(c.ClusterInfo(ctx).Val(), "cluster_state:ok") })
	return "redis://127.0.0.1:" + port
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}
