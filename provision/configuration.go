package provision

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

// Configuration is what of one account can be set in one write. Each part stands
// for itself: one that is not given stays as it is, one that is given is the
// whole of it afterwards. Objects are known by what people call them: trunks by
// name, numbers by what is dialled, users by their address.
type Configuration struct {
	TimeZone     *string           `json:"timezone,omitempty" maxLength:"64" doc:"IANA name." example:"Europe/Berlin"`
	Enabled      *bool             `json:"enabled,omitempty" doc:"A disabled account makes and receives no calls."`
	Reseller     *bool             `json:"reseller,omitempty" doc:"Whether it may have accounts below."`
	Users        *[]UserEntry      `json:"users,omitempty" maxItems:"1000" doc:"All its users."`
	Trunks       *[]NewTrunk       `json:"trunks,omitempty" maxItems:"1000" doc:"All its trunks, each with a name of its own."`
	Numbers      *[]NumberEntry    `json:"numbers,omitempty" doc:"All its internal numbers."`
	Limits       *NewLimits        `json:"limits,omitempty" doc:"Concurrent calls."`
	Restrictions *NewRestrictions  `json:"restrictions,omitempty" doc:"Classes of numbers it may not dial."`
	Settings     *NewSettings      `json:"settings,omitempty" doc:"Its switches."`
	Plans        *NewPlanSelection `json:"plans,omitempty" doc:"The plans selected, in exactly this order; the first one prices its minutes."`
	Permissions  *NewPermissions   `json:"permissions,omitempty" doc:"The features its administrators see: published at once."`
}

// NumberEntry is an internal number of a Configuration.
type NumberEntry struct {
	Number  string `json:"number" minLength:"1" maxLength:"17" doc:"What is dialled: one number, a block with x for any digit, or a range." example:"2001"`
	Label   string `json:"label,omitempty" maxLength:"128" doc:"A name for people." example:"Reception"`
	Trunk   string `json:"trunk" minLength:"1" maxLength:"128" doc:"The name of the trunk that takes the calls, or its id." example:"Reception PBX"`
	User    string `json:"user,omitempty" maxLength:"64" doc:"Sent to the PBX in place of the number dialled."`
	Private bool   `json:"private,omitempty" default:"false" doc:"Rings for its own account only."`
	Enabled *bool  `json:"enabled,omitempty" default:"true" doc:"A disabled number is not found by anybody."`
}

// UserEntry is a user of a Configuration, without password: one is generated for
// who is new.
type UserEntry struct {
	Email     string         `json:"email" minLength:"3" maxLength:"254" doc:"Names the user; unique on the platform, in any case." example:"pat@brown.example"`
	FirstName string         `json:"first_name" minLength:"1" maxLength:"128" doc:"First name." example:"Pat"`
	LastName  string         `json:"last_name" minLength:"1" maxLength:"128" doc:"Last name." example:"Brown"`
	Phone     string         `json:"phone,omitempty" maxLength:"32" doc:"A phone number for people."`
	Role      directory.Role `json:"role" enum:"admin,user" doc:"An admin manages the account; a user reads its directory and its own settings." example:"admin"`
	TimeZone  string         `json:"timezone,omitempty" maxLength:"64" doc:"IANA name; the account's without."`
}

// AccountConfiguration is an account's configuration as it is read. Parts that
// were never set, and parts that the token may not read, are left out.
type AccountConfiguration struct {
	Configuration
	Version uint64 `json:"version" doc:"Stands for the versions of all that is configured; the ETag. It does not count." example:"4503599627370496"`
}

// Reconfiguration is what a write of a configuration did, or would do.
type Reconfiguration struct {
	AccountConfiguration
	Changes   []Difference        `json:"changes" nullable:"false" doc:"What became different, in order; empty when nothing did."`
	Passwords []GeneratedPassword `json:"passwords,omitempty" nullable:"false" doc:"Of the users that are new. Nobody can read them again."`
}

