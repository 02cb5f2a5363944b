package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/routing"
)

// TestTheLedgerFollowsAFailover: a replica takes over under load, and the ledger,
// which keeps its connection, goes to it.
func TestTheLedgerFollowsAFailover(t *testing.T) {
	master, replica, sentinel := freePort(t), freePort(t), freePort(t)
	runServer(t, "--bind", "127.0.0.1", "--port", master, "--save", "")
	runServer(t, "--bind", "127.0.0.1", "--port", replica, "--replicaof", "127.0.0.1", master, "--repl-diskless-sync-delay", "0", "--save", "")
	promoted := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + replica})
	defer promoted.Close()
	// A Sentinel asks every 10 s only who is there.
	eventually(t, "the replica follows", func() bool {
		return strings.Contains(promoted.Info(t.Context(), "replication").Val(), "master_link_status:up")
	})
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("bind 127.0.0.1\nport %s\nsentinel monitor pbx 127.0.0.1 %s 1\n", sentinel, master)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	runServer(t, conf, "--sentinel")
	watch := redis.NewSentinelClient(&redis.Options{Addr: "127.0.0.1:" + sentinel})
	defer watch.Close()
	eventually(t, "the Sentinel knows the replica", func() bool {
		list, err := watch.Replicas(t.Context(), "pbx").Result()
		return err == nil && len(list) == 1 && list[0]["master-link-status"] == "ok"
	})
	cfg := Config{URL: "redis+sentinel://127.0.0.1:" + sentinel + "/pbx", ClusterKey: []byte("0123456789abcdef"), Log: quiet(), AdmitBudget: time.Second}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if a := admit(t, s, lease(0), claim(routing.RoleCaller, "acc_a", nil)); a.Verdict != routing.Admitted {
		t.Fatalf("%+v", a)
	}
	if err := watch.Failover(t.Context(), "pbx").Err(); err != nil {
		t.Fatal(err)
	}
	n := 0
	eventually(t, "the replica is master and has a new call", func() bool {
		n++
		a := admit(t, s, lease(n), claim(routing.RoleCaller, "acc_a", nil))
		role, err := promoted.Do(t.Context(), "role").Slice()
		if a.Verdict != routing.Admitted || err != nil || role[0] != "master" {
			return false
		}
		return promoted.Exists(t.Context(), s.keys.call(lease(n))).Val() == 1
	})
}
