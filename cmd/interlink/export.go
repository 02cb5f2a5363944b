package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

func exportCommand(environ []string) *cobra.Command {
	conn := &connection{environ: environ}
	cmd := &cobra.Command{
		Use: "export", Short: "Print what the gateway has as a world file", GroupID: groupWorld, Args: cobra.NoArgs,
		Long: "Print all that the token may see as a world file, in one spelling and order:\n" +
			"applied to an empty gateway and exported again, it is the same file. Secrets,\n" +
			"pending interlinks and links to accounts that the token cannot see are left out.",
		Example: "  interlink export > world.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			api, err := conn.client()
			if err != nil {
				return err
			}
			w, err := exportWorld(cmd.Context(), api)
			if err != nil {
				return err
			}
			return w.write(cmd.OutOrStdout())
		},
	}
	conn.addFlags(cmd.Flags())
	return cmd
}

func exportWorld(ctx context.Context, api *provision.Client) (*world, error) {
	e, err := readEstate(ctx, api)
	if err != nil {
		return nil, err
	}
	w := &world{Version: worldVersion}
	if e.classes.Version > 0 {
		w.NumberClasses = &e.classes.Classes
	}
	for _, p := range e.plans {
		w.Plans = append(w.Plans, planOf(p))
	}
	slices.SortFunc(w.Plans, func(a, b provision.NewPlan) int { return cmp.Compare(a.Name, b.Name) })
	accounts := map[string]directory.AccountID{}
	for _, a := range e.inOrder() {
		if accounts[a.Name] != "" {
			return nil, usagef("two accounts are called %q (%s and %s); a world file cannot tell them apart", a.Name, accounts[a.Name], a.ID)
		}
		accounts[a.Name] = a.ID
		c, err := api.Configuration(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		w.Accounts = append(w.Accounts, e.accountOf(a, &c.Configuration))
	}
	links, _, err := e.links(ctx, accounts)
	if err != nil {
		return nil, err
	}
	for _, pair := range slices.SortedFunc(maps.Keys(links), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		l := links[pair]
		w.Interlinks = append(w.Interlinks, worldLink{A: sideOf(pair[0], l.sides[pair[0]]), B: sideOf(pair[1], l.sides[pair[1]])})
	}
	federations, err := e.federations(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(federations)) {
		w.Federations = append(w.Federations, federations[name].asWorld(e))
	}
	return w, nil
}

// inOrder lists the accounts, each behind the one above it, brothers by name.
func (e *estate) inOrder() []provision.Account {
	below := map[string][]provision.Account{}
	for _, a := range e.accounts {
		above := ""
		if a.Parent != nil && e.names[*a.Parent] != "" {
			above = string(*a.Parent)
		}
		below[above] = append(below[above], a)
	}
	var out []provision.Account
	var walk func(id string)
	walk = func(id string) {
		list := below[id]
		slices.SortFunc(list, func(a, b provision.Account) int {
			return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
		})
		for _, a := range list {
			out = append(out, a)
			walk(string(a.ID))
		}
	}
	walk("")
	return out
}

func (e *estate) accountOf(a provision.Account, c *provision.Configuration) worldAccount {
	e.byName(c)
	out := worldAccount{Name: a.Name, Parent: e.parent(a), Configuration: *c}
	if c.Plans != nil {
		out.Plans = &worldSelection{Selected: texts(c.Plans.Plans)}
		if c.Plans.Hidden != nil {
			out.Plans.Hidden = texts(*c.Plans.Hidden)
		}
	}
	out.Configuration.Plans = nil
	return out
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

func planOf(p provision.Plan) provision.NewPlan {
	return provision.NewPlan{
		Name: p.Name, Description: p.Description, PerMinute: p.PerMinute, Currency: p.Currency, Unlimited: p.Unlimited, Popular: p.Popular,
	}
}

func sideOf(account string, l provision.Interlink) worldSide {
	s := worldSide{Account: account, Name: l.Name, Suspended: l.Suspended}
	if l.Priority != nil {
		s.Priority = *l.Priority
	}
	if l.Prefix != nil {
		s.Prefix = *l.Prefix
	}
	return s
}

// asWorld names the members and administrators that the token can see.
func (s *federationState) asWorld(e *estate) worldFederation {
	f := worldFederation{Name: s.federation.Name, Owner: e.names[*s.federation.Owner], Members: []string{}}
	for _, m := range s.members {
		if m.Account != nil && e.names[*m.Account] != "" {
			f.Members = append(f.Members, e.names[*m.Account])
		}
	}
	f.Administrators = slices.Collect(maps.Values(s.emails))
	slices.Sort(f.Members)
	slices.SortFunc(f.Administrators, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return f
}