// GeneratedPassword is a new user's password.
type GeneratedPassword struct {
	Email    string `json:"email" doc:"The user's address." example:"pat@brown.example"`
	Password string `json:"password" doc:"The generated password." example:"7m3k-q9xw-2zpa-r5tn-0hjc-8vbd"`
}

func (s *Server) getConfiguration(ctx context.Context, in *InAccount) (*Reading[AccountConfiguration], error) {
	a, err := s.account(ctx, in.Account, accountRead)
	if err != nil {
		return nil, err
	}
	c := s.configuration(ctx, a)
	return &Reading[AccountConfiguration]{ETag: etag(c.Version), Body: *c}, nil
}

// configuration shows an account's, as far as the principal may read it, in its
// one spelling and order.
func (s *Server) configuration(ctx context.Context, a *directory.Account) *AccountConfiguration {
	zone, enabled, reseller := a.TimeZone, a.Enabled, a.Reseller
	c := Configuration{TimeZone: &zone, Enabled: &enabled, Reseller: &reseller}
	reads := func(do permission) bool { return s.mayNow(ctx, do, a.ID) }
	if reads(usersRead) {
		c.Users = s.userEntries(a)
	}
	if reads(trunksRead) {
		c.Trunks = s.trunkEntries(a)
	}
	if reads(numbersRead) {
		c.Numbers = s.numberEntries(a)
	}
	if l := s.view.LimitsOf(a.ID); l != nil && reads(limitsRead) {
		most := l.MaxOutbound
		c.Limits = &NewLimits{
			Inbound: l.Inbound, Outbound: l.Outbound, TwoWay: l.TwoWay, Burst: l.Burst, MaxOutbound: &most,
			AllowPrepay: l.AllowPrepay, AllowPostpay: l.AllowPostpay, MaxPostpayAmount: l.MaxPostpay,
		}
	}
	if r := s.restrictionsOf(a.ID); r.Version > 0 && reads(restrictionsRead) {
		c.Restrictions = &NewRestrictions{Classes: renderRestrictions(r).Body.Classes}
	}
	if p := s.settings(a.ID); p.Version > 0 && reads(settingsRead) {
		on := p.CallLogSync
		c.Settings = &NewSettings{CallLogSync: &on}
	}
	if p := s.selection(a.ID); p.Version > 0 && reads(plansRead) {
		shown := s.renderSelection(ctx, p).Body
		c.Plans = &NewPlanSelection{Plans: shown.Plans, Hidden: shown.Hidden}
	}
	if p := s.permissions(a.ID); len(p.Editions) > 0 && reads(permissionsRead) {
		c.Permissions = &NewPermissions{Features: Features(wholeSet(p.Published()))}
	}
	c.Normalize()
	return &AccountConfiguration{Configuration: c, Version: s.configurationVersion(a)}
}

func (s *Server) userEntries(a *directory.Account) *[]UserEntry {
	out := []UserEntry{}
	for _, u := range directory.List[*directory.User](s.view, directory.KindUser, a.ID) {
		e := UserEntry{Email: u.Email, FirstName: u.FirstName, LastName: u.LastName, Phone: u.Phone, Role: u.Role, TimeZone: u.TimeZone}
		if e.TimeZone == a.TimeZone {
			e.TimeZone = ""
		}
		out = append(out, e)
	}
	return &out
}

func (s *Server) trunkEntries(a *directory.Account) *[]NewTrunk {
	out := []NewTrunk{}
	for _, t := range s.view.Trunks(a.ID) {
		r := renderTrunk(t)
		out = append(out, NewTrunk{Name: r.Name, Kind: r.Kind, Addresses: r.Addresses, Transport: r.Transport, Sources: r.Sources, Media: r.Media})
	}
	return &out
}

