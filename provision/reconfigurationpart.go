package provision

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

// usersPart lists the changes that make the account's users those given.
func (s *Server) usersPart(ctx context.Context, a *directory.Account, want []UserEntry, people newcomers) ([]directory.Change, error) {
	p := requestOf(ctx).principal
	have := map[string]*directory.User{}
	for _, u := range directory.List[*directory.User](s.view, directory.KindUser, a.ID) {
		have[strings.ToLower(u.Email)] = u
	}
	var changes []directory.Change
	var gone []directory.Object
	had, has := false, false
	var stays *directory.User // an administrator who is left alone
	seen := map[string]bool{}
	for i, w := range want {
		base, address := fmt.Sprintf("/%d", i), strings.ToLower(w.Email)
		if seen[address] {
			return nil, directory.Invalid(base+"/email", "email_taken", "The address stands twice.")
		}
		seen[address], has = true, has || w.Role == directory.RoleAdmin
		before := have[address]
		if before == nil {
			n, ok := people[address]
			if !ok {
				return nil, stale() // deleted since the passwords were made
			}
			if !s.mayAdd(p, a, w.Role) {
				return nil, moreThanOwn(base + "/role")
			}
			changes = append(changes, directory.Create(n.user))
			continue
		}
		next := *before
		body := &UserPatch{FirstName: To(w.FirstName), LastName: To(w.LastName), Phone: To(w.Phone), Role: To(w.Role), TimeZone: To(w.TimeZone)}
		if w.TimeZone == "" {
			body.TimeZone = To(a.TimeZone)
		}
		if err := s.mayPatchUser(p, before, body); err != nil {
			return nil, under(base, err)
		}
		if err := s.editedUser(before, &next, body); err != nil {
			return nil, under(base, err)
		}
		if next.Edits = before.Edits; next != *before {
			next.Edits++
			changes = append(changes, directory.Replace(before, &next))
		} else if next.Role == directory.RoleAdmin {
			stays = before
		}
	}
	for address, u := range have {
		had = had || u.Role == directory.RoleAdmin
		if !seen[address] {
			gone = append(gone, u)
		}
	}
	if had && !has && p.Kind != staff && !s.above(p, a.ID) {
		return nil, directory.Conflict("", "last_admin", "An account's last administrator can only be taken away by those above the account.")
	}
	changes = append(changes, s.uproot(gone...)...)
	if stays != nil && len(changes) > 0 {
		// Two administrators must not remove each other at once.
		changes = append(changes, directory.Unchanged(stays))
	}
	return changes, nil
}

// mayAdd reports whether a principal may make a user of an account, which may be
// one that is being created below it.
func (s *Server) mayAdd(p principal, a *directory.Account, role directory.Role) bool {
	kind := plainUser
	switch {
	case role != directory.RoleAdmin:
	case a.Reseller, s.view.Children(a.ID) > 0:
		kind = partner
	default:
		kind = customerAdmin
	}
	if s.view.Account(a.ID) == nil {
		return s.mayEmpowerBelow(p, kind, nil)
	}
	return s.mayEmpower(p, a.ID, kind, nil)
}

// limitsConfigured lists the changes that give the account these limits.
func (s *Server) limitsConfigured(ctx context.Context, a *directory.Account, n *NewLimits) ([]directory.Change, error) {
	if s.view.Account(a.ID) == nil {
		return s.limitsPart(ctx, a, n, "")
	}
	next, err := n.limits(a.ID, "")
	if err != nil {
		return nil, err
	}
	if before := s.view.LimitsOf(a.ID); before != nil {
		if next.Version = before.Version; *next == *before {
			return nil, nil
		}
	}
	return s.newLimits(ctx, &putLimitsInput{InAccount: InAccount{a.ID}, Precondition: Precondition{IfMatch: "*"}, Body: *n})
}

func (s *Server) restrictionsConfigured(a *directory.Account, n *NewRestrictions) ([]directory.Change, error) {
	before := s.restrictionsOf(a.ID)
	next, err := s.restrictions(n, before, "")
	switch {
	case err != nil:
		return nil, err
	case before.Version == 0:
		return []directory.Change{directory.Create(next)}, nil
	case maps.Equal(before.Classes, next.Classes):
		return nil, nil
	}
	return []directory.Change{directory.Replace(before, next)}, nil
}

