package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

// deed is one step from what a gateway has to what a world file says. Each is
// one request, or several of which a later run can go on with the rest.
type deed struct {
	// sign is +, ~ or -.
	sign, title string
	// lines are the details, each with a sign of its own.
	lines []string
	do    func(context.Context, *apply) error
}

// planner compares a world file with a gateway.
type planner struct {
	world  *world
	estate *estate
	prune  bool
	// ids are the accounts of the file that are there already.
	ids   map[string]directory.AccountID
	deeds []deed
}

// planWorld lists the deeds in the order in which they can be done.
func planWorld(ctx context.Context, api *provision.Client, w *world, prune bool) (*planner, error) {
	e, err := readEstate(ctx, api)
	if err != nil {
		return nil, err
	}
	p := &planner{world: w, estate: e, prune: prune, ids: map[string]directory.AccountID{}}
	for _, part := range []func(context.Context) error{
		p.planClasses, p.planPlans, p.planAccounts, p.planLinks, p.planFederations, p.planPruning,
	} {
		if err := part(ctx); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *planner) add(d deed) { p.deeds = append(p.deeds, d) }

func (p *planner) planClasses(context.Context) error {
	have := p.estate.classes
	if p.world.NumberClasses == nil || have.Version > 0 && slices.Equal(have.Classes, *p.world.NumberClasses) {
		return nil
	}
	d := deed{sign: "~", title: "number classes", do: func(ctx context.Context, a *apply) error {
		_, err := a.api.SetNumberClasses(ctx, have.Version, provision.NewNumberClasses{Classes: *p.world.NumberClasses})
		return err
	}}
	spell := func(c provision.NumberClass) string { return c.Name + " " + c.Pattern }
	for _, c := range have.Classes {
		if !slices.Contains(*p.world.NumberClasses, c) {
			d.lines = append(d.lines, "- class "+spell(c))
		}
	}
	for _, c := range *p.world.NumberClasses {
		if !slices.Contains(have.Classes, c) {
			d.lines = append(d.lines, "+ class "+spell(c))
		}
	}
	if d.lines == nil {
		d.lines = []string{"~ their order"}
	}
	p.add(d)
	return nil
}

func (p *planner) planPlans(context.Context) error {
	have := map[string]provision.Plan{}
	for _, plan := range p.estate.plans {
		have[plan.Name] = plan
	}
	for _, want := range p.world.Plans {
		was, there := have[want.Name]
		switch {
		case !there:
			p.add(deed{sign: "+", title: "plan " + want.Name, do: func(ctx context.Context, a *apply) error {
				made, err := a.api.CreatePlan(ctx, want)
				if err == nil {
					p.estate.planIDs[made.Name] = made.ID
				}
				return err
			}})
		case planOf(was) != want:
			d := deed{sign: "~", title: "plan " + want.Name, do: func(ctx context.Context, a *apply) error {
				_, err := a.api.PatchPlan(ctx, &was, provision.PlanPatch{
					Description: provision.To(want.Description), PerMinute: provision.To(want.PerMinute), Currency: provision.To(want.Currency),
					Unlimited: provision.To(want.Unlimited), Popular: provision.To(want.Popular),
				})
				return err
			}}
			for _, f := range [][3]any{
				{"description", was.Description, want.Description}, {"per_minute", was.PerMinute, want.PerMinute},
				{"currency", was.Currency, want.Currency}, {"unlimited", was.Unlimited, want.Unlimited}, {"popular", was.Popular, want.Popular},
			} {
				if f[1] != f[2] {
					d.lines = append(d.lines, fmt.Sprintf("~ %v %v -> %v", f[0], f[1], f[2]))
				}
			}
			p.add(d)
		}
	}
	return nil
}

func (p *planner) planAccounts(ctx context.Context) error {
	accounts, err := p.world.ordered()
	if err != nil {
		return err
	}
	for _, want := range accounts {
		found, err := p.estate.find(want.Name, want.Parent)
		if err != nil {
			return err
		}
		if found == nil {
			p.planNewAccount(want)
			continue
		}
		p.ids[want.Name] = found.ID
		if err := p.planAccount(ctx, want, found.ID); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) planNewAccount(want *worldAccount) {
	next := want.wanted()
	d := deed{sign: "+", title: "account " + want.Name, lines: linesOf((&provision.Configuration{}).Differences(&next)), do: func(ctx context.Context, a *apply) error {
		return a.create(ctx, want)
	}}
	if want.Parent != "" {
		d.title += " below " + want.Parent
	}
	p.add(d)
}

// planAccount compares one that is there. Without --prune, what the file does not
// have stays.
func (p *planner) planAccount(ctx context.Context, want *worldAccount, id directory.AccountID) error {
	have, err := p.estate.api.Configuration(ctx, id)
	if err != nil {
		return err
	}
	p.estate.byName(&have.Configuration)
	next := want.wanted()
	if !p.prune {
		keep(&have.Configuration, &next)
	}
	changes := have.Differences(&next)
	if len(changes) == 0 {
		return nil
	}
	p.add(deed{sign: "~", title: "account " + want.Name, lines: linesOf(changes), do: func(ctx context.Context, a *apply) error {
		return a.configure(ctx, id, have.Version, next)
	}})
	return nil
}

// keep adds to the lists of next what they lack of those there are.
func keep(have, next *provision.Configuration) {
	next.Users = kept(have.Users, next.Users, func(u provision.UserEntry) string { return strings.ToLower(u.Email) })
	next.Trunks = kept(have.Trunks, next.Trunks, func(t provision.NewTrunk) string { return t.Name })
	next.Numbers = kept(have.Numbers, next.Numbers, func(n provision.NumberEntry) string { return n.Number })
	next.Normalize()
}

func kept[T any](have, next *[]T, name func(T) string) *[]T {
	if have == nil || next == nil {
		return next
	}
	named := map[string]bool{}
	for _, o := range *next {
		named[name(o)] = true
	}
	all := slices.Clone(*next)
	for _, o := range *have {
		if !named[name(o)] {
			all = append(all, o)
		}
	}
	return &all
}

// linesOf spells differences, a line for each object.
func linesOf(changes []provision.Difference) []string {
	var out []string
	for _, c := range changes {
		var fields []string
		for _, f := range c.Fields {
			switch {
			case f.To != nil && *f.To != c.Name && (c.Change == "create" || c.Object == "account" && f.From == nil):
				fields = append(fields, f.Field+" "+*f.To)
			case c.Change == "change":
				fields = append(fields, f.Field+" "+orNothing(f.From)+" -> "+orNothing(f.To))
			}
		}
		line := map[string]string{"create": "+ ", "change": "~ ", "delete": "- "}[c.Change] + strings.TrimSpace(c.Object+" "+c.Name)
		if c.Object == "account" {
			line = "~ itself"
		}
		if len(fields) > 0 {
			line += ": " + strings.Join(fields, ", ")
		}
		out = append(out, line)
	}
	return out
}

func orNothing(v *string) string {
	if v == nil || *v == "" {
		return "nothing"
	}
	return *v
}

// planPruning deletes what the file does not have: accounts last, those below
// first.
func (p *planner) planPruning(context.Context) error {
	if !p.prune {
		return nil
	}
	wanted := map[directory.AccountID]bool{}
	for _, id := range p.ids {
		wanted[id] = true
	}
	for _, a := range slices.Backward(p.estate.inOrder()) {
		if wanted[a.ID] || p.estate.me.Account != nil && *p.estate.me.Account == a.ID {
			continue
		}
		p.add(deed{sign: "-", title: "account " + a.Name, do: func(ctx context.Context, do *apply) error {
			return do.api.DeleteAccount(ctx, a.ID, a.Version, false)
		}})
	}
	names := map[string]bool{}
	for _, plan := range p.world.Plans {
		names[plan.Name] = true
	}
	for _, plan := range p.estate.plans {
		if p.world.Plans != nil && !names[plan.Name] {
			p.add(deed{sign: "-", title: "plan " + plan.Name, do: func(ctx context.Context, do *apply) error {
				return do.api.DeletePlan(ctx, plan.ID, plan.Version)
			}})
		}
	}
	return nil
}

// print shows the deeds.
func (p *planner) print(w io.Writer) error {
	count := map[string]int{}
	for _, d := range p.deeds {
		count[d.sign]++
		if _, err := fmt.Fprintf(w, "%s %s\n", d.sign, d.title); err != nil {
			return err
		}
		for _, line := range d.lines {
			if _, err := fmt.Fprintf(w, "    %s\n", line); err != nil {
				return err
			}
		}
	}
	if len(p.deeds) == 0 {
		_, err := fmt.Fprintln(w, "no changes")
		return err
	}
	_, err := fmt.Fprintf(w, "%d to create, %d to change, %d to delete\n", count["+"], count["~"], count["-"])
	return err
}

// planFlags make the plan command compare a world file, too.
func planFlags(environ []string, cmd *cobra.Command) {
	conn := &connection{environ: environ}
	var file string
	var prune bool
	cmd.Long = "Keep price plans; or, with -f, tell what would make the gateway what a world file\n" +
		"says. Exits with 0 when nothing would change, with 8 when something would."
	cmd.Example = "  interlink plan -f world.yaml\n  interlink plan list"
	cmd.Flags().StringVarP(&file, "file", "f", "", "the world file, - for the standard input")
	cmd.Flags().BoolVar(&prune, "prune", false, "delete what the file does not have")
	conn.addFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if file == "" {
			return cmd.Help()
		}
		p, err := readAndPlan(cmd, conn, file, prune)
		if err != nil {
			return err
		}
		if err := p.print(cmd.OutOrStdout()); err != nil {
			return err
		}
		if len(p.deeds) > 0 {
			return errPending
		}
		return nil
	}
}

func readAndPlan(cmd *cobra.Command, conn *connection, file string, prune bool) (*planner, error) {
	if file == "" {
		return nil, usagef("-f is needed: the world file")
	}
	w, err := readWorld(file, cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	api, err := conn.client()
	if err != nil {
		return nil, err
	}
	return planWorld(cmd.Context(), api, w, prune)
}
