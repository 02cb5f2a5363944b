package store

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

//go:embed lastcall.lua
var lastCallSource string

const (
	// lastCallPage is how many accounts are read at a time: some 100 kB.
	lastCallPage = 2000
	// lastCallSlack is how far Redis' clock may go back unnoticed, ms.
	lastCallSlack = 2000
)

func lastCallKeys() []string { return []string{keyLastCalls, keyLastCallOrder} }

// lastCalls is a copy of when each account's latest recorded call began. Redis
// keeps the accounts in the order in which that changed, so that a node reads
// what has changed since it last looked, not the logs of all accounts.
type lastCalls struct {
	client redis.UniversalClient

	reading sync.Mutex // held while Redis is asked
	// noted is the greatest score read so far.
	noted int64

	mu    sync.RWMutex
	times callTimes
}

// LastCalls reads what is new and returns a way to ask when an account's latest
// recorded call began; the zero time where none was recorded. It is for one
// goroutine, and quickest where the accounts come in the order of their ids.
func (s *Store) LastCalls(ctx context.Context) (func(directory.AccountID) time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	defer s.metrics.roundTrip("last_calls")()
	l := &s.lastCalls
	l.reading.Lock()
	defer l.reading.Unlock()
	if err := l.refresh(ctx); err != nil {
		return nil, unavailable(err)
	}
	at := 0
	return func(id directory.AccountID) time.Time {
		l.mu.RLock()
		defer l.mu.RUnlock()
		return fromMillis(l.times.get(id, &at))
	}, nil
}

// refresh reads what has changed.
func (l *lastCalls) refresh(ctx context.Context) error {
	known := l.noted > 0
	n, err := l.read(ctx)
	if err == nil && known && n == 0 {
		// At least the last one read must still be there: Redis lost its data,
		// or that account is gone.
		l.mu.Lock()
		l.times = callTimes{}
		l.mu.Unlock()
		l.noted = 0
		_, err = l.read(ctx)
	}
	return err
}

// read reads page by page from the last one known on and returns how many
// accounts it read.
func (l *lastCalls) read(ctx context.Context) (n int, err error) {
	from, skip := max(0, l.noted-lastCallSlack), int64(0)
	for {
		page, err := l.client.ZRangeByScoreWithScores(ctx, keyLastCallOrder, &redis.ZRangeBy{
			Min: strconv.FormatInt(from, 10), Max: "+inf", Offset: skip, Count: lastCallPage}).Result()
		if err != nil {
			return n, err
		}
		n += len(page)
		if err := l.take(ctx, page); err != nil {
			return n, err
		}
		if len(page) < lastCallPage {
			return n, nil
		}
		// The next page begins behind those with the score of the last.
		last := int64(page[len(page)-1].Score)
		if last != from {
			from, skip = last, 0
		}
		for i := len(page) - 1; i >= 0 && int64(page[i].Score) == last; i-- {
			skip++
		}
	}
}

// take reads the times of a page's accounts.
func (l *lastCalls) take(ctx context.Context, page []redis.Z) error {
	if len(page) == 0 {
		return nil
	}
	ids := make([]string, len(page))
	for i, z := range page {
		ids[i], _ = z.Member.(string)
	}
	times, err := l.client.HMGet(ctx, keyLastCalls, ids...).Result()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, t := range times {
		text, ok := t.(string)
		if !ok {
			continue // its account went meanwhile
		}
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("store: the last call of %s reads %q", ids[i], text)
		}
		l.times.set(directory.AccountID(ids[i]), ms)
		l.noted = max(l.noted, int64(page[i].Score))
	}
	l.times.settle()
	return nil
}

// latest gathers when calls began that are being filed.
type latest map[directory.AccountID]int64

func (l latest) add(account directory.AccountID, ms int64) { l[account] = max(l[account], ms) }

// send notes them; nil where there are none.
func (l latest) send(ctx context.Context, c redis.Cmdable) *redis.Cmd {
	if len(l) == 0 {
		return nil
	}
	args := make([]any, 0, 2*len(l))
	for account, ms := range l {
		args = append(args, string(account), ms)
	}
	return c.Eval(ctx, lastCallSource, lastCallKeys(), args...)
}

// sent forgets what has been noted. What was not goes with the next batch.
func (l latest) sent(cmd *redis.Cmd) error {
	if cmd == nil {
		return nil
	}
	if err := cmd.Err(); err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	clear(l)
	return nil
}
