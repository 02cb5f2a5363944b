package store

import (
	"context"
	"encoding/json"
	"math"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

// AuditEntries answers a question about the audit trail: up to q.Limit entries;
// fewer when there are no more.
func (s *Store) AuditEntries(ctx context.Context, q directory.AuditQuery) ([]directory.AuditEntry, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	defer s.metrics.roundTrip("audit")()
	read := s.trailOfAll
	if q.Account != "" {
		read = s.trailOf
	}
	messages, err := read(ctx, q)
	if err != nil {
		return nil, unavailable(err)
	}
	entries := make([]directory.AuditEntry, len(messages))
	for i, m := range messages {
		if entries[i], err = auditEntryOf(m); err != nil {
			return nil, unavailable(err)
		}
	}
	return entries, nil
}

// AuditEnd returns the number of the oldest entry kept and the place of the
// newest; zeros where there is none.
func (s *Store) AuditEnd(ctx context.Context) (oldest uint64, newest directory.AuditPosition, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	c, err := readChain(ctx, s.client)
	if err != nil {
		return 0, newest, unavailable(err)
	}
	return c.first, directory.AuditPosition{Ms: c.ms, Number: c.n}, nil
}

// auditEntryOf reads an entry. One whose text makes no sense is shown as that:
// it must not hide the others.
func auditEntryOf(m redis.XMessage) (e directory.AuditEntry, err error) {
	l, err := parseLine(m)
	if err != nil {
		return e, err
	}
	e.AuditPosition = directory.AuditPosition{Ms: l.At, Number: l.N}
	var d auditData
	if json.Unmarshal(l.Data, &d) != nil {
		d = auditData{Note: &directory.Note{Outcome: "unreadable"}}
	}
	e.Actor, e.Note, e.Changes = d.Actor, d.Note, d.Changes
	return e, nil
}

// trailOfAll reads the trail itself.
func (s *Store) trailOfAll(ctx context.Context, q directory.AuditQuery) ([]redis.XMessage, error) {
	from, to := "-", "+"
	if !q.From.IsZero() {
		from = strconv.FormatInt(q.From.UnixMilli(), 10)
	}
	if !q.To.IsZero() {
		to = strconv.FormatInt(q.To.UnixMilli()-1, 10)
	}
	if q.Ascending {
		if q.Beyond.Number > 0 {
			from = "(" + trailID(q.Beyond)
		}
		return s.client.XRangeN(ctx, keyAudit, from, to, int64(q.Limit)).Result()
	}
	if q.Beyond.Number > 0 {
		to = "(" + trailID(q.Beyond)
	}
	return s.client.XRevRangeN(ctx, keyAudit, to, from, int64(q.Limit)).Result()
}

// trailOf reads the entries an account's index names.
func (s *Store) trailOf(ctx context.Context, q directory.AuditQuery) ([]redis.XMessage, error) {
	low, high, err := s.numbers(ctx, q)
	if err != nil || low > high {
		return nil, err
	}
	by := &redis.ZRangeBy{Min: strconv.FormatUint(low, 10), Max: "+inf", Count: int64(q.Limit)}
	if high < math.MaxUint64 {
		by.Max = strconv.FormatUint(high, 10)
	}
	index := keyTrailOf + string(q.Account)
	read := s.client.ZRevRangeByScore
	if q.Ascending {
		read = s.client.ZRangeByScore
	}
	ids, err := read(ctx, index, by).Result()
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	found := make([]*redis.XMessageSliceCmd, len(ids))
	_, err = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			found[i] = p.XRangeN(ctx, keyAudit, id, id, 1)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var messages []redis.XMessage
	for _, cmd := range found {
		messages = append(messages, cmd.Val()...)
	}
	return messages, nil
}

// numbers turns the bounds of a question into the numbers of entries.
func (s *Store) numbers(ctx context.Context, q directory.AuditQuery) (low, high uint64, err error) {
	low, high = 1, math.MaxUint64
	number := func(m []redis.XMessage, none uint64) uint64 {
		if len(m) == 0 {
			return none
		}
		at, e := parseTrailID(m[0].ID)
		if e != nil {
			err = e
		}
		return at.Number
	}
	if !q.From.IsZero() {
		m, e := s.client.XRangeN(ctx, keyAudit, strconv.FormatInt(q.From.UnixMilli(), 10), "+", 1).Result()
		if e != nil {
			return 0, 0, e
		}
		low = number(m, math.MaxUint64)
	}
	if !q.To.IsZero() {
		m, e := s.client.XRevRangeN(ctx, keyAudit, strconv.FormatInt(q.To.UnixMilli()-1, 10), "-", 1).Result()
		if e != nil {
			return 0, 0, e
		}
		high = number(m, 0)
	}
	if beyond := q.Beyond.Number; beyond > 0 && q.Ascending {
		low = max(low, beyond+1)
	} else if beyond > 0 {
		high = min(high, beyond-1)
	}
	return low, high, err
}
