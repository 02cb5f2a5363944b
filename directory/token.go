package directory

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// TokenID identifies a token ("tok_" and a ULID).
type TokenID string

// TokenUse says what a token is for.
type TokenUse string

const (
	// TokenAPI is made by a person for a program (scopes, an expiry).
	TokenAPI TokenUse = "api"
	// TokenSession is what a login gives.
	TokenSession TokenUse = "session"
	// TokenAccess acts as an account on behalf of a principal above it (AC9).
	TokenAccess TokenUse = "access"
)

// Token is a bearer token. The token itself is kept nowhere.
type Token struct {
	ID TokenID `json:"id"`
	// Account is whom the token belongs to; empty: a token of staff.
	Account AccountID `json:"account,omitempty"`
	Use     TokenUse  `json:"use"`
	// User is whose session it is; empty for other uses.
	User UserID `json:"user,omitempty"`
	Name string `json:"name,omitempty"`
	// Hash is SHA-256 of the token, in hexadecimal digits.
	Hash string `json:"hash,omitempty"`
	// Scopes bound what the token may do: names of permissions, or groups of
	// them. Empty: all that its principal may.
	Scopes []string `json:"scopes,omitempty"`
	// Actor is the principal behind an access token, Reason what they gave.
	Actor  string `json:"actor,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Behind is the token with which an access token was obtained, or an API token
	// made by another one; it ends no later. Empty: made in a session, or: the first administrator's.
	Behind TokenID `json:"behind,omitempty"`
	// ExpiresAt zero: never.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by,omitempty"`
	Version   uint64    `json:"version"`
}

func (t *Token) Ref() Ref              { return Ref{KindToken, string(t.ID)} }
func (t *Token) ObjectVersion() uint64 { return t.Version }
func (t *Token) Owner() AccountID      { return t.Account }
func (t *Token) Claims() []string      { return []string{TokenClaim(t.Hash)} }
func (t *Token) withVersion(v uint64) Object {
	c := *t
	c.Version = v
	return &c
}

func (t *Token) Requires() []Ref {
	r := ownedBy(t.Account)
	if t.User != "" {
		r = append(r, Ref{KindUser, string(t.User)})
	}
	if t.Behind != "" {
		r = append(r, Ref{KindToken, string(t.Behind)})
	}
	return r
}

func (t *Token) Redacted() Object {
	c := *t
	c.Hash = ""
	return &c
}

// TokenClaim is the claim by which a token is found.
func TokenClaim(hash string) string { return "token:" + hash }

// Expires is when the token ends; zero: never.
func (t *Token) Expires() time.Time { return t.ExpiresAt }

// Validate reports the first field that has an impossible value.
func (t *Token) Validate() error {
	switch t.Use {
	case TokenAPI:
		return CheckName("/name", t.Name)
	case TokenAccess:
		return checkReason(t.Reason)
	}
	return nil
}

// checkReason holds for why somebody acts as an account.
func checkReason(reason string) error {
	switch {
	case strings.TrimSpace(reason) == "":
		return Invalid("/reason", "reason_required", "A reason is required; the audit log keeps it.")
	case utf8.RuneCountInString(reason) > 256 || !utf8.ValidString(reason) || strings.ContainsFunc(reason, unicode.IsControl):
		return Invalid("/reason", "reason_invalid", "A reason has at most 256 characters and no control characters.")
	}
	return nil
}

// Expired reports whether the token is of no use any more.
func (t *Token) Expired(at time.Time) bool { return !t.ExpiresAt.IsZero() && !at.Before(t.ExpiresAt) }
