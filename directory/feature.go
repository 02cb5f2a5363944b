package directory

import (
	"maps"
	"time"
)

// Visibility says how much of a feature a customer sees.
type Visibility string

const (
	Shown   Visibility = "shown"
	Partial Visibility = "partial"
	Hidden  Visibility = "hidden"
)

// FeatureSet is a visibility per feature. One that is not named has its default,
// which is not the directory's to know.
type FeatureSet map[string]Visibility

// Permissions are the features a customer sees (SU2): the draft that is edited,
// and the published set that counts.
type Permissions struct {
	Account AccountID `json:"account"`
	// Draft is nil until somebody edits it.
	Draft FeatureSet `json:"draft,omitempty"`
	// Editions are the newest published sets, at most MaxEditions; the last one
	// counts.
	Editions []PermissionEdition `json:"editions,omitempty"`
	Version  uint64              `json:"version"`
}

// MaxEditions is how many published sets are kept; the audit log has all.
const MaxEditions = 50

// PermissionEdition is one published set.
type PermissionEdition struct {
	// Number counts from 1.
	Number      uint64     `json:"number"`
	Features    FeatureSet `json:"features"`
	PublishedAt time.Time  `json:"published_at"`
	// By is the principal who published it.
	By string `json:"by"`
}

func (p *Permissions) Ref() Ref              { return Ref{KindPermissions, string(p.Account)} }
func (p *Permissions) ObjectVersion() uint64 { return p.Version }
func (p *Permissions) Owner() AccountID      { return p.Account }
func (p *Permissions) Claims() []string      { return nil }
func (p *Permissions) Requires() []Ref       { return ownedBy(p.Account) }
func (p *Permissions) withVersion(v uint64) Object {
	c := *p
	c.Version = v
	return &c
}

// Redacted leaves out the editions but the last: the audit log has them already.
func (p *Permissions) Redacted() Object {
	c := *p
	if n := len(c.Editions); n > 1 {
		c.Editions = c.Editions[n-1:]
	}
	return &c
}

// Edition returns the last published set; its Number is 0 before the first.
func (p *Permissions) Edition() PermissionEdition {
	if len(p.Editions) == 0 {
		return PermissionEdition{}
	}
	return p.Editions[len(p.Editions)-1]
}

// Published returns the features that count; nil before the first edition.
func (p *Permissions) Published() FeatureSet { return p.Edition().Features }

// Publish returns a copy whose draft is one edition more.
func (p *Permissions) Publish(at time.Time, by string) *Permissions {
	c := *p
	next := PermissionEdition{Number: p.Edition().Number + 1, Features: maps.Clone(p.Draft), PublishedAt: at, By: by}
	kept := p.Editions[max(0, len(p.Editions)+1-MaxEditions):]
	c.Editions = append(append(make([]PermissionEdition, 0, len(kept)+1), kept...), next)
	return &c
}