// numberEntries name trunks by their names where these are unique.
func (s *Server) numberEntries(a *directory.Account) *[]NumberEntry {
	names, uses := map[directory.TrunkID]string{}, map[string]int{}
	for _, t := range s.view.Trunks(a.ID) {
		names[t.ID] = t.Name
		uses[t.Name]++
	}
	out := []NumberEntry{}
	for _, n := range s.allNumbers(a.ID) {
		on := n.Enabled
		e := NumberEntry{Number: n.Number.String(), Label: n.Label, Trunk: names[n.Trunk], User: n.User, Private: n.Private, Enabled: &on}
		if uses[e.Trunk] != 1 {
			e.Trunk = string(n.Trunk)
		}
		out = append(out, e)
	}
	return &out
}

// configurationVersion changes with everything a configuration says. 53 bits of
// a hash are exact in any reader's numbers.
func (s *Server) configurationVersion(a *directory.Account) uint64 {
	h := sha256.New()
	add := func(r directory.Ref, version uint64) { fmt.Fprintf(h, "%s %s %d\n", r.Kind, r.ID, version) }
	add(a.Ref(), a.Version)
	for _, u := range directory.List[*directory.User](s.view, directory.KindUser, a.ID) {
		add(u.Ref(), u.Edits) // a login is no edit
	}
	for _, t := range s.view.Trunks(a.ID) {
		add(t.Ref(), t.Version)
	}
	for _, n := range s.allNumbers(a.ID) {
		add(n.Ref(), n.Version)
	}
	for _, o := range []directory.Object{s.view.Limits(a.ID), s.restrictionsOf(a.ID), s.settings(a.ID), s.selection(a.ID), s.permissions(a.ID)} {
		add(o.Ref(), o.ObjectVersion())
	}
	const exact = 53
	return binary.BigEndian.Uint64(h.Sum(nil)) >> (64 - exact)
}

// Normalize brings a configuration to its one spelling and order, so that two
// that say the same are the same. What cannot be understood stays as it is: the
// server will refuse it.
func (c *Configuration) Normalize() {
	if c.Users != nil {
		slices.SortStableFunc(*c.Users, func(a, b UserEntry) int {
			return cmp.Compare(strings.ToLower(a.Email), strings.ToLower(b.Email))
		})
	}
	if c.Trunks != nil {
		for i := range *c.Trunks {
			(*c.Trunks)[i].normalize()
		}
		slices.SortStableFunc(*c.Trunks, func(a, b NewTrunk) int { return cmp.Compare(a.Name, b.Name) })
	}
	if c.Numbers != nil {
		for i := range *c.Numbers {
			n := &(*c.Numbers)[i]
			if p, err := directory.ParsePattern(n.Number); err == nil {
				n.Number = p.String()
			}
			n.Enabled = unless(n.Enabled, true)
		}
		slices.SortStableFunc(*c.Numbers, func(a, b NumberEntry) int { return cmp.Compare(a.Number, b.Number) })
	}
	if c.Limits != nil {
		if c.Limits.MaxOutbound == nil {
			most := int64(directory.Unlimited)
			c.Limits.MaxOutbound = &most
		}
		c.Limits.OnStoreLoss = strings.TrimPrefix(c.Limits.OnStoreLoss, storeLossClosed)
	}
	if c.Settings != nil && c.Settings.CallLogSync == nil {
		on := true
		c.Settings.CallLogSync = &on
	}
	if c.Permissions != nil {
		c.Permissions.Features = Features(wholeSet(directory.FeatureSet(c.Permissions.Features)))
	}
}

func (t *NewTrunk) normalize() {
	t.Kind, t.Transport, t.Media = strings.TrimPrefix(t.Kind, kindStatic), strings.TrimPrefix(t.Transport, transportUDP), strings.TrimPrefix(t.Media, mediaDirect)
	for i, a := range t.Addresses {
		if ap, ok := parseAddress(a); ok {
			t.Addresses[i] = ap.String()
		}
	}
	for i, a := range t.Sources {
		if source, err := directory.ParseSource(a); err == nil {
			t.Sources[i] = source.String()
		}
	}
}

// unless is nil for a pointer to what is the default anyway.
func unless[T comparable](p *T, fallback T) *T {
	if p == nil || *p == fallback {
		return nil
	}
	return p
}
