package directory

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

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
func (l *Licence) withVersion(v uint64) Object {
	c := *l
	c.Version = v
	return &c
}

// Redacted drops the remarks: the customer reads its own part of the audit log.
func (l *Licence) Redacted() Object {
	c := *l
	c.Remarks = ""
	return &c
}

// MaxMinutes is the most minutes of one kind a licence can name.
const MaxMinutes = 1_000_000_000

// Validate reports the first field that has an impossible value. A licence takes
// nothing away: minutes are never negative.
func (l *Licence) Validate() error {
	for _, f := range []struct {
		pointer string
		minutes int64
	}{{"/free_minutes", l.FreeMinutes}, {"/addon_minutes", l.AddonMinutes}} {
		if f.minutes < 0 || f.minutes > MaxMinutes {
			return Invalid(f.pointer, "minutes_out_of_range", "%d is not 0 to %d minutes.", f.minutes, int64(MaxMinutes))
		}
	}
	switch {
	case l.ValidFrom.Year() < 2000 || l.ValidFrom.Year() > 9999:
		return Invalid("/valid_from", "validity_invalid", "The licence does not begin in the years 2000 to 9999.")
	case l.ValidUntil.Year() > 9999 || !l.ValidUntil.After(l.ValidFrom):
		return Invalid("/valid_until", "validity_invalid", "The licence does not end after it begins.")
	case !utf8.ValidString(l.Remarks) || utf8.RuneCountInString(l.Remarks) > 1024 || strings.ContainsFunc(l.Remarks, notInText):
		return Invalid("/remarks", "remarks_invalid", "Remarks have at most 1024 characters, and of control characters only line breaks and tabs.")
	}
	return nil
}

// Holds reports whether the licence is valid at a time.
func (l *Licence) Holds(at time.Time) bool { return !at.Before(l.ValidFrom) && at.Before(l.ValidUntil) }

// LicencesAt returns an account's licences that hold at a time, in the order in
// which they end: what is talked is taken from them in this order.
func (v *View) LicencesAt(id AccountID, at time.Time) []*Licence {
	list := slices.DeleteFunc(List[*Licence](v, KindLicence, id), func(l *Licence) bool { return !l.Holds(at) })
	slices.SortStableFunc(list, func(x, y *Licence) int { return x.ValidUntil.Compare(y.ValidUntil) })
	return list
}

// Licensed reports whether an account ever got a licence: then its calls need
// minutes.
func (v *View) Licensed(id AccountID) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.shelf.bans.licences == 0 {
		return false
	}
	_, ok := v.shelf.lists[shelfMark{KindLicence, id}]
	return ok
}

// notInText holds for control characters that a text of several lines has no
// use for.
func notInText(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }
