// Command ledger measures what one Redis core carries for the ledger: the three
// operations of a call, by how many calls are up, over how many accounts, and how
// many calls share a round trip. See ../README.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/pbx-interlink/interlink/bench/testbed"
	"github.com/pbx-interlink/interlink/store"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("ledger: ")
	calls := flag.Int("calls", 20_000, "calls of one measurement")
	most := flag.Int("up", 100_000, "most calls that are up beside them")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *calls, *most)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// run prints a row for every combination.
func run(ctx context.Context, calls, most int) error {
	fmt.Println("| calls up | accounts | calls per round trip | calls/s | Redis µs a call | operations per Redis core and s | round trip, ms |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for _, accounts := range []int{2, 10_000} {
		for _, up := range []int{10, 1000, 100_000} {
			if up > most {
				continue
			}
			if err := measure(ctx, accounts, up, calls); err != nil {
				return err
			}
		}
	}
	return nil
}

func measure(ctx context.Context, accounts, up, calls int) error {
	dir, err := os.MkdirTemp("", "interlink-ledger-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	redis, err := testbed.StartRedis(ctx, dir)
	if err != nil {
		return err
	}
	defer redis.Kill()
	s, err := store.Open(ctx, store.Config{
		URL: redis.URL(), ClusterKey: []byte("the bench has nothing to hide"), NodeID: "bench",
		AdmitBudget: 30 * time.Second, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	w := newWorkload(s, accounts)
	if err := w.setUp(ctx, up); err != nil {
		return err
	}
	for _, batch := range []int{1, 16, 128} {
		before, err := redis.CPU()
		if err != nil {
			return err
		}
		start := time.Now()
		if err := w.cycles(ctx, calls, batch); err != nil {
			return err
		}
		took := time.Since(start)
		after, err := redis.CPU()
		if err != nil {
			return err
		}
		per := (after - before).Seconds() / float64(calls)
		fmt.Printf("| %d | %d | %d | %.0f | %.1f | %.0f | %.2f |\n", up, accounts, batch,
			float64(calls)/took.Seconds(), per*1e6, 3/per, took.Seconds()*1000*float64(batch)/float64(calls)/2)
	}
	return nil
}
