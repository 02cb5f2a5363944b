package directory

import "time"

// FederationID identifies a federation ("fed_" and a ULID).
type FederationID string

// Federation is a set of accounts under one owner that all dial each other (FE1).
type Federation struct {
	ID FederationID `json:"id"`
	// Account is the owner.
	Account AccountID `json:"account"`
	Name    string    `json:"name"`
	// CodeHash finds the federation by its access code; CodeSealed is the code
	// under the cluster key, for its owner to read.
	CodeHash   string    `json:"code_hash,omitempty"`
	CodeSealed string    `json:"code_sealed,omitempty"`
	Version    uint64    `json:"version"`
	CreatedAt  time.Time `json:"created_at"`
}

func (f *Federation) Ref() Ref              { return Ref{KindFederation, string(f.ID)} }
func (f *Federation) ObjectVersion() uint64 { return f.Version }
func (f *Federation) Owner() AccountID      { return f.Account }
func (f *Federation) Requires() []Ref       { return ownedBy(f.Account) }
func (f *Federation) Validate() error       { return CheckName("/name", f.Name) }
func (f *Federation) withVersion(v uint64) Object {
	c := *f
	c.Version = v
	return &c
}

// Claims: a code finds one federation.
func (f *Federation) Claims() []string {
	if f.CodeHash == "" {
		return nil
	}
	return []string{AccessCodeClaim(f.CodeHash)}
}

func (f *Federation) Redacted() Object {
	c := *f
	c.CodeHash, c.CodeSealed = "", ""
	return &c
}

// AccessCodeClaim is the claim by which a federation is found.
func AccessCodeClaim(hash string) string { return "code:" + hash }

// MembershipID identifies a membership or the request for one ("mem_" and a
// ULID).
type MembershipID string

// Membership is an account's place in a federation, or its request for one.
type Membership struct {
	ID         MembershipID `json:"id"`
	Federation FederationID `json:"federation"`
	Account    AccountID    `json:"account"`
	// JoinedAt is zero while the request is pending: the account is no member
	// then (FE3).
	JoinedAt  time.Time `json:"joined_at,omitzero"`
	CreatedAt time.Time `json:"created_at"`
	Version   uint64    `json:"version"`
}

func (m *Membership) Ref() Ref              { return Ref{KindMembership, string(m.ID)} }
func (m *Membership) ObjectVersion() uint64 { return m.Version }
func (m *Membership) Owner() AccountID      { return m.Account }
func (m *Membership) Redacted() Object      { return m }
func (m *Membership) Pending() bool         { return m.JoinedAt.IsZero() }
func (m *Membership) withVersion(v uint64) Object {
	c := *m
	c.Version = v
	return &c
}

// Claims: an account has one membership or request; so it is in at most one
// federation (FE7).
func (m *Membership) Claims() []string { return []string{MembershipClaim(m.Account)} }

// MembershipClaim is the claim by which an account's membership is found.
func MembershipClaim(a AccountID) string { return "membership:" + string(a) }

func (m *Membership) Requires() []Ref {
	return []Ref{{KindAccount, string(m.Account)}, {KindFederation, string(m.Federation)}}
}

// FederationAdmin makes a user an administrator of a federation (FE5).
type FederationAdmin struct {
	Federation FederationID `json:"federation"`
	User       UserID       `json:"user"`
	// Membership is that of the user's account: the administrator's rights end
	// with it. Empty for a user of the owner.
	Membership MembershipID `json:"membership,omitempty"`
	CreatedAt  time.Time    `json:"created_at"`
	Version    uint64       `json:"version"`
}

// FederationAdminID names the pair.
func FederationAdminID(f FederationID, u UserID) string { return string(f) + "/" + string(u) }

func (a *FederationAdmin) Ref() Ref {
	return Ref{KindFederationAdmin, FederationAdminID(a.Federation, a.User)}
}
func (a *FederationAdmin) ObjectVersion() uint64 { return a.Version }
func (a *FederationAdmin) Owner() AccountID      { return "" }
func (a *FederationAdmin) Claims() []string      { return nil }
func (a *FederationAdmin) Redacted() Object      { return a }
func (a *FederationAdmin) withVersion(v uint64) Object {
	c := *a
	c.Version = v
	return &c
}

func (a *FederationAdmin) Requires() []Ref {
	r := []Ref{{KindFederation, string(a.Federation)}, {KindUser, string(a.User)}}
	if a.Membership != "" {
		r = append(r, Ref{KindMembership, string(a.Membership)})
	}
	return r
}
