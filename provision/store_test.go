package provision

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// store keeps the directory in a map beside a view, with versions, claims and
// requirements, and plays calls, call log and remembered answers.
type store struct {
	view *directory.View

	mu      sync.Mutex
	objects map[directory.Ref]directory.Object
	claims  map[string]directory.Ref
	seq     uint64
	actors  []directory.Actor
	trail   []directory.AuditEntry
	hooks   courier
	// before, when set, runs once before the next write takes effect.
	before func()
	// broken, when set, is what every operation answers.
	broken error

	lines map[directory.AccountID]routing.Lines
	live  []routing.LiveCall
	// spending is what calls per minute have cost.
	spending map[directory.AccountID]routing.Spending
	// talked is how many minutes were used of licences.
	talked  map[directory.AccountID]map[directory.LicenceID]int64
	ended   []routing.LeaseID
	records map[directory.AccountID][]routing.Record
	answers map[directory.RequestKey]*answer
}

type answer struct {
	fingerprint []byte
	stored      []byte
}

func newStore() *store {
	return &store{
		view: directory.NewView(), objects: map[directory.Ref]directory.Object{}, claims: map[string]directory.Ref{},
		lines: map[directory.AccountID]routing.Lines{}, spending: map[directory.AccountID]routing.Spending{},
		talked: map[directory.AccountID]map[directory.LicenceID]int64{}, records: map[directory.AccountID][]routing.Record{}, answers: map[directory.RequestKey]*answer{},
	}
}

func (s *store) Apply(_ context.Context, actor directory.Actor, changes ...directory.Change) error {
	s.mu.Lock()
	before := s.before
	s.before = nil
	s.mu.Unlock()
	if before != nil {
		before()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	if err := s.refuse(changes); err != nil {
		return err
	}
	var deltas []directory.Delta
	for _, c := range changes {
		if c.Before == nil || c.Demand() {
			continue
		}
		for _, claim := range c.Before.Claims() {
			delete(s.claims, claim)
		}
		delete(s.objects, c.Ref())
	}
	for _, c := range changes {
		if c.Demand() {
			continue
		}
		after := c.Written()
		if after != nil {
			s.objects[c.Ref()] = after
			for _, claim := range after.Claims() {
				s.claims[claim] = c.Ref()
			}
		}
		deltas = append(deltas, directory.Delta{Ref: c.Ref(), After: after})
	}
	s.seq++
	s.record(actor, nil, changes, s.view.Concerned(changes))
	s.view.Apply(s.seq, time.Now(), deltas)
	return nil
}

func (s *store) refuse(changes []directory.Change) error {
	within, freed := map[directory.Ref]directory.Object{}, map[string]bool{}
	for _, c := range changes {
		if c.Demand() {
			continue
		}
		within[c.Ref()] = c.After
		if c.Before != nil {
			for _, claim := range c.Before.Claims() {
				freed[claim] = true
			}
		}
	}
	for _, c := range changes {
		have := uint64(0)
		if o := s.objects[c.Ref()]; o != nil {
			have = o.ObjectVersion()
		}
		if have != c.Expect() {
			return &directory.Error{Kind: directory.KindStale, Code: "stale"}
		}
		if c.Demand() {
			continue
		}
		if c.After == nil {
			for ref, o := range s.objects {
				if after, touched := within[ref]; touched {
					o = after
				}
				if o != nil && slices.Contains(o.Requires(), c.Ref()) {
					return directory.Conflict("", "in_use", "Other objects still need it.")
				}
			}
			continue
		}
		for _, r := range c.After.Requires() {
			if after, touched := within[r]; touched && after == nil || !touched && s.objects[r] == nil {
				return directory.Missing(r)
			}
		}
		for _, claim := range c.After.Claims() {
			if holder, ok := s.claims[claim]; ok && holder != c.Ref() && !freed[claim] {
				return directory.Taken(claim)
			}
		}
	}
	return nil
}

func (s *store) Lines(_ context.Context, ids []directory.AccountID) ([]routing.Lines, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]routing.Lines, len(ids))
	for i, id := range ids {
		out[i] = s.lines[id]
		out[i].Account = id
	}
	return out, s.broken
}

func (s *store) LiveCalls(_ context.Context, id directory.AccountID, limit int) ([]routing.LiveCall, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []routing.LiveCall
	for _, c := range s.live {
		if slices.ContainsFunc(c.Claims, func(claim routing.Claim) bool { return claim.Account == id }) && len(out) < limit {
			out = append(out, c)
		}
	}
	return out, s.broken
}

func (s *store) Spending(_ context.Context, id directory.AccountID) (routing.Spending, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spending[id], s.broken
}

func (s *store) Talked(_ context.Context, id directory.AccountID) (map[directory.LicenceID]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.talked[id], s.broken
}

func (s *store) LiveCall(_ context.Context, l routing.LeaseID) (*routing.LiveCall, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.live {
		if c.Lease == l {
			return &c, s.broken
		}
	}
	return nil, s.broken
}

func (s *store) EndCall(_ context.Context, l routing.LeaseID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = append(s.ended, l)
	s.live = slices.DeleteFunc(s.live, func(c routing.LiveCall) bool { return c.Lease == l })
	return s.broken
}

// CallLog's own cursor is the id of the last record.
func (s *store) CallLog(_ context.Context, id directory.AccountID, cursor string, limit int) ([]routing.Record, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []routing.Record
	for _, r := range s.records[id] {
		if cursor != "" && r.ID >= cursor {
			continue
		}
		if len(out) == limit {
			return out, out[len(out)-1].ID, s.broken
		}
		out = append(out, r)
	}
	return out, "", s.broken
}

func (s *store) LastCalls(context.Context) (func(directory.AccountID) time.Time, error) {
	return func(id directory.AccountID) (last time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, r := range s.records[id] {
			if r.Started.After(last) {
				last = r.Started
			}
		}
		return last
	}, s.broken
}

func (s *store) Begin(_ context.Context, k directory.RequestKey, fingerprint []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, owned := s.answers[k], 0
	for other := range s.answers {
		if other.Owner == k.Owner {
			owned++
		}
	}
	switch {
	case a == nil && k.Owner != "" && owned >= k.Most:
		return nil, directory.Conflict("", "idempotency_full", "Too many.")
	case a == nil:
		s.answers[k] = &answer{fingerprint: fingerprint}
		return nil, nil
	case !bytes.Equal(a.fingerprint, fingerprint):
		return nil, directory.Invalid("", "idempotency_mismatch", "Used for another request.")
	case a.stored == nil:
		return nil, directory.Conflict("", "idempotency_running", "Still runs.")
	}
	return a.stored, nil
}

func (s *store) Finish(_ context.Context, k directory.RequestKey, stored []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[k].stored = stored
	return nil
}

func (s *store) Abandon(_ context.Context, k directory.RequestKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.answers, k)
	return nil
}

var errBroken = &directory.Error{Kind: directory.KindUnavailable, Code: "store_unavailable", Err: errors.New("10.0.0.1:6379: connection refused")}

// refusing is a repository that refuses a claim some times.
type refusing struct {
	*store
	claim string
	times int
	tries *int
}

func (r *refusing) Apply(ctx context.Context, a directory.Actor, changes ...directory.Change) error {
	*r.tries++
	if r.times--; r.times >= 0 {
		return directory.Conflict("", r.claim, "Taken.")
	}
	return r.store.Apply(ctx, a, changes...)
}
