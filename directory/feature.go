package directory

import "time"

// Visibility says how much of a feature a customer sees.
type Visibility string

const (
	Shown   Visibility = "shown"
	Partial Visibility = "partial"
	Hidden  Visibility = "hidden"
)

// FeatureSet is a visibility per feature. One that is not named is as
// DefaultVisibility says.
type FeatureSet map[string]Visibility

// Permissions are the features a customer sees (SU2): the draft that is edited,
// and the published set that counts.
type Permissions struct {
	Account AccountID  `json:"account"`
	Draft   FeatureSet `json:"draft,omitempty"`
	// Published is the last of Editions.
	Editions []PermissionEdition `json:"editions,omitempty"`
	Version  uint64              `json:"version"`
}

// PermissionEdition is one published set.
type PermissionEdition struct {
	// Number counts from 1.
	Number      uint64     `json:"number"`
	Features    FeatureSet `json:"features"`
	PublishedAt time.Time  `json:"published_at"`
	By          string     `json:"by"`
}

func (p *Permissions) Ref() Ref              { return Ref{KindPermissions, string(p.Account)} }
func (p *Permissions) ObjectVersion() uint64 { return p.Version }
func (p *Permissions) Owner() AccountID      { return p.Account }
func (p *Permissions) Claims() []string      { return nil }
func (p *Permissions) Requires() []Ref       { return ownedBy(p.Account) }
func (p *Permissions) Redacted() Object      { return p }
func (p *Permissions) withVersion(v uint64) Object {
	c := *p
	c.Version = v
	return &c
}

// Published returns the set that counts; nil before the first one.
func (p *Permissions) Published() FeatureSet {
	if len(p.Editions) == 0 {
		return nil
	}
	return p.Editions[len(p.Editions)-1].Features
}

// Settings are an account's switches (SU6, SU7).
type Settings struct {
	Account AccountID `json:"account"`
	// CallLogSync: call records appear in the account's log by themselves.
	CallLogSync bool   `json:"call_log_sync"`
	Version     uint64 `json:"version"`
}

func (s *Settings) Ref() Ref              { return Ref{KindSettings, string(s.Account)} }
func (s *Settings) ObjectVersion() uint64 { return s.Version }
func (s *Settings) Owner() AccountID      { return s.Account }
func (s *Settings) Claims() []string      { return nil }
func (s *Settings) Requires() []Ref       { return ownedBy(s.Account) }
func (s *Settings) Redacted() Object      { return s }
func (s *Settings) withVersion(v uint64) Object {
	c := *s
	c.Version = v
	return &c
}
