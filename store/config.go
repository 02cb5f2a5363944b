package store

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config says where the store keeps things and what it may spend.
type Config struct {
	// URL of Redis: redis://, rediss:// or unix:// for one server,
	// redis+sentinel://host1,host2/master, or a comma list of redis:// for a
	// Cluster. Not used when Embedded.
	URL string
	// Embedded runs a Redis inside the process, for one node.
	Embedded bool
	// DataDir is where an embedded store keeps the directory, the call records
	// and what calls have cost and talked. With a Redis of its own a store keeps its last view of the
	// directory there, without the keys of interlinks, and starts from it when
	// Redis does not answer. Empty keeps nothing beyond the process.
	DataDir string
	// ViewEvery is how often, at most, a view that has changed is kept in
	// DataDir; 0 for 30 s. A large one is kept less often: writing takes a
	// twentieth of the time at most.
	ViewEvery time.Duration
	// ClusterKey is the secret all nodes share, 16 octets or more; it seals
	// what is kept for idempotent requests. Only an embedded store may go
	// without, and then makes up one for its own life.
	ClusterKey []byte
	// NodeID names this node among others; empty for a random one. A process
	// is known by it and a random part that changes with every start.
	NodeID string
	// Domain names the ledger whose limits hold together; empty for "default".
	Domain string

	// AdmitBudget is all the time an admission may take, from hand-over to
	// answer; 0 for 150 ms.
	AdmitBudget time.Duration
	// EarlyTTL is how long a lease of a ringing call outlives the last sign of
	// its owner, ConfirmedTTL that of an answered one without a session timer;
	// 0 for 240 s and 15 min.
	EarlyTTL, ConfirmedTTL time.Duration
	// MaxQueue bounds the operations waiting for the ledger; 0 for 16384.
	MaxQueue int
	// MaxReleases bounds the releases kept for a Redis that is away, at some
	// 300 octets each; 0 for 131072 (40 MB). Beyond it the oldest is dropped,
	// and its lines come back when the lease expires.
	MaxReleases int

	// RecordsPerAccount is about how many call records each account's log
	// keeps; 0 for 10000.
	RecordsPerAccount int64
	// MaxRecords bounds the call records waiting to be filed; 0 for 65536.
	MaxRecords int
	// ChangesKept is about how many changes a node may fall behind before it
	// loads the whole directory; 0 for 10000, embedded 64.
	ChangesKept int64
	// AuditKept is about how many audit entries are kept; 0 for 1,000,000,
	// embedded 10000.
	AuditKept int64
	// MetricsAccounts bounds the accounts whose lines appear as metrics; 0 for
	// 200.
	MetricsAccounts int

	// Registerer takes the metrics; nil for none.
	Registerer prometheus.Registerer
	// Log takes what an operator should know; nil for slog.Default.
	Log *slog.Logger
}

func (c Config) withDefaults() (Config, error) {
	setDuration(&c.AdmitBudget, 150*time.Millisecond)
	setDuration(&c.EarlyTTL, 240*time.Second)
	setDuration(&c.ConfirmedTTL, 15*time.Minute)
	setDuration(&c.ViewEvery, 30*time.Second)
	changes, audit := int64(10_000), int64(1_000_000)
	if c.Embedded {
		// The embedded Redis searches a stream from its beginning.
		changes, audit = 64, 10_000
	}
	setCount(&c.MaxQueue, 16_384)
	setCount(&c.MaxReleases, 131_072)
	setCount(&c.RecordsPerAccount, 10_000)
	setCount(&c.MaxRecords, 65_536)
	setCount(&c.ChangesKept, changes)
	setCount(&c.AuditKept, audit)
	setCount(&c.MetricsAccounts, 200)
	if c.Domain == "" {
		c.Domain = "default"
	}
	if c.NodeID == "" {
		c.NodeID = rand.Text()[:8]
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	switch {
	case c.Embedded && len(c.ClusterKey) == 0:
		c.ClusterKey = []byte(rand.Text())
	case len(c.ClusterKey) < 16:
		return c, errors.New("store: the cluster key has less than 16 octets")
	case !c.Embedded && c.URL == "":
		return c, errors.New("store: neither a Redis URL nor an embedded store")
	}
	return c, nil
}

func setDuration(d *time.Duration, fallback time.Duration) {
	if *d <= 0 {
		*d = fallback
	}
}

func setCount[N int | int64](n *N, fallback N) {
	if *n <= 0 {
		*n = fallback
	}
}