func (s *Server) settingsConfigured(a *directory.Account, n *NewSettings) []directory.Change {
	before := s.settings(a.ID)
	on := n.CallLogSync == nil || *n.CallLogSync
	switch next := before.Sync(on, now()); {
	case before.Version == 0:
		return []directory.Change{directory.Create(next)}
	case on != before.CallLogSync:
		return []directory.Change{directory.Replace(before, next)}
	}
	return nil
}

// plansConfigured selects plans in exactly the order given.
func (s *Server) plansConfigured(ctx context.Context, a *directory.Account, n *NewPlanSelection) ([]directory.Change, error) {
	before := s.selection(a.ID)
	next := *before
	next.Plans = slices.Clone(n.Plans)
	if n.Hidden != nil {
		next.Hidden = slices.Clone(*n.Hidden)
	}
	if before.Version > 0 && slices.Equal(before.Plans, next.Plans) && slices.Equal(before.Hidden, next.Hidden) {
		return nil, nil
	}
	if err := s.checkSelection(ctx, *n, &next); err != nil {
		return nil, err
	}
	above := s.hiddenPlans(a.Parent) // of an account that is not there yet, too
	for i, p := range next.Plans {
		if above[p] {
			return nil, directory.Invalid(fmt.Sprintf("/plans/%d", i), "plan_hidden", "The plan is hidden from the account.")
		}
	}
	if before.Version == 0 {
		return []directory.Change{directory.Create(&next)}, nil
	}
	return []directory.Change{directory.Replace(before, &next)}, nil
}

// permissionsConfigured publishes the features given, unless they are published.
func (s *Server) permissionsConfigured(ctx context.Context, a *directory.Account, n *NewPermissions) ([]directory.Change, error) {
	if err := n.Features.check("/features"); err != nil {
		return nil, err
	}
	before := s.permissions(a.ID)
	set := wholeSet(directory.FeatureSet(n.Features))
	if len(before.Editions) > 0 && maps.Equal(set, wholeSet(before.Published())) {
		return nil, nil
	}
	next := *before
	next.Draft = set
	return []directory.Change{save(before, next.Publish(now(), actor(ctx).Principal))}, nil
}

// newcomers are the users that a configuration adds, by address.
type newcomers map[string]newcomer

type newcomer struct {
	user     *directory.User
	password string
}

func (n newcomers) passwords() []GeneratedPassword {
	var out []GeneratedPassword
	for _, address := range slices.Sorted(maps.Keys(n)) {
		out = append(out, GeneratedPassword{Email: n[address].user.Email, Password: n[address].password})
	}
	return out
}

// newcomers makes the users that the account does not have yet; base is the JSON
// pointer of the configuration in the body.
func (s *Server) newcomers(ctx context.Context, dry Rehearsal, a *directory.Account, c *Configuration, base string) (newcomers, error) {
	if c.Users == nil {
		return nil, nil
	}
	next := *a
	patchConfigured(&next, c)
	if err := next.Validate(); err != nil {
		return nil, err
	}
	have := map[string]bool{}
	for _, u := range directory.List[*directory.User](s.view, directory.KindUser, a.ID) {
		have[strings.ToLower(u.Email)] = true
	}
	out := newcomers{}
	for i, w := range *c.Users {
		pointer, address := fmt.Sprintf("%s/users/%d", base, i), strings.ToLower(w.Email)
		if have[address] {
			continue
		}
		if len(out) == 0 {
			// Before any work is done on passwords.
			if err := s.mayConfigure(ctx, a, usersWrite); err != nil {
				return nil, err
			}
		}
		if len(out) == maxNewcomers {
			return nil, directory.Invalid(base+"/users", "too_many_users", "At most %d users can be added at once.", maxNewcomers)
		}
		u, password, err := s.newUser(ctx, dry, &next, &NewUser{Email: w.Email, FirstName: w.FirstName, LastName: w.LastName, Phone: w.Phone, Role: w.Role, TimeZone: w.TimeZone})
		if err != nil {
			return nil, under(pointer, err)
		}
		out[address] = newcomer{u, password}
	}
	return out, nil
}

// maxNewcomers bounds the passwords that one request has hashed.
const maxNewcomers = 20
