package provision

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// Settings are an account's switches.
type Settings struct {
	CallLogSync bool   `json:"call_log_sync" doc:"On: the account's call records appear in its call log by themselves. What was recorded while it was off never does."`
	Version     uint64 `json:"version" doc:"Counts the changes; the ETag. 0 while nothing was ever set."`
}

// NewSettings sets an account's switches.
type NewSettings struct {
	CallLogSync *bool `json:"call_log_sync,omitempty" default:"true" doc:"Whether call records appear in the account's call log by themselves."`
}

// settings are an account's, or the defaults.
func (s *Server) settings(id directory.AccountID) *directory.Settings {
	if p := directory.Find[*directory.Settings](s.view, directory.KindSettings, string(id)); p != nil {
		return p
	}
	return directory.DefaultSettings(id)
}

func (s *Server) getSettings(ctx context.Context, in *InAccount) (*Reading[Settings], error) {
	a, err := s.account(ctx, in.Account, settingsRead)
	if err != nil {
		return nil, err
	}
	return renderSettings(s.settings(a.ID)), nil
}

type putSettingsInput struct {
	InAccount
	Precondition
	Rehearsal
	Body NewSettings
}

// putSettings saves all switches at once; they act from that moment on (SU7).
func (s *Server) putSettings(ctx context.Context, in *putSettingsInput) (*Reading[Settings], error) {
	var after *directory.Settings
	err := s.retry(ctx, func() (error, error) {
		a, err := s.account(ctx, in.Account, settingsWrite)
		if err != nil {
			return nil, err
		}
		before := s.settings(a.ID)
		if err := in.check(before.Version); err != nil {
			return nil, err
		}
		next := before.Sync(in.Body.CallLogSync == nil || *in.Body.CallLogSync, now())
		change := directory.Create(next)
		if before.Version > 0 {
			change = directory.Replace(before, next)
		}
		after = written[*directory.Settings](change)
		return s.apply(ctx, in.Rehearsal, change), nil
	})
	if err != nil {
		return nil, err
	}
	return renderSettings(after), nil
}

func renderSettings(p *directory.Settings) *Reading[Settings] {
	return &Reading[Settings]{ETag: etag(p.Version), Body: Settings{CallLogSync: p.CallLogSync, Version: p.Version}}
}

const (
	// scanPage is how many records are read at once where some do not count.
	scanPage = 200
	// maxScan bounds the records one request passes over.
	maxScan = 2000
)

// syncedLog is the call log without what was recorded while the account had
// its synchronisation off (SU6). A page can be short, or even empty, and yet
// have another behind it: what one request passes over is bounded.
func (s *Server) syncedLog(ctx context.Context, id directory.AccountID, cursor string, limit int) ([]routing.Record, string, error) {
	settings := s.settings(id)
	if len(settings.Pauses) == 0 {
		return s.cfg.CallLog.CallLog(ctx, id, cursor, limit)
	}
	var kept []routing.Record
	for passed := 0; passed < maxScan; passed += scanPage {
		records, next, err := s.cfg.CallLog.CallLog(ctx, id, cursor, scanPage)
		if err != nil {
			return nil, "", err
		}
		for i, r := range records {
			if settings.Synced(recorded(r)) {
				kept = append(kept, r)
			}
			if more := i+1 < len(records) || next != ""; len(kept) == limit && more {
				return kept, r.ID, nil
			}
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	return kept, cursor, nil
}

// recorded is when a call became a record.
func recorded(r routing.Record) time.Time {
	if r.Ended.IsZero() {
		return r.Started
	}
	return r.Ended
}

// activity is what an account's call log tells of it.
type activity struct {
	// call is when the latest recorded call began; nil for none.
	call *time.Time
	// sync is when the newest record that counts came into the log, since the
	// account has its provider; nil for none.
	sync *time.Time
}

// activity asks for the accounts' last calls, and reads the call logs of those
// that have a provider, a few at a time. With an error it stops, and what was not
// read is empty.
func (s *Server) activity(ctx context.Context, ids []directory.AccountID) ([]activity, error) {
	const together = 16
	all := make([]activity, len(ids))
	lastCall, err := s.cfg.CallLog.LastCalls(ctx)
	if err != nil {
		return all, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(together)
	for i, id := range ids {
		all[i].call = nullTime(lastCall(id))
		c, _ := s.connection(id)
		if c == nil || all[i].call == nil {
			continue
		}
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			records, _, err := s.syncedLog(ctx, id, "", 1)
			if err == nil && len(records) > 0 && !recorded(records[0]).Before(c.Since) {
				all[i].sync = nullTime(recorded(records[0]))
			}
			return err
		})
	}
	return all, g.Wait()
}
