// Command api measures the REST API of the built gateway on a real Redis, as
// accounts grow: creations, reads, lists and changes a second. See ../README.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// clients is how many work at the same time.
const clients = 8

func main() {
	log.SetFlags(0)
	log.SetPrefix("api: ")
	binary := flag.String("gateway", "bin/interlink", "the gateway's binary")
	most := flag.Int("accounts", 100_000, "most accounts")
	requests := flag.Int("requests", 2000, "requests of one measurement")
	lists := flag.Bool("lists", false, "measure every list and kind of write, with ten numbers an account, instead of throughput")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	measure := func(w *work, g *testbed.RunningGateway) error { return grow(ctx, w, g, *most, *requests) }
	if *lists {
		measure = func(w *work, _ *testbed.RunningGateway) error { return pages(ctx, w, min(1000, *most), *most) }
	}
	err := run(ctx, *binary, measure)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// run measures on a gateway of its own with a Redis of its own.
func run(ctx context.Context, binary string, measure func(*work, *testbed.RunningGateway) error) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "interlink-api-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	redis, err := testbed.StartRedis(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { redis.Kill() }()
	g, err := testbed.StartGateway(ctx, testbed.Gateway{Binary: binary, RedisURL: redis.URL(), Dir: dir,
		SIP: netip.AddrPortFrom(testbed.Address(), 5060), Env: []string{"INTERLINK_LOG_LEVEL=warn", "INTERLINK_API_RATE=1000000", "INTERLINK_ACCOUNT_BOUNDS=trunks=1000000"}})
	if err != nil {
		return err
	}
	defer g.Kill()
	return measure(&work{api: g.API().Reuse(clients), clients: clients}, g)
}

// grow measures at 100, 1,000, … accounts; the accounts created on the way to
// the next size are the measurement of creations.
func grow(ctx context.Context, w *work, g *testbed.RunningGateway, most, requests int) error {
	fmt.Println("| accounts | create account | create number | read account | list 50 accounts | change limits | gateway CPU µs a creation | gateway, MB |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for size := 100; size <= most; size *= 10 {
		if err := w.row(ctx, g, size, requests); err != nil {
			return err
		}
	}
	return nil
}

// work is the requests and what they need to know.
type work struct {
	api     *testbed.API
	clients int
	ids     []string
	// numbered gets the numbers: another account in every row, so that each
	// begins with none.
	numbered testbed.Account
	numbers  int64
}

func (w *work) nextNumbered(ctx context.Context) error {
	w.numbered = testbed.Account{ID: w.ids[len(w.ids)-1]}
	var err error
	w.numbered.Trunk, err = w.api.AddTrunk(ctx, &w.numbered, "pbx", netip.AddrPortFrom(testbed.Address(), 5060))
	return err
}

// row grows to size accounts and prints requests per second of each kind.
func (w *work) row(ctx context.Context, g *testbed.RunningGateway, size, requests int) error {
	before, err := g.CPU()
	if err != nil {
		return err
	}
	grown := size - len(w.ids)
	created, err := w.create(ctx, grown)
	if err != nil {
		return err
	}
	after, err := g.CPU()
	if err != nil {
		return err
	}
	if err := w.nextNumbered(ctx); err != nil {
		return err
	}
	account := func(n int) string { return w.ids[n*7919%len(w.ids)] }
	var rates []float64
	for _, do := range []func(n int) error{
		func(int) error { return w.number(ctx) },
		func(n int) error { return w.get(ctx, "/v1/accounts/"+account(n)) },
		func(int) error { return w.get(ctx, "/v1/accounts?limit=50") },
		func(n int) error {
			err := w.api.Limit(ctx, &testbed.Account{ID: account(n)}, map[string]any{"inbound_trunks": n})
			// Two clients may have met on one account.
			if status := (*testbed.StatusError)(nil); errors.As(err, &status) && status.Status == 412 {
				return nil
			}
			return err
		},
	} {
		rate, err := w.parallel(requests, do)
		if err != nil {
			return err
		}
		rates = append(rates, rate)
	}
	memory, err := g.Memory()
	if err != nil {
		return err
	}
	fmt.Printf("| %d | %.0f/s | %.0f/s | %.0f/s | %.0f/s | %.0f/s | %.0f | %.0f |\n", size, created,
		rates[0], rates[1], rates[2], rates[3], (after-before).Seconds()*1e6/float64(grown), float64(memory)/(1<<20))
	return nil
}

func (w *work) create(ctx context.Context, n int) (float64, error) {
	var mu sync.Mutex
	from := len(w.ids)
	return w.parallel(n, func(i int) error {
		answer, err := w.api.Do(ctx, "POST", "/v1/accounts", "", map[string]any{"name": fmt.Sprintf("Account %d", from+i)})
		if err != nil {
			return err
		}
		var account struct{ ID string }
		if err := json.Unmarshal(answer.Body, &account); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		w.ids = append(w.ids, account.ID)
		return nil
	})
}

// number adds one more number.
func (w *work) number(ctx context.Context) error {
	n := atomic.AddInt64(&w.numbers, 1)
	return w.api.Number(ctx, &w.numbered, fmt.Sprintf("%08d", n), nil)
}

func (w *work) get(ctx context.Context, path string) error {
	_, err := w.api.Do(ctx, "GET", path, "", nil)
	return err
}

// parallel carries out n requests by all clients and returns how many there
// were a second.
func (w *work) parallel(n int, do func(n int) error) (float64, error) {
	var next atomic.Int64
	errs := make([]error, w.clients)
	var all sync.WaitGroup
	start := time.Now()
	for c := range w.clients {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[c] == nil; i = int(next.Add(1)) - 1 {
				errs[c] = do(i)
			}
		})
	}
	all.Wait()
	return float64(n) / time.Since(start).Seconds(), errors.Join(errs...)
}
