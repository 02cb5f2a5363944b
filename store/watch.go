package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

const (
	// blockFor is how long one read of the change stream waits for entries;
	// after each the position is checked against Redis.
	blockFor = time.Second
	// readGrace is what a read may take beyond that before Redis counts as away.
	readGrace = 2 * time.Second
	// reconnectMax is the longest pause between attempts.
	reconnectMax = time.Second
	readCount    = 512
)

// watch keeps a view equal to the directory in Redis: it loads all of it, then
// follows the change stream. Entries are numbered without gaps; a gap, a number
// that goes backwards or an unknown last entry (a trimmed stream, FLUSHALL, an
// older copy restored, a failover that lost writes) leads to a new load.
type watch struct {
	client redis.UniversalClient
	view   *directory.View
	log    *slog.Logger

	// lastID and seq are the entry the view stands at.
	lastID string
	seq    uint64

	// prepare, where not nil, makes a Redis that was away at the start ready.
	prepare func(context.Context) error

	// loads is how often the view was loaded from Redis.
	loads   atomic.Int64
	trouble atomic.Pointer[error]
	// checked is when the view was last known to be current, Unix ms.
	checked atomic.Int64
	reloads atomic.Int64
}

// errGap says that the stream does not continue where the view stands.
var errGap = errors.New("the change stream does not continue where the view stands")

func newWatch(c redis.UniversalClient, v *directory.View, log *slog.Logger) *watch {
	return &watch{client: c, view: v, log: log}
}

func (w *watch) ready() error {
	if p := w.trouble.Load(); p != nil {
		return fmt.Errorf("store: the directory is not followed: %w", *p)
	}
	return nil
}

func (w *watch) current() {
	w.checked.Store(time.Now().UnixMilli())
	w.trouble.Store(nil)
}

// stand makes the view a copy from the disk that was current at a time, until
// Redis is there.
func (w *watch) stand(seq uint64, at time.Time, loader *directory.Loader, cause error) {
	w.view.Replace(seq, at, loader)
	w.checked.Store(at.UnixMilli())
	err := w.copied(cause)
	w.trouble.Store(&err)
}

// copied says what a view is that never came from Redis.
func (w *watch) copied(cause error) error {
	at := time.UnixMilli(w.checked.Load()).UTC().Format(time.RFC3339)
	return fmt.Errorf("routing goes by the copy of %s on the disk: %w", at, cause)
}

// begin loads the view from a Redis that was away at the start.
func (w *watch) begin(ctx context.Context) error {
	if w.prepare != nil {
		if err := w.prepare(ctx); err != nil {
			return w.copied(err)
		}
	}
	if err := w.load(ctx); err != nil {
		return w.copied(err)
	}
	return nil
}

// run follows the stream until ctx ends.
func (w *watch) run(ctx context.Context) {
	pause := 10 * time.Millisecond
	for ctx.Err() == nil {
		var err error
		if w.loads.Load() == 0 {
			err = w.begin(ctx)
		} else {
			err = w.follow(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errGap) {
			w.log.Warn("loading the directory anew", "cause", err, "seq", w.seq)
			w.reloads.Add(1)
			err = w.load(ctx)
		}
		if err == nil {
			pause = 10 * time.Millisecond
			continue
		}
		if w.trouble.Swap(&err) == nil {
			w.log.Error("lost the directory's change stream; routing goes on from memory", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, reconnectMax)
	}
}

// follow reads entries and applies them until something is wrong.
func (w *watch) follow(ctx context.Context) error {
	if err := w.check(ctx); err != nil {
		return err
	}
	for {
		entries, err := w.read(ctx)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			if err := w.check(ctx); err != nil {
				return err
			}
			continue
		}
		for _, e := range entries {
			entry, err := parseEntry(e)
			if err != nil {
				return err
			}
			if entry.seq != w.seq+1 {
				return fmt.Errorf("%w: entry %d after %d", errGap, entry.seq, w.seq)
			}
			w.view.Apply(entry.seq, entry.at, entry.deltas)
			w.lastID, w.seq = e.ID, entry.seq
		}
		w.current()
	}
}

func (w *watch) read(ctx context.Context) ([]redis.XMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, blockFor+readGrace)
	defer cancel()
	streams, err := w.client.XRead(ctx, &redis.XReadArgs{Streams: []string{keyChanges, w.lastID}, Count: readCount, Block: blockFor}).Result()
	if errors.Is(err, redis.Nil) || err == nil && len(streams) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return streams[0].Messages, nil
}

// check compares where the view stands with the end of the stream.
func (w *watch) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readGrace)
	defer cancel()
	seq, id, err := w.end(ctx)
	switch {
	case err != nil:
		return err
	case seq < w.seq:
		return fmt.Errorf("%w: Redis stands at %d", errGap, seq)
	case seq == w.seq && id != w.lastID:
		return fmt.Errorf("%w: another entry has the number %d", errGap, seq)
	case seq > w.seq && (id == w.lastID || id == "0-0"):
		return fmt.Errorf("%w: the entries after %d are gone", errGap, w.seq)
	case seq == w.seq:
		w.current()
	}
	return nil
}

// end returns the stream's last number and entry.
func (w *watch) end(ctx context.Context) (seq uint64, id string, err error) {
	var count *redis.StringCmd
	var last *redis.XMessageSliceCmd
	_, err = w.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		count = p.Get(ctx, keySeq)
		last = p.XRevRangeN(ctx, keyChanges, "+", "-", 1)
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, "", err
	}
	if text := count.Val(); text != "" {
		if seq, err = strconv.ParseUint(text, 10, 64); err != nil {
			return 0, "", fmt.Errorf("store: the change counter reads %q", text)
		}
	}
	id = "0-0"
	if m := last.Val(); len(m) > 0 {
		id = m[0].ID
	}
	return seq, id, nil
}

// entry is one change stream entry.
type entry struct {
	seq    uint64
	at     time.Time
	deltas []directory.Delta
}

func parseEntry(m redis.XMessage) (entry, error) {
	text := func(field string) string { s, _ := m.Values[field].(string); return s }
	seq, err := strconv.ParseUint(text("seq"), 10, 64)
	if err != nil {
		return entry{}, fmt.Errorf("store: the change %s has no number", m.ID)
	}
	ms, err := strconv.ParseInt(text("at"), 10, 64)
	if err != nil {
		return entry{}, fmt.Errorf("store: the change %s has no time", m.ID)
	}
	deltas, err := parseDeltas([]byte(text("data")))
	if err != nil {
		return entry{}, fmt.Errorf("store: the change %s: %w", m.ID, err)
	}
	return entry{seq, time.UnixMilli(ms), deltas}, nil
}

func parseDeltas(data []byte) ([]directory.Delta, error) {
	var raw []entryDelta
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, err
	}
	deltas := make([]directory.Delta, 0, len(raw))
	for _, r := range raw {
		d := directory.Delta{Ref: directory.Ref{Kind: r.Kind, ID: r.ID}}
		if directory.New(r.Kind) == nil {
			continue // a newer version's noun; this one routes without it
		}
		if len(r.After) > 0 {
			o, err := decodeObject(r.Kind, string(r.After))
			if err != nil {
				return nil, err
			}
			d.After = o
		}
		deltas = append(deltas, d)
	}
	return deltas, nil
}
