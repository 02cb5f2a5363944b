package provision

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/pbx-interlink/interlink/directory"
)

type putConfigurationInput struct {
	InAccount
	Precondition
	Rehearsal
	Body Configuration
}

// putConfiguration makes an account what the body says, in one write: all of it
// or nothing. Each part is checked by the code of its own routes and needs their
// rights, unless it changes nothing.
func (s *Server) putConfiguration(ctx context.Context, in *putConfigurationInput) (*Reading[Reconfiguration], error) {
	a, err := s.account(ctx, in.Account, accountRead)
	if err != nil {
		return nil, err
	}
	if err := in.check(s.configurationVersion(a)); err != nil {
		return nil, err
	}
	in.Body.Normalize()
	// Hashed once, however often the write is tried.
	people, err := s.newcomers(ctx, in.Rehearsal, a, &in.Body, "")
	if err != nil {
		return nil, err
	}
	var before *AccountConfiguration
	err = s.inPool(ctx, a.Parent, func() error {
		return s.retry(ctx, func() (error, error) {
			if a, err = s.account(ctx, in.Account, accountRead); err != nil {
				return nil, err
			}
			before = s.configuration(ctx, a)
			if err := in.check(before.Version); err != nil {
				return nil, err
			}
			changes, err := s.configured(ctx, a, &in.Body, people)
			if err != nil || len(changes) == 0 {
				return nil, err
			}
			if now := s.view.Account(a.ID); now == nil || s.configurationVersion(now) != before.Version {
				return stale(), nil // what was compared is not what was checked
			}
			return configurationError(s.apply(ctx, in.Rehearsal, alone(a, changes)...)), nil
		})
	})
	if err != nil {
		return nil, err
	}
	out := Reconfiguration{Changes: before.Differences(&in.Body)}
	out.Configuration = before.with(&in.Body)
	out.Version = before.Version
	if now := s.view.Account(a.ID); now != nil && !in.DryRun {
		out.Version = s.configurationVersion(now)
	}
	if !in.DryRun {
		out.Passwords = people.passwords()
	}
	return &Reading[Reconfiguration]{ETag: etag(out.Version), Body: out}, nil
}

// alone has the account itself written with what hangs on it: two configurations
// that only add have nothing else in common that the store could compare, and
// both would think to have gone by the version they named.
func alone(a *directory.Account, changes []directory.Change) []directory.Change {
	at := slices.IndexFunc(changes, func(c directory.Change) bool { return c.Ref() == a.Ref() })
	switch {
	case at < 0:
		return append(changes, directory.Replace(a, a))
	case changes[at].Demand():
		changes[at] = directory.Replace(a, a)
	}
	return changes
}

// with is the configuration with another one's parts in place of its own.
func (c *Configuration) with(next *Configuration) Configuration {
	out := *c
	to, from := reflect.ValueOf(&out).Elem(), reflect.ValueOf(next).Elem()
	for i := range from.NumField() {
		if !from.Field(i).IsNil() {
			to.Field(i).Set(from.Field(i))
		}
	}
	return out
}

// configurationError names the part where another object stands in the way, and
// has the write tried again where something came or went meanwhile.
func configurationError(err error) error {
	var e *directory.Error
	switch claim := claimOf(err); {
	case claim == "source":
		return directory.Conflict("/trunks", "source_taken", "Another account's trunk sends from one of these addresses.")
	case claim == "email":
		return directory.Conflict("/users", "email_taken", "Another account's user has one of these addresses.")
	case claim == "number", errors.As(err, &e) && (e.Code == "in_use" || e.Code == "missing_required" || e.Kind == directory.KindNotFound):
		return stale()
	}
	return err
}

// part is one part of a configuration: what it needs and the changes it makes.
type part struct {
	pointer  string
	given    bool
	read, do permission
	changes  func() ([]directory.Change, error)
}

