package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

// estate is what a gateway has, as far as the token may see, by the names that a
// world file uses.
type estate struct {
	api      *provision.Client
	me       *provision.Me
	accounts []provision.Account
	names    map[directory.AccountID]string
	classes  *provision.NumberClasses
	plans    []provision.Plan
	planIDs  map[string]directory.PricePlanID
}

func readEstate(ctx context.Context, api *provision.Client) (*estate, error) {
	e := &estate{api: api, names: map[directory.AccountID]string{}, planIDs: map[string]directory.PricePlanID{}}
	var err error
	if e.me, err = api.Me(ctx); err != nil {
		return nil, err
	}
	if e.accounts, err = provision.All(ctx, func(ctx context.Context, p provision.Paging) (*provision.Page[provision.Account], error) {
		return api.Accounts(ctx, provision.AccountQuery{}, p)
	}); err != nil {
		return nil, err
	}
	for _, a := range e.accounts {
		e.names[a.ID] = a.Name
	}
	if e.classes, err = api.NumberClasses(ctx); err != nil {
		return nil, err
	}
	if e.plans, err = provision.All(ctx, api.Plans); err != nil {
		return nil, err
	}
	for _, p := range e.plans {
		e.planIDs[p.Name] = p.ID
	}
	return e, nil
}

// parent is the name of the account above, "" where the token cannot see it.
func (e *estate) parent(a provision.Account) string {
	if a.Parent == nil {
		return ""
	}
	return e.names[*a.Parent]
}

// find returns the account that a name and a parent's name stand for; nil for
// none.
func (e *estate) find(name, parent string) (*provision.Account, error) {
	var found *provision.Account
	for i, a := range e.accounts {
		if a.Name != name || e.parent(a) != parent {
			continue
		}
		if found != nil {
			return nil, usagef("two accounts are called %q there (%s and %s); a world file cannot tell them apart", name, found.ID, a.ID)
		}
		found = &e.accounts[i]
	}
	return found, nil
}

// byName puts the names of plans where their ids are.
func (e *estate) byName(c *provision.Configuration) {
	if c.Plans == nil {
		return
	}
	names := map[directory.PricePlanID]string{}
	for _, p := range e.plans {
		names[p.ID] = p.Name
	}
	rename := func(ids []directory.PricePlanID) []directory.PricePlanID {
		out := make([]directory.PricePlanID, len(ids))
		for i, id := range ids {
			if out[i] = id; names[id] != "" {
				out[i] = directory.PricePlanID(names[id])
			}
		}
		return out
	}
	plans := provision.NewPlanSelection{Plans: rename(c.Plans.Plans)}
	if c.Plans.Hidden != nil && len(*c.Plans.Hidden) > 0 {
		hidden := rename(*c.Plans.Hidden)
		plans.Hidden = &hidden
	}
	c.Plans = &plans
}

// byID puts the ids of plans where their names are.
func (e *estate) byID(c *provision.Configuration) error {
	if c.Plans == nil {
		return nil
	}
	find := func(names []directory.PricePlanID) ([]directory.PricePlanID, error) {
		out := make([]directory.PricePlanID, len(names))
		for i, name := range names {
			id, ok := e.planIDs[string(name)]
			if !ok {
				return nil, notThere(fmt.Sprintf("there is no plan called %q", name))
			}
			out[i] = id
		}
		return out, nil
	}
	plans := provision.NewPlanSelection{}
	var err error
	if plans.Plans, err = find(c.Plans.Plans); err != nil {
		return err
	}
	if c.Plans.Hidden != nil {
		hidden, err := find(*c.Plans.Hidden)
		if err != nil {
			return err
		}
		plans.Hidden = &hidden
	}
	c.Plans = &plans
	return nil
}

// linkState is an interlink with the sides that the token can see.
type linkState struct {
	id    directory.InterlinkID
	sides map[string]provision.Interlink // by the account's name
}

// links reads the interlinks of these accounts that are no longer pending, by the
// pair of names; and the pending ones of each.
func (e *estate) links(ctx context.Context, accounts map[string]directory.AccountID) (active map[[2]string]*linkState, pending map[string][]provision.Interlink, err error) {
	byID := map[directory.InterlinkID]*linkState{}
	pending = map[string][]provision.Interlink{}
	for name, id := range accounts {
		all, err := provision.All(ctx, func(ctx context.Context, p provision.Paging) (*provision.Page[provision.Interlink], error) {
			return e.api.Interlinks(ctx, id, p)
		})
		if refused(err) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		for _, l := range all {
			if l.Status == directory.InterlinkPending {
				pending[name] = append(pending[name], l)
				continue
			}
			if byID[l.ID] == nil {
				byID[l.ID] = &linkState{id: l.ID, sides: map[string]provision.Interlink{}}
			}
			byID[l.ID].sides[name] = l
		}
	}
	active = map[[2]string]*linkState{}
	for _, l := range byID {
		if len(l.sides) == 2 {
			var names []string
			for name := range l.sides {
				names = append(names, name)
			}
			active[pairOf(names[0], names[1])] = l
		}
	}
	return active, pending, nil
}

// federationState is a federation whose owner the token can see.
type federationState struct {
	federation provision.Federation
	members    []provision.Member
	admins     []provision.FederationAdministrator
	// emails are the administrators' addresses, by user.
	emails map[directory.UserID]string
}

// federations reads those owned by accounts the token can see.
func (e *estate) federations(ctx context.Context) (map[string]*federationState, error) {
	all, err := provision.All(ctx, e.api.Federations)
	if err != nil {
		return nil, err
	}
	out := map[string]*federationState{}
	for _, f := range all {
		if f.Owner == nil || e.names[*f.Owner] == "" {
			continue
		}
		if out[f.Name] != nil {
			return nil, usagef("two federations are called %q (%s and %s); a world file cannot tell them apart", f.Name, out[f.Name].federation.ID, f.ID)
		}
		s := &federationState{federation: f, emails: map[directory.UserID]string{}}
		if s.members, err = provision.All(ctx, func(ctx context.Context, p provision.Paging) (*provision.Page[provision.Member], error) {
			return e.api.Members(ctx, f.ID, p)
		}); err != nil {
			return nil, err
		}
		s.admins, err = provision.All(ctx, func(ctx context.Context, p provision.Paging) (*provision.Page[provision.FederationAdministrator], error) {
			return e.api.Administrators(ctx, f.ID, p)
		})
		if err != nil && !refused(err) {
			return nil, err
		}
		for _, a := range s.admins {
			u, err := e.api.User(ctx, a.Account, a.User)
			if err != nil {
				return nil, err
			}
			s.emails[a.User] = u.Email
		}
		out[f.Name] = s
	}
	return out, nil
}

// user finds the user with an address in one of these accounts.
func (e *estate) user(ctx context.Context, email string, accounts []directory.AccountID) (directory.UserID, error) {
	for _, id := range accounts {
		all, err := provision.All(ctx, func(ctx context.Context, p provision.Paging) (*provision.Page[provision.User], error) {
			return e.api.Users(ctx, id, p)
		})
		if err != nil {
			return "", err
		}
		i := slices.IndexFunc(all, func(u provision.User) bool { return strings.EqualFold(u.Email, email) })
		if i >= 0 {
			return all[i].ID, nil
		}
	}
	return "", notThere(fmt.Sprintf("neither the owner nor a member has a user %s", email))
}

// refused reports whether the token may not do what was asked.
func refused(err error) bool {
	var p *provision.Problem
	return errors.As(err, &p) && p.Status == http.StatusForbidden
}
