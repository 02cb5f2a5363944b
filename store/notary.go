package store

import (
	"context"
	"crypto/hmac"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

// sealEvery is how often a node looks whether the trail has grown; so much of it
// at the end nobody vouches for yet.
const sealEvery = time.Second

// trailPage is how many entries are read at a time, sealMost how many are checked
// before they are sealed.
const (
	trailPage = 500
	sealMost  = 20_000
)

// notary vouches for the audit trail. The hashes that chain its entries anybody
// can form; so a node checks what was added since the last seal and seals the
// new end with a key that Redis does not have. Whoever edits, takes out or moves
// an entry before the seal cannot make the chain end in it again.
type notary struct {
	client  redis.UniversalClient
	scripts *scripts
	keys    trailKeys
	log     *slog.Logger
	// alone: the trail comes from this node's own disk, where no seal is kept.
	alone bool

	mu sync.Mutex
	// last is the newest seal this process has seen.
	last seal
	told uint64
}

// seal says that the chain up to an entry is as the nodes wrote it.
type seal struct {
	number   uint64
	id, hash string
	// first is the number of the oldest entry kept when it was made.
	first uint64
	mac   string
}

// chainState is what Redis keeps beside the trail.
type chainState struct {
	n, first uint64
	ms       int64
	hash     string
	seal     seal
}

// fault is the first thing that is wrong with the trail.
type fault struct {
	number uint64
	reason string
}

func (k trailKeys) sealOf(s seal) string {
	return macText(k.seal, strconv.FormatUint(s.number, 10), s.id, s.hash, strconv.FormatUint(s.first, 10))
}

func readChain(ctx context.Context, c redis.UniversalClient) (st chainState, err error) {
	var raw struct {
		N        uint64 `redis:"n"`
		Ms       int64  `redis:"ms"`
		Hash     string `redis:"hash"`
		First    uint64 `redis:"first"`
		Sealed   uint64 `redis:"sealed"`
		SealID   string `redis:"seal_id"`
		SealHash string `redis:"seal_hash"`
		SealLow  uint64 `redis:"seal_first"`
		Seal     string `redis:"seal"`
	}
	if err = c.HGetAll(ctx, keyChain).Scan(&raw); err != nil {
		return st, err
	}
	return chainState{
		n: raw.N, first: raw.First, ms: raw.Ms, hash: raw.Hash,
		seal: seal{raw.Sealed, raw.SealID, raw.SealHash, raw.SealLow, raw.Seal},
	}, nil
}

// run seals from time to time until ctx ends.
func (n *notary) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(sealEvery):
		}
		f, err := n.seal(ctx)
		if err != nil || f == nil {
			continue // Redis is away: the change stream's reader says so
		}
		n.mu.Lock()
		if n.told != f.number {
			n.told = f.number
			n.log.Error("the audit trail is not what was written; it is not sealed any further", "entry", f.number, "reason", f.reason)
		}
		n.mu.Unlock()
	}
}

// seal checks what was added to the trail, a part of it where that is much, and
// vouches for it.
func (n *notary) seal(ctx context.Context) (*fault, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	c, err := readChain(ctx, n.client)
	if err != nil {
		return nil, err
	}
	base := c.seal
	if base.number > 0 && !hmac.Equal([]byte(n.keys.sealOf(base)), []byte(base.mac)) {
		return &fault{base.number, "its seal was not made with the cluster's key"}, nil
	}
	switch {
	case n.last.number > c.n:
		n.log.Warn("the audit trail was set back with the store", "from", n.last.number, "to", c.n)
	case n.last.number > base.number:
		base = n.last // somebody took the seal away
	}
	n.last = base
	if c.n == base.number {
		return nil, nil
	}
	if base.number == 0 && c.first > 1 && !n.alone {
		return &fault{c.first, "nobody has ever vouched for it"}, nil
	}
	end := min(c.n, max(base.number+1, c.first)+sealMost-1)
	w := walk{keys: n.keys, prev: auditLine{N: base.number, Hash: base.hash}, first: c.first}
	if f, err := w.run(ctx, n.client, base.id, end); f != nil || err != nil {
		return f, err
	}
	if w.prev.N != end || end == c.n && w.prev.Hash != c.hash {
		return &fault{w.prev.N + 1, "the newest entries are gone"}, nil
	}
	next := seal{number: end, id: w.prev.id(), hash: w.prev.Hash, first: c.first}
	next.mac = n.keys.sealOf(next)
	err = n.scripts.sealed.run(ctx, n.client, []string{keyChain}, next.number, next.id, next.hash, next.first, next.mac).Err()
	if err == nil {
		n.last = next
	}
	return nil, err
}

