package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

// planLinks compares the interlinks between accounts of the file.
func (p *planner) planLinks(ctx context.Context) error {
	active, pending, err := p.estate.links(ctx, p.ids)
	if err != nil {
		return err
	}
	for _, want := range p.world.Interlinks {
		l := active[want.pair()]
		delete(active, want.pair())
		if l == nil {
			p.planNewLink(want, pending[want.A.Account])
			continue
		}
		for _, side := range []worldSide{want.A, want.B} {
			have := l.sides[side.Account]
			if sideOf(side.Account, have) == side {
				continue
			}
			p.add(deed{
				sign: "~", title: "interlink " + strings.Join([]string{want.A.Account, want.B.Account}, " - "),
				lines: sideLines(sideOf(side.Account, have), side),
				do: func(ctx context.Context, a *apply) error {
					_, err := a.api.PatchInterlink(ctx, a.ids[side.Account], &have, sidePatch(side))
					return err
				},
			})
		}
	}
	if !p.prune {
		return nil
	}
	for _, pair := range sortedPairs(active) {
		l := active[pair]
		p.add(deed{sign: "-", title: "interlink " + strings.Join(pair[:], " - "), do: func(ctx context.Context, a *apply) error {
			return a.api.DeleteInterlink(ctx, p.ids[pair[0]], l.id, l.sides[pair[0]].Version)
		}})
	}
	return nil
}

func sortedPairs(m map[[2]string]*linkState) [][2]string {
	var out [][2]string
	for pair := range m {
		out = append(out, pair)
	}
	slices.SortFunc(out, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	return out
}

// planNewLink links two accounts. A pending interlink of the wanted name is what
// an earlier run left: its key is used.
func (p *planner) planNewLink(want worldLink, pending []provision.Interlink) {
	d := deed{sign: "+", title: fmt.Sprintf("interlink %s - %s", want.A.Account, want.B.Account), do: func(ctx context.Context, a *apply) error {
		return a.link(ctx, want, pending)
	}}
	for _, side := range []worldSide{want.A, want.B} {
		d.lines = append(d.lines, sideLines(worldSide{Account: side.Account}, side)...)
	}
	p.add(d)
}

func sideLines(from, to worldSide) []string {
	var out []string
	for _, f := range [][3]any{
		{"name", from.Name, to.Name}, {"priority", from.Priority, to.Priority}, {"prefix", from.Prefix, to.Prefix}, {"suspended", from.Suspended, to.Suspended},
	} {
		if f[1] == f[2] {
			continue
		}
		line := fmt.Sprintf("~ %s's %v %v -> %v", to.Account, f[0], f[1], f[2])
		if from == (worldSide{Account: to.Account}) {
			line = fmt.Sprintf("+ %s's %v %v", to.Account, f[0], f[2])
		}
		out = append(out, line)
	}
	return out
}

// sidePatch makes a side what the file says.
func sidePatch(s worldSide) provision.InterlinkPatch {
	p := provision.InterlinkPatch{Name: provision.To(s.Name), Priority: provision.Reset[int](), Prefix: provision.Reset[string](), Suspended: provision.To(s.Suspended)}
	if s.Priority != 0 {
		p.Priority = provision.To(s.Priority)
	}
	if s.Prefix != "" {
		p.Prefix = provision.To(s.Prefix)
	}
	return p
}

// planFederations compares the federations by name.
func (p *planner) planFederations(ctx context.Context) error {
	have, err := p.estate.federations(ctx)
	if err != nil {
		return err
	}
	for _, want := range p.world.Federations {
		s := have[want.Name]
		delete(have, want.Name)
		if err := p.planFederation(want, s); err != nil {
			return err
		}
	}
	if !p.prune {
		return nil
	}
	for _, s := range have {
		f := s.federation
		p.add(deed{sign: "-", title: "federation " + f.Name, do: func(ctx context.Context, a *apply) error {
			return a.api.DeleteFederation(ctx, f.ID, f.Version)
		}})
	}
	return nil
}

// planFederation creates one, or changes who belongs to it. Its deeds are one
// for each member and administrator: each can be gone on with.
func (p *planner) planFederation(want worldFederation, s *federationState) error {
	members, admins := map[string]provision.Member{}, map[string]provision.FederationAdministrator{}
	f := &provision.Federation{}
	if s == nil {
		p.add(deed{sign: "+", title: "federation " + want.Name, lines: []string{"+ owner " + want.Owner}, do: func(ctx context.Context, a *apply) error {
			owner, err := a.account(want.Owner)
			if err != nil {
				return err
			}
			made, err := a.api.CreateFederation(ctx, provision.NewFederation{Name: want.Name, Owner: owner})
			if err == nil {
				*f = *made
			}
			return err
		}})
	} else {
		*f = s.federation
		if owner := p.estate.names[*f.Owner]; owner != want.Owner {
			return usagef("the federation %s belongs to %s, which cannot change to %s", want.Name, owner, want.Owner)
		}
		for _, m := range s.members {
			if m.Account != nil {
				members[p.estate.names[*m.Account]] = m
			}
		}
		for _, a := range s.admins {
			admins[strings.ToLower(s.emails[a.User])] = a
		}
	}
	title := "federation " + want.Name
	for _, name := range want.Members {
		if _, is := members[name]; !is {
			p.add(deed{sign: "~", title: title, lines: []string{"+ member " + name}, do: func(ctx context.Context, a *apply) error { return a.join(ctx, f.ID, name) }})
		}
		delete(members, name)
	}
	for _, email := range want.Administrators {
		if _, is := admins[strings.ToLower(email)]; !is {
			p.add(deed{sign: "~", title: title, lines: []string{"+ administrator " + email}, do: func(ctx context.Context, a *apply) error {
				return a.nameAdministrator(ctx, f.ID, email, want)
			}})
		}
		delete(admins, strings.ToLower(email))
	}
	if p.prune {
		p.pruneFederation(title, f.ID, members, admins)
	}
	return nil
}

func (p *planner) pruneFederation(title string, f directory.FederationID, members map[string]provision.Member, admins map[string]provision.FederationAdministrator) {
	for email, admin := range admins {
		p.add(deed{sign: "~", title: title, lines: []string{"- administrator " + email}, do: func(ctx context.Context, a *apply) error {
			return a.api.DismissAdministrator(ctx, f, admin.User, admin.Version)
		}})
	}
	for name, m := range members {
		p.add(deed{sign: "~", title: title, lines: []string{"- member " + name}, do: func(ctx context.Context, a *apply) error {
			return a.api.RemoveMember(ctx, f, *m.Account, m.Version)
		}})
	}
}
