package directory

import (
	"slices"
	"time"
)

// Settings are an account's switches (SU6, SU7).
type Settings struct {
	Account AccountID `json:"account"`
	// CallLogSync: call records appear in the account's log by themselves.
	CallLogSync bool `json:"call_log_sync"`
	// Pauses are when CallLogSync was off, in order and apart from each other;
	// while it is off, the last one has no end. At most MaxPauses.
	Pauses  []Pause `json:"pauses,omitempty"`
	Version uint64  `json:"version"`
}

// Pause is a time from From until before Until; a zero Until is no end.
type Pause struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until,omitzero"`
}

// MaxPauses bounds the pauses of an account. When there are more, the two with
// the shortest time between them become one.
const MaxPauses = 200

// DefaultSettings are those of an account that never set any. Their version is 0.
func DefaultSettings(a AccountID) *Settings { return &Settings{Account: a, CallLogSync: true} }

func (s *Settings) Ref() Ref              { return Ref{KindSettings, string(s.Account)} }
func (s *Settings) ObjectVersion() uint64 { return s.Version }
func (s *Settings) Owner() AccountID      { return s.Account }
func (s *Settings) Claims() []string      { return nil }
func (s *Settings) Requires() []Ref       { return ownedBy(s.Account) }
func (s *Settings) withVersion(v uint64) Object {
	c := *s
	c.Version = v
	return &c
}

// Redacted leaves out the pauses: the audit log tells when the switch was used.
func (s *Settings) Redacted() Object {
	c := *s
	c.Pauses = nil
	return &c
}

// Sync returns a copy with the switch on or off from a time on.
func (s *Settings) Sync(on bool, at time.Time) *Settings {
	c := *s
	if on == s.CallLogSync {
		return &c
	}
	c.CallLogSync, c.Pauses = on, slices.Clone(s.Pauses)
	last := len(c.Pauses) - 1
	switch {
	case !on && last >= 0 && !c.Pauses[last].Until.Before(at):
		// Off again before it was on for any time, or the clock went back.
		c.Pauses[last].Until = time.Time{}
	case !on:
		c.Pauses = append(c.Pauses, Pause{From: at})
	case last >= 0 && !c.Pauses[last].From.Before(at):
		c.Pauses = c.Pauses[:last]
	case last >= 0:
		c.Pauses[last].Until = at
	}
	if len(c.Pauses) > MaxPauses {
		c.Pauses = joinClosest(c.Pauses)
	}
	return &c
}

// joinClosest makes one of the two pauses with the shortest time between.
func joinClosest(p []Pause) []Pause {
	between := func(i int) time.Duration { return p[i+1].From.Sub(p[i].Until) }
	closest := 0
	for i := range len(p) - 1 {
		if between(i) < between(closest) {
			closest = i
		}
	}
	p[closest].Until = p[closest+1].Until
	return slices.Delete(p, closest+1, closest+2)
}

// Synced reports whether the switch was on at a time.
func (s *Settings) Synced(at time.Time) bool {
	i, found := slices.BinarySearchFunc(s.Pauses, at, func(p Pause, at time.Time) int { return p.From.Compare(at) })
	if found {
		return false
	}
	return i == 0 || !s.Pauses[i-1].Until.IsZero() && !at.Before(s.Pauses[i-1].Until)
}
