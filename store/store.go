package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// Store is the directory, the ledger and the journal of one node.
type Store struct {
	cfg     Config
	log     *slog.Logger
	client  redis.UniversalClient
	scripts scripts
	keys    ledgerKeys
	// incarnation is this process among all that ever ran under the node's id.
	incarnation string
	own, fence  string // its keys, built once
	seal        *sealer
	trailKeys   trailKeys
	notary      *notary
	metrics     *metrics
	embedded    *embedded // nil on a Redis of its own
	view        *directory.View
	watch       *watch
	last        *lastView // nil when embedded or without a data directory
	ledger      *ledger
	writer      *recordWriter
	lastCalls   lastCalls

	stop    context.CancelFunc
	running sync.WaitGroup
	closed  atomic.Bool

	endMu sync.Mutex
	onEnd []func(routing.LeaseID)
}

// Open connects, loads the directory and follows it from then on. It fails when
// Redis does not answer before ctx ends.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{
		cfg: cfg, log: cfg.Log, scripts: newScripts(), keys: newLedgerKeys(cfg.Domain),
		incarnation: cfg.NodeID + "#" + rand.Text(), view: directory.NewView(),
	}
	s.own, s.fence = s.keys.own(s.incarnation), s.keys.fence(s.incarnation)
	if s.seal, err = newSealer(cfg.ClusterKey); err != nil {
		return nil, err
	}
	if s.trailKeys, err = newTrailKeys(cfg.ClusterKey); err != nil {
		return nil, err
	}
	redis.SetLogger(driverLog{s.log})
	if err := s.connect(); err != nil {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		s.disconnect()
		return nil, err
	}
	return s, nil
}

// connect makes the client, and the Redis behind it when embedded.
func (s *Store) connect() (err error) {
	if s.cfg.Embedded {
		if s.embedded, err = openEmbedded(s.cfg); err != nil {
			return err
		}
		s.client = s.embedded.client
		return nil
	}
	s.client, err = connect(s.cfg.URL)
	return err
}

func (s *Store) disconnect() error { return errors.Join(s.client.Close(), s.letGo()) }

// letGo gives back what is held besides the connections.
func (s *Store) letGo() (err error) {
	if s.last != nil {
		err = s.last.lock.Close()
	}
	if s.embedded != nil {
		err = errors.Join(err, s.embedded.close())
	}
	return err
}

// start begins the work that goes on until Close.
func (s *Store) start(ctx context.Context) error {
	s.watch = newWatch(s.client, s.view, s.log)
	s.watch.prepare = s.prepare
	if err := s.begin(ctx); err != nil {
		return err
	}
	s.ledger = newLedger(s)
	s.writer = newRecordWriter(s)
	s.lastCalls.client = s.client
	s.metrics = newMetrics(s)
	if err := s.metrics.register(); err != nil {
		return fmt.Errorf("store: metrics: %w", err)
	}
	s.notary = &notary{client: s.client, scripts: &s.scripts, keys: s.trailKeys, log: s.log, alone: s.embedded != nil}
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.running.Go(func() { s.watch.run(background) })
	s.running.Go(func() { s.listenEnds(background) })
	s.running.Go(func() { s.notary.run(background) })
	s.running.Go(func() { s.sweep(background) })
	if s.last != nil {
		s.running.Go(func() { s.last.run(background) })
	}
	s.ledger.start()
	s.writer.start()
	return nil
}

// Close hands what is still queued to Redis, waiting for it a few seconds at
// most, and lets go of everything. Leases of calls that still stand stay. What is
// handed over later is neither carried out nor answered.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.ledger.close()
	s.writer.close()
	s.stop()
	s.metrics.unregister()
	err := s.client.Close() // ends the reads that block
	s.running.Wait()
	if s.last != nil {
		s.last.save()
	}
	return errors.Join(err, s.letGo())
}

// View is the directory in memory, kept current until Close.
func (s *Store) View() *directory.View { return s.view }

// Ready reports why the node should not be given calls: nil when Redis answers
// and the view is current.
func (s *Store) Ready() error {
	if s.closed.Load() {
		return errors.New("store: closed")
	}
	if s.embedded != nil {
		if err := s.embedded.failed(); err != nil {
			return err
		}
	}
	return s.watch.ready()
}

// unavailable is what callers learn when Redis did not do what it was asked:
// whether it did is unknown.
func unavailable(err error) error {
	return &directory.Error{Kind: directory.KindUnavailable, Code: "store_unavailable", Detail: "The store did not answer in time.", Err: err}
}

// requestTimeout bounds every request outside the ledger and the watch.
const requestTimeout = 5 * time.Second