// walk goes along the trail and checks each entry against the one before it.
type walk struct {
	keys trailKeys
	// prev is the entry before, its N 0 at the beginning.
	prev auditLine
	// first is the number of the oldest entry kept.
	first uint64
	count int
	// at is called for every entry that is in order.
	at func(auditLine) *fault
}

// run goes from behind the entry with that id ("" for the oldest) to a number.
func (w *walk) run(ctx context.Context, c redis.UniversalClient, behind string, last uint64) (*fault, error) {
	from := "-"
	if behind != "" {
		from = "(" + behind
	}
	for w.prev.N < last {
		messages, err := c.XRangeN(ctx, keyAudit, from, "+", trailPage).Result()
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			l, err := parseLine(m)
			if err != nil {
				return &fault{w.prev.N + 1, "it cannot be read"}, nil
			}
			if l.N > last {
				return nil, nil
			}
			if f := w.step(l); f != nil {
				return f, nil
			}
			from = "(" + m.ID
		}
		if len(messages) < trailPage {
			break
		}
	}
	return nil, nil
}

// step checks one entry. What was trimmed since is no gap.
func (w *walk) step(l auditLine) *fault {
	begins := l.N == w.first && w.prev.N < w.first
	switch {
	case l.N != w.prev.N+1 && !begins:
		return &fault{w.prev.N + 1, "it is missing"}
	case l.Prev != w.prev.Hash && (!begins || w.prev.N+1 == l.N):
		return &fault{l.N, "the entry before it is not the one it was written behind"}
	case l.sum() != l.Hash:
		return &fault{l.N, "it was changed"}
	case !hmac.Equal([]byte(w.keys.macOf(string(l.Data))), []byte(l.MAC)):
		return &fault{l.N, "it was not written with the cluster's key"}
	}
	w.prev = l
	w.count++
	if w.at != nil {
		return w.at(l)
	}
	return nil
}

// sealAll seals all there is now, and returns what Redis then keeps beside the
// trail.
func (s *Store) sealAll(ctx context.Context) (c chainState, f *fault, err error) {
	goal := uint64(0)
	for {
		f, err = s.notary.seal(ctx)
		if err != nil {
			return c, nil, err
		}
		if c, err = readChain(ctx, s.client); err != nil || f != nil {
			return c, f, err
		}
		if goal == 0 {
			goal = c.n
		}
		if c.seal.number >= min(goal, c.n) {
			return c, nil, nil
		}
	}
}

// VerifyAudit checks the whole trail as far as a node vouches for it, which it is
// made to do first. A trail that is broken is no error.
func (s *Store) VerifyAudit(ctx context.Context) (directory.AuditReport, error) {
	var report directory.AuditReport
	broken := func(f *fault) { report.Broken, report.Reason = f.number, f.reason }
	c, f, err := s.sealAll(ctx)
	if err != nil {
		return report, unavailable(err)
	}
	if f != nil {
		broken(f)
	}
	report.First, report.Last, report.Sealed = c.first, c.n, c.seal.number
	w := walk{keys: s.trailKeys, first: c.first, at: func(l auditLine) *fault {
		if l.N == c.seal.number && l.Hash != c.seal.hash {
			return &fault{l.N, "it is not the entry that was sealed"}
		}
		return nil
	}}
	if c.first <= 1 {
		w.first = 1
	}
	if f, err = w.run(ctx, s.client, "", c.n); err != nil {
		return report, unavailable(err)
	}
	report.Entries = w.count
	if f == nil && w.prev.N < c.n {
		f = &fault{w.prev.N + 1, "it is missing"}
	}
	if f != nil && (report.Broken == 0 || f.number < report.Broken) {
		broken(f)
	}
	return report, nil
}
