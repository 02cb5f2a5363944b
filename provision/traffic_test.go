package provision

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// stalled is a store that takes questions about calls and never answers.
type stalled struct {
	*store
	on    *atomic.Bool
	asked *atomic.Int32
}

func (s stalled) Lines(ctx context.Context, ids []directory.AccountID) ([]routing.Lines, error) {
	if !s.on.Load() {
		return s.store.Lines(ctx, ids)
	}
	s.asked.Add(1)
	<-ctx.Done()
	return nil, ctx.Err()
}

func (s stalled) CallLog(ctx context.Context, id directory.AccountID, cursor string, limit int) ([]routing.Record, string, error) {
	if !s.on.Load() {
		return s.store.CallLog(ctx, id, cursor, limit)
	}
	s.asked.Add(1)
	<-ctx.Done()
	return nil, "", ctx.Err()
}

// An account is in memory: a store that stalls costs its reader one second, not
// one for each question to the store.
func TestAccountsAreReadWhileTheStoreStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var on atomic.Bool
		var asked atomic.Int32
		w := newWorld(t, func(c *Config) {
			s := stalled{c.Calls.(*store), &on, &asked}
			c.Calls, c.CallLog = s, s
		})
		a := ""
		for range 40 {
			a = w.account("Brown")
		}
		on.Store(true)
		for _, path := range []string{a, "/v1/accounts", "/v1/accounts?sort=name"} {
			began := time.Now()
			asked.Store(0)
			r := w.do(get(path)).want(200)
			if took := time.Since(began); took != trafficTime || asked.Load() != 1 {
				t.Errorf("%s: %s, %d questions", path, took, asked.Load())
			}
			if path != a {
				continue
			}
			if used, ok := r.body["lines"].(obj)["used"]; !ok || used != nil || r.body["last_call"] != nil {
				t.Errorf("not null: %s", r.text)
			}
		}
	})
}

// An order that needs the call log is not made up without it.
func TestSortByLastCallNeedsTheStore(t *testing.T) {
	w := newWorld(t)
	w.account("Brown")
	w.store.broken = errBroken
	w.do(get("/v1/accounts?sort=-last_call")).want(503, "store_unavailable")
	w.do(get("/v1/accounts?sort=name")).want(200)
}
