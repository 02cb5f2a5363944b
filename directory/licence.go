package directory

import "time"

// LicenceID identifies a licence ("lic_" and a ULID).
type LicenceID string

// Licence is one addition to what an account may talk (SU5). It is never changed
// nor taken away.
type Licence struct {
	ID      LicenceID `json:"id"`
	Account AccountID `json:"account"`
	// The licence holds from ValidFrom until before ValidUntil.
	ValidFrom  time.Time `json:"valid_from"`
	ValidUntil time.Time `json:"valid_until"`
	// FreeMinutes are used first, then AddonMinutes.
	FreeMinutes  int64 `json:"free_minutes"`
	AddonMinutes int64 `json:"addon_minutes"`
	// Remarks are internal: the customer never reads them.
	Remarks   string    `json:"remarks,omitempty"`
	By        string    `json:"by"`
	CreatedAt time.Time `json:"created_at"`
	Version   uint64    `json:"version"`
}

func (l *Licence) Ref() Ref              { return Ref{KindLicence, string(l.ID)} }
func (l *Licence) ObjectVersion() uint64 { return l.Version }
func (l *Licence) Owner() AccountID      { return l.Account }
func (l *Licence) Claims() []string      { return nil }
func (l *Licence) Requires() []Ref       { return ownedBy(l.Account) }
func (l *Licence) Redacted() Object      { return l }
func (l *Licence) withVersion(v uint64) Object {
	c := *l
	c.Version = v
	return &c
}
