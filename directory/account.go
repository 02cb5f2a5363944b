package directory

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// AccountID identifies an account ("acc_" and a ULID). At most 64 octets.
type AccountID string

// Account is one PBX's owner: a tenant, a reseller or the platform.
type Account struct {
	ID AccountID `json:"id"`
	// Name is 1–128 characters and never changes (AC2).
	Name string `json:"name"`
	// Realm is the account's SIP domain (RFC 3261 §22.1), lower case and unique.
	Realm string `json:"realm"`
	// Parent is empty for an account directly below the platform.
	Parent AccountID `json:"parent,omitempty"`
	// TimeZone is an IANA name.
	TimeZone string `json:"timezone"`
	// Enabled false: makes and receives no calls (AC5).
	Enabled bool `json:"enabled"`
	// Reseller may have accounts below it (AC1); its administrators are
	// partners. One that has accounts below is one anyhow.
	Reseller  bool      `json:"reseller,omitempty"`
	Version   uint64    `json:"version"`
	CreatedAt time.Time `json:"created_at"`
}

func (a *Account) Ref() Ref              { return Ref{KindAccount, string(a.ID)} }
func (a *Account) ObjectVersion() uint64 { return a.Version }
func (a *Account) Claims() []string      { return []string{"realm:" + strings.ToLower(a.Realm)} }
func (a *Account) Redacted() Object      { return a }
func (a *Account) withVersion(v uint64) Object {
	c := *a
	c.Version = v
	return &c
}

func (a *Account) Requires() []Ref {
	if a.Parent == "" {
		return nil
	}
	return []Ref{{KindAccount, string(a.Parent)}}
}

// Validate reports the first field that has an impossible value.
func (a *Account) Validate() error {
	if err := CheckName("/name", a.Name); err != nil {
		return err
	}
	return CheckTimeZone("/timezone", a.TimeZone)
}

// CheckName holds for every name a person gives: 1–128 characters, valid
// UTF-8, no control characters, not only white space.
func CheckName(field, name string) error {
	n := utf8.RuneCountInString(name)
	switch {
	case !utf8.ValidString(name):
		return Invalid(field, "name_invalid", "The name is not valid UTF-8.")
	case strings.TrimSpace(name) == "":
		return Invalid(field, "name_required", "A name is required.")
	case n > 128:
		return Invalid(field, "name_too_long", "The name has %d characters; at most 128 are allowed.", n)
	case strings.ContainsFunc(name, unicode.IsControl):
		return Invalid(field, "name_invalid", "The name contains a control character.")
	}
	return nil
}
