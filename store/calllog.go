package store

import (
	"context"
	"strconv"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// CallLog returns up to limit call records of an account, newest first, that
// are older than the cursor ("" for the newest), and the cursor of the next
// page ("" when there is none).
func (s *Store) CallLog(ctx context.Context, account directory.AccountID, cursor string, limit int) (records []routing.Record, next string, err error) {
	end := "+"
	if cursor != "" {
		if !validCursor(cursor) {
			return nil, "", directory.Invalid("", "cursor_invalid", "The cursor is not one this list gave.")
		}
		end = "(" + cursor
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	defer s.metrics.roundTrip("call_log")()
	limit = max(limit, 1)
	entries, err := s.client.XRevRangeN(ctx, keyCallLog(account), end, "-", int64(limit)+1).Result()
	if err != nil {
		return nil, "", unavailable(err)
	}
	if len(entries) > limit {
		entries = entries[:limit]
		next = entries[limit-1].ID
	}
	for _, e := range entries {
		body, _ := e.Values["r"].(string)
		r, err := parseRecord(account, e.ID, body)
		if err != nil {
			return nil, "", unavailable(err)
		}
		records = append(records, r)
	}
	return records, next, nil
}

// validCursor reports whether s is a stream id: milliseconds, "-", a number.
func validCursor(s string) bool {
	ms, n, ok := strings.Cut(s, "-")
	if !ok {
		return false
	}
	_, err1 := strconv.ParseUint(ms, 10, 64)
	_, err2 := strconv.ParseUint(n, 10, 64)
	return err1 == nil && err2 == nil
}
