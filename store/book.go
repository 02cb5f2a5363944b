package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// What a call on terms has cost, and its minutes, are booked once: by book.lua
// before its lease is released, or where nobody releases it, once its lease has
// run out, by whoever looks at the account next: a call that asks, a reader, or
// the sweep. It is booked then up to when its owner last renewed the lease.

const (
	// sweepEvery is how often a node looks for calls on terms that nobody gave
	// back, sweepBatch how many accounts at a time.
	sweepEvery = 5 * time.Second
	sweepBatch = 64
)

// meter counts calls on terms for an account: the money they cost, or the minutes
// of its licences that they use.
type meter struct {
	account directory.AccountID
	minutes bool
}

// onMeters reports whether meters count the call of a lease held there: its
// location ends with one then.
func onMeters(loc string) bool {
	last := loc[strings.LastIndexByte(loc, ' ')+1:]
	return len(last) > 2 && last[1] == ':' && (last[0] == 'm' || last[0] == 't')
}

// eachMeter calls yield for every meter of a location.
func eachMeter(loc string, yield func(meter)) {
	if !onMeters(loc) {
		return
	}
	for word := range strings.FieldsSeq(loc) {
		if account, pays := strings.CutPrefix(word, "m:"); pays {
			yield(meter{account: directory.AccountID(account)})
		} else if account, talks := strings.CutPrefix(word, "t:"); talks {
			yield(meter{directory.AccountID(account), true})
		}
	}
}

// answerWords are the keys and arguments of answer.lua; none where nobody counts.
func (s *Store) answerWords(lease routing.LeaseID, loc string, lasts time.Duration) (keys []string, args []any) {
	eachMeter(loc, func(m meter) { keys = append(keys, s.keys.tally(m)) })
	return keys, []any{leaseText(lease), lasts.Milliseconds()}
}

// bookWords are the keys and arguments of book.lua; none where nobody counts.
func (s *Store) bookWords(lease routing.LeaseID, loc string) (keys []string, args []any) {
	bills, licences := 0, []any(nil)
	eachMeter(loc, func(m meter) {
		keys = append(keys, s.keys.tally(m), s.keys.metered(m))
		if m.minutes {
			licences = s.licences(m.account)
		} else {
			bills++
		}
	})
	return keys, append([]any{leaseText(lease), bills}, licences...)
}

// settleAccounts books a call outside of the ledger's queue.
func (s *Store) settleAccounts(ctx context.Context, lease routing.LeaseID, loc string) error {
	keys, args := s.bookWords(lease, loc)
	if keys == nil {
		return nil
	}
	if err := s.scripts.book.run(ctx, s.client, keys, args...).Err(); err != nil {
		return err
	}
	return s.keepMeters(loc)
}

// keepMeters has an embedded store put what the meters of a location count onto
// the disk.
func (s *Store) keepMeters(loc string) error {
	if s.embedded == nil {
		return nil
	}
	var keys []string
	eachMeter(loc, func(m meter) { keys = append(keys, s.keys.tally(m)) })
	return s.embedded.keepBooks(keys)
}

// keepRound does so for all operations of a round.
func (l *ledger) keepRound() {
	if l.s.embedded == nil {
		return
	}
	var keys []string
	for _, o := range l.sent {
		if o.metered() {
			eachMeter(o.loc, func(m meter) { keys = append(keys, l.s.keys.tally(m)) })
		}
	}
	if err := l.s.embedded.keepBooks(keys); err != nil {
		l.s.log.Error("what calls have cost may not survive the process", "err", err)
	}
}

// tallied is what an account's calls on terms have cost and talked.
type tallied struct {
	routing.Spending
	used map[directory.LicenceID]int64
}

var errTally = errors.New("the account's tally does not read")

// tally books what nobody gave back and reads what an account's calls have cost
// and talked.
func (s *Store) tally(ctx context.Context, account directory.AccountID) (out tallied, err error) {
	keys := s.tallyKeys(account)
	reply, err := s.scripts.tally.run(ctx, s.client, keys, append([]any{string(account), callOutlives}, s.licences(account)...)...).Slice()
	if err != nil {
		return out, err
	}
	if len(reply) < 3 || len(reply)%2 == 0 {
		return out, errTally
	}
	for i, n := range [...]*int64{&out.Running, &out.Minutes, &out.Spent} {
		*n, _ = reply[i].(int64)
	}
	out.used = map[directory.LicenceID]int64{}
	for i := 3; i < len(reply); i += 2 {
		id, _ := reply[i].(string)
		out.used[directory.LicenceID(id)], _ = reply[i+1].(int64)
	}
	if s.embedded != nil {
		err = s.embedded.keepBooks([]string{keys[1], keys[3]})
	}
	return out, err
}

// Talked reads how many minutes of its licences an account has used.
func (s *Store) Talked(ctx context.Context, account directory.AccountID) (map[directory.LicenceID]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	out, err := s.tally(ctx, account)
	if err != nil {
		return nil, unavailable(err)
	}
	return out.used, nil
}

// Spending reads what an account's calls on terms have cost, and what those that
// run will have cost a minute from now.
func (s *Store) Spending(ctx context.Context, account directory.AccountID) (routing.Spending, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	out, err := s.tally(ctx, account)
	if err != nil {
		return routing.Spending{}, unavailable(err)
	}
	return out.Spending, nil
}

// sweep books calls on terms that nobody gave back, until ctx ends.
func (s *Store) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		if !s.ledger.open.Load() {
			if err := s.sweepDue(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("calls that nobody gave back are not booked yet", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// sweepDue looks at the accounts of which a call may have run out.
func (s *Store) sweepDue(ctx context.Context) error {
	for {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		list, err := s.client.ZRangeWithScores(ctx, s.keys.meters(), 0, sweepBatch-1).Result()
		if err != nil || len(list) == 0 {
			return err
		}
		clock, err := s.client.Time(ctx).Result()
		if err != nil {
			return err
		}
		for _, z := range list {
			if int64(z.Score)+callOutlives >= clock.UnixMilli() {
				return nil // the others are later still
			}
			account, _ := z.Member.(string)
			if err := s.sweepAccount(ctx, directory.AccountID(account)); err != nil {
				return err
			}
		}
	}
}

// sweepAccount books what nobody gave back of an account's calls, and forgets it all
// where the account is deleted.
func (s *Store) sweepAccount(ctx context.Context, account directory.AccountID) error {
	if _, err := s.tally(ctx, account); err != nil {
		return err
	}
	gone, err := s.gone(ctx, account)
	if err != nil || !gone {
		return err
	}
	return s.clearTally(ctx, account)
}

// command is the script's call for a pipeline.
func (s script) command(ctx context.Context, keys []string, args []any) *redis.Cmd {
	words := append(make([]any, 0, 3+len(keys)+len(args)), "evalsha", s.hash, len(keys))
	for _, k := range keys {
		words = append(words, k)
	}
	return redis.NewCmd(ctx, append(words, args...)...)
}
