package provision

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// record puts a write or a note into the audit trail; s.mu is held.
func (s *store) record(actor directory.Actor, note *directory.Note, changes []directory.Change, paths [][]directory.AccountPath) {
	e := directory.AuditEntry{Actor: actor, Note: note}
	e.AuditPosition = directory.AuditPosition{Ms: time.Now().UnixMilli(), Number: uint64(len(s.actors)) + 1}
	if n := len(s.trail); n > 0 {
		e.Ms = max(e.Ms, s.trail[n-1].Ms)
	}
	for i, c := range changes {
		if c.Demand() {
			continue
		}
		change := directory.AuditChange{Kind: c.Ref().Kind, ID: c.Ref().ID, Paths: paths[i]}
		if c.Before != nil {
			change.Before, _ = json.Marshal(c.Before.Redacted()) // nouns always encode
		}
		if after := c.Written(); after != nil {
			change.After, _ = json.Marshal(after.Redacted())
		}
		e.Changes = append(e.Changes, change)
	}
	s.trail = append(s.trail, e)
	s.actors = append(s.actors, actor)
}

func (s *store) Note(_ context.Context, actor directory.Actor, note directory.Note) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	note.Paths = s.view.Paths(note.Accounts...)
	s.record(actor, &note, nil, nil)
	return nil
}

func (s *store) AuditEntries(_ context.Context, q directory.AuditQuery) ([]directory.AuditEntry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, s.broken
	}
	list := slices.Clone(s.trail)
	if !q.Ascending {
		slices.Reverse(list)
	}
	list = slices.DeleteFunc(list, func(e directory.AuditEntry) bool {
		beyond := q.Beyond.Number == 0 || q.Ascending && e.Number > q.Beyond.Number || !q.Ascending && e.Number < q.Beyond.Number
		from := q.From.IsZero() || e.Ms >= q.From.UnixMilli()
		to := q.To.IsZero() || e.Ms < q.To.UnixMilli()
		return !beyond || !from || !to || q.Account != "" && !concerns(e, q.Account)
	})
	return list[:min(len(list), q.Limit)], nil
}

func concerns(e directory.AuditEntry, id directory.AccountID) bool {
	among := func(paths []directory.AccountPath) bool {
		return slices.ContainsFunc(paths, func(p directory.AccountPath) bool { return slices.Contains(p, id) })
	}
	return e.Note != nil && among(e.Note.Paths) ||
		slices.ContainsFunc(e.Changes, func(c directory.AuditChange) bool { return among(c.Paths) })
}

func (s *store) AuditEnd(context.Context) (uint64, directory.AuditPosition, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil || len(s.trail) == 0 {
		return 0, directory.AuditPosition{}, s.broken
	}
	return s.trail[0].Number, s.trail[len(s.trail)-1].AuditPosition, nil
}

func (s *store) VerifyAudit(context.Context) (directory.AuditReport, error) {
	_, newest, err := s.AuditEnd(context.Background())
	return directory.AuditReport{Entries: len(s.trail), First: 1, Last: newest.Number, Sealed: newest.Number}, err
}