// configured lists the changes that make an account what a configuration says.
// The account may be one that is being created.
func (s *Server) configured(ctx context.Context, a *directory.Account, c *Configuration, people newcomers) ([]directory.Change, error) {
	next := *a
	patchConfigured(&next, c)
	trunks := &trunkPlan{server: s, account: a.ID}
	var all []directory.Change
	for _, p := range []part{
		{"", s.view.Account(a.ID) != nil && next != *a, accountRead, accountWrite, func() ([]directory.Change, error) {
			return []directory.Change{directory.Replace(a, &next)}, next.Validate()
		}},
		{"/users", c.Users != nil, usersRead, usersWrite, func() ([]directory.Change, error) { return s.usersPart(ctx, &next, *c.Users, people) }},
		{"/trunks", c.Trunks != nil, trunksRead, trunksWrite, func() ([]directory.Change, error) { return trunks.write(*c.Trunks, c.Numbers) }},
		{"/numbers", c.Numbers != nil, numbersRead, numbersWrite, func() ([]directory.Change, error) { return s.numbersPart(a.ID, *c.Numbers, trunks) }},
		{"/limits", c.Limits != nil, limitsRead, limitsWrite, func() ([]directory.Change, error) { return s.limitsConfigured(ctx, a, c.Limits) }},
		{"/restrictions", c.Restrictions != nil, restrictionsRead, restrictionsWrite, func() ([]directory.Change, error) { return s.restrictionsConfigured(a, c.Restrictions) }},
		{"/settings", c.Settings != nil, settingsRead, settingsWrite, func() ([]directory.Change, error) { return s.settingsConfigured(a, c.Settings), nil }},
		{"/plans", c.Plans != nil, plansRead, plansWrite, func() ([]directory.Change, error) { return s.plansConfigured(ctx, a, c.Plans) }},
		{"/permissions", c.Permissions != nil, permissionsRead, permissionsWrite, func() ([]directory.Change, error) { return s.permissionsConfigured(ctx, a, c.Permissions) }},
	} {
		if !p.given {
			continue
		}
		// What stands in a part's way, and whether it is so already, tell of it.
		if s.view.Account(a.ID) != nil && !s.mayNow(ctx, p.read, a.ID) && !s.mayNow(ctx, p.do, a.ID) {
			return nil, underPart(p.pointer, forbidden())
		}
		changes, err := p.changes()
		if err == nil && len(changes) > 0 {
			err = s.mayConfigure(ctx, a, p.do)
		}
		if err != nil {
			return nil, underPart(p.pointer, err)
		}
		all = append(all, changes...)
	}
	return once(all), nil
}

func patchConfigured(a *directory.Account, c *Configuration) {
	if c.TimeZone != nil {
		a.TimeZone = *c.TimeZone
	}
	if c.Enabled != nil {
		a.Enabled = *c.Enabled
	}
	if c.Reseller != nil {
		a.Reseller = *c.Reseller
	}
}

// mayConfigure checks the right of a part's own routes. Who may create an account
// stands above it; the token's scopes can take rights away.
func (s *Server) mayConfigure(ctx context.Context, a *directory.Account, do permission) error {
	if s.view.Account(a.ID) != nil {
		_, err := s.account(ctx, a.ID, do)
		return err
	}
	if t := requestOf(ctx).principal.Token; t != nil && !inScope(t.Scopes, do) {
		return moreThanOwn("")
	}
	return nil
}

// once leaves out demands on what is written anyway, and repeated ones.
func once(changes []directory.Change) []directory.Change {
	seen := map[directory.Ref]bool{}
	for _, c := range changes {
		if !c.Demand() {
			seen[c.Ref()] = true
		}
	}
	return slices.DeleteFunc(changes, func(c directory.Change) bool {
		again := c.Demand() && seen[c.Ref()]
		seen[c.Ref()] = true
		return again
	})
}

// underPart moves what an error blames below a part of the body.
func underPart(base string, err error) error {
	var p *Problem
	if !errors.As(err, &p) {
		return under(base, err)
	}
	moved := *p
	moved.Errors = slices.Clone(p.Errors)
	for i := range moved.Errors {
		moved.Errors[i].Pointer = base + moved.Errors[i].Pointer
	}
	return &moved
}
