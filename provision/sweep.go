package provision

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

const (
	// sweepEvery is how often what has ended is looked for.
	sweepEvery = time.Minute
	// sweepBatch bounds what one write removes, sweepBatches the writes of one
	// round: the rest waits for the next.
	sweepBatch, sweepBatches = 100, 20
)

// Run keeps house until ctx is done: sessions and tokens that have ended are
// removed, and webhooks told what happens. Every node removes; of two at once one
// finds the work done. One node tells.
func (s *Server) Run(ctx context.Context) error {
	var telling sync.WaitGroup
	telling.Go(func() { s.dispatch(ctx) })
	defer telling.Wait()
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case at := <-tick.C:
			if s.cfg.Ready != nil && s.cfg.Ready() != nil {
				continue
			}
			if n, err := s.sweep(ctx, at); err != nil {
				s.log.WarnContext(ctx, "what has ended was not all removed", slog.Int("removed", n), slog.String("error", err.Error()))
			}
		}
	}
}

// sweep removes what has ended at a time and returns how much that was. An access
// token's end is an audit entry of its own, with who acted and the account (AC9).
func (s *Server) sweep(ctx context.Context, at time.Time) (int, error) {
	removed := 0
	for range sweepBatches {
		ended := s.view.Expired(at, sweepBatch)
		if len(ended) == 0 {
			return removed, nil
		}
		var rest []directory.Object
		for _, o := range ended {
			t, ok := o.(*directory.Token)
			if !ok || t.Use != directory.TokenAccess {
				rest = append(rest, o)
				continue
			}
			by := directory.Actor{Principal: t.Actor, Subject: t.Account, Action: "access expired"}
			n, err := s.clear(ctx, by, t)
			if removed += n; err != nil {
				return removed, err
			}
		}
		// What stood behind an access token goes behind it.
		n, err := s.clear(ctx, directory.Actor{Principal: "interlink", Action: "expired"}, rest...)
		if removed += n; err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// clear deletes objects, with what needs them, that may be gone already.
func (s *Server) clear(ctx context.Context, by directory.Actor, objects ...directory.Object) (int, error) {
	if len(objects) == 0 {
		return 0, nil
	}
	seq, _ := s.view.Seq()
	err := s.repo.Apply(ctx, by, s.uproot(objects...)...)
	if overtaken := overtaken(err); isKind(overtaken, directory.KindStale) {
		// Another node was first; its write is on its way to this view.
		wait, cancel := context.WithTimeout(ctx, catchUp)
		defer cancel()
		if s.view.WaitFor(wait, seq+1) != nil {
			return 0, overtaken
		}
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return len(objects), nil
}
