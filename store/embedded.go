package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

// clockTick is how often the embedded Redis is told how much time has passed:
// it lets keys expire only then, up to a tick early or late. Deadlines of
// leases do not depend on it.
const clockTick = time.Second

// embedded is a Redis inside the process. It listens on a loopback port that
// the system chooses, behind a random password, so that the same client code
// runs against it. What must survive the process is in the data directory.
type embedded struct {
	server *miniredis.Miniredis
	client *redis.Client
	log    *slog.Logger
	data   *dataDir // nil: nothing survives

	// mu lets one write at a time through script and journal.
	mu sync.Mutex
	// broken is why no more writes are taken.
	broken atomic.Pointer[error]

	stop chan struct{}
	done sync.WaitGroup
}

func openEmbedded(cfg Config) (*embedded, error) {
	e := &embedded{server: miniredis.NewMiniRedis(), log: cfg.Log, stop: make(chan struct{})}
	password := randomPassword()
	e.server.RequireAuth(password)
	if err := e.server.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("store: the embedded Redis does not start: %w", err)
	}
	e.client = redis.NewClient(&redis.Options{
		Addr: e.server.Addr(), Password: password, Protocol: 2, MaxRetries: -1, ContextTimeoutEnabled: true,
		DisableIdentity: true, DialTimeout: dialTimeout, MaintNotificationsConfig: noMaintenance(),
	})
	if cfg.DataDir != "" {
		data, err := openDataDir(cfg, e.client)
		if err != nil {
			e.client.Close()
			e.server.Close()
			return nil, err
		}
		e.data = data
	}
	e.done.Go(e.tick)
	e.log.Info("using the embedded store: for one node only; several nodes need a Redis of their own", "data_dir", cfg.DataDir)
	if cfg.DataDir == "" {
		e.log.Warn("the embedded store has no data directory: everything is gone when the process ends")
	}
	return e, nil
}

// tick moves the embedded Redis' expiry clock, and has the books show that the
// process lives.
func (e *embedded) tick() {
	ticker := time.NewTicker(clockTick)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-e.stop:
			return
		case now := <-ticker.C:
			e.server.FastForward(now.Sub(last))
			last = now
			if e.data == nil {
				continue
			}
			if err := e.data.books.beat(now); err != nil {
				e.failBooks(err)
			}
			if err := e.data.deliveries.beat(now, nil); err != nil {
				e.log.Error("webhooks may be told again after a restart", "err", err)
			}
		}
	}
}

// keep runs a write or a note, which has no deltas, and puts it on the disk
// before it returns. A write that
// Redis took and the disk did not stops all further ones: what the node then
// routes by would not survive it.
func (e *embedded) keep(deltas string, run func() (outcome, error)) (outcome, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.failed(); err != nil {
		return outcome{}, unavailable(err)
	}
	out, err := run()
	if err != nil {
		var refusal *directory.Error
		if errors.As(err, &refusal) && refusal.Kind == directory.KindUnavailable {
			// The script may have run; what is in memory may not be on disk.
			e.fail(fmt.Errorf("store: the embedded Redis failed: %w", err))
		}
		return out, err
	}
	if e.data == nil {
		return out, nil
	}
	if err := e.data.append(out, deltas); err != nil {
		e.fail(fmt.Errorf("store: the journal cannot be written; restart after the cause is removed: %w", err))
		return out, unavailable(err)
	}
	if err := e.data.compact(context.Background()); err != nil {
		e.log.Warn("the journal was not compacted", "err", err)
	}
	return out, nil
}

func (e *embedded) fail(err error) {
	e.broken.Store(&err)
	e.log.Error("no more changes are taken", "err", err)
}

func (e *embedded) failed() error {
	if p := e.broken.Load(); p != nil {
		return *p
	}
	return nil
}

// keepBooks writes down what has changed in some meters' hashes before it
// returns.
func (e *embedded) keepBooks(keys []string) error {
	if e.data == nil || len(keys) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	if err := e.data.books.keep(ctx, e.client, keys); err != nil {
		e.failBooks(err)
		return err
	}
	return nil
}

// failBooks: a disk that does not take the books takes no changes either.
func (e *embedded) failBooks(err error) {
	e.fail(fmt.Errorf("store: the books cannot be written; restart after the cause is removed: %w", err))
}

func (e *embedded) keepRecord(account directory.AccountID, id, body string) {
	if e.data == nil || id == "" {
		return
	}
	if err := e.data.records.append(account, id, body); err != nil {
		e.log.Error("a call record will not survive the process", "err", err)
	}
}

func (e *embedded) keepDelivery(id directory.WebhookID, state directory.DeliveryState, attempt *directory.Delivery) {
	if e.data == nil {
		return
	}
	if err := e.data.deliveries.keep(id, state, attempt); err != nil {
		e.log.Error("a webhook may be told again after a restart", "err", err)
	}
}

// dropDeliveries forgets webhooks that are gone.
func (e *embedded) dropDeliveries(ids []string) {
	for _, id := range ids {
		if e.data != nil {
			e.data.deliveries.drop(directory.WebhookID(id))
		}
	}
}

func (e *embedded) close() error {
	close(e.stop)
	e.done.Wait()
	e.server.Close()
	if e.data != nil {
		return e.data.close()
	}
	return nil
}
