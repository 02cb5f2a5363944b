package main

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

// completions bounds how many names a shell is offered.
const completions = 100

// nounCommands are the table as commands.
func nounCommands(environ []string) []*cobra.Command {
	var out []*cobra.Command
	for _, n := range nouns() {
		cmd := &cobra.Command{
			Use: n.name, Short: n.short, Args: cobra.NoArgs, GroupID: groupObjects,
			RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		}
		for _, v := range n.verbs {
			cmd.AddCommand(verbCommand(environ, n, v))
		}
		out = append(out, cmd)
	}
	return out
}

// inquiry is a verb with its flags.
type inquiry struct {
	noun                noun
	verb                verb
	conn                connection
	output, file, match string
	owner               string
	limit               int
	body, query         []field
}

func verbCommand(environ []string, n noun, v verb) *cobra.Command {
	q := &inquiry{noun: n, verb: v, conn: connection{environ: environ}}
	use := v.name
	for _, a := range v.args {
		use += " " + strings.ToUpper(a)
	}
	cmd := &cobra.Command{
		Use: use, Short: v.short, Args: cobra.ExactArgs(len(v.args)), RunE: q.run, ValidArgsFunction: q.completeArgument,
	}
	q.addFlags(cmd.Flags())
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(forms(), cobra.ShellCompDirectiveNoFileComp))
	if v.account != noAccount {
		_ = cmd.RegisterFlagCompletionFunc("account", func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
			return q.complete(cmd.Context(), "account", nil, word)
		})
	}
	return cmd
}

func (q *inquiry) addFlags(flags *pflag.FlagSet) {
	flags.SortFlags = false
	if q.verb.account != noAccount {
		flags.StringVarP(&q.owner, "account", "a", "", "the account, by id or name ("+accountVariable+"; default: the token's own)")
	}
	if q.verb.query != nil {
		q.query = fieldsOf(q.verb.query)
		addFieldFlags(flags, q.query)
	}
	if q.verb.body != nil {
		q.body = fieldsOf(q.verb.body)
		addFieldFlags(flags, q.body)
		flags.StringVarP(&q.file, "file", "f", "", "YAML or JSON file with the request, - for the standard input; flags go before it")
	}
	flags.StringVarP(&q.output, "output", "o", asTable, strings.Join(forms(), ", "))
	if strings.HasPrefix(q.verb.name, "list") || q.verb.columns != nil {
		flags.IntVar(&q.limit, "limit", 0, "the most items; 0 all")
	}
	q.conn.addFlags(flags)
	if q.verb.writes {
		q.conn.addWriteFlags(flags)
		flags.StringVar(&q.match, "if-match", "", "the version the object must have; default: the one it has")
	}
}

func (q *inquiry) run(cmd *cobra.Command, args []string) error {
	if !slices.Contains(forms(), q.output) {
		return usagef("--output: %q is not %s", q.output, strings.Join(forms(), ", "))
	}
	ctx := cmd.Context()
	x, err := q.ask(ctx, args)
	if err != nil {
		return err
	}
	if err := q.fill(cmd, x); err != nil {
		return err
	}
	answer, err := q.verb.run(ctx, x)
	if err != nil || answer == nil {
		return err
	}
	columns := q.verb.columns
	if columns == nil {
		columns = q.noun.columns
	}
	return printAnswer(cmd.OutOrStdout(), q.output, columns, answer)
}

// ask finds out whom and what the command line names.
func (q *inquiry) ask(ctx context.Context, args []string) (*asked, error) {
	api, err := q.conn.client()
	if err != nil {
		return nil, err
	}
	x := &asked{api: api, limit: q.limit, version: provision.AnyVersion}
	if q.match != "" && q.match != "*" {
		if err := json.Unmarshal([]byte(strings.Trim(q.match, `"`)), &x.version); err != nil {
			return nil, usagef("--if-match: %q is not a version", q.match)
		}
	}
	if x.account, err = q.account(ctx, x); err != nil {
		return nil, err
	}
	for i, text := range args {
		id, err := find(ctx, x, q.verb.args[i], text)
		if err != nil {
			return nil, err
		}
		x.ids = append(x.ids, id)
	}
	return x, nil
}

// account is the one named, or else the token's own.
func (q *inquiry) account(ctx context.Context, x *asked) (directory.AccountID, error) {
	if q.verb.account == noAccount {
		return "", nil
	}
	if name := q.conn.flagged(q.owner, accountVariable); name != "" {
		id, err := find(ctx, x, "account", name)
		return directory.AccountID(id), err
	}
	me, err := x.api.Me(ctx)
	switch {
	case err != nil:
		return "", err
	case me.Account != nil:
		return *me.Account, nil
	case q.verb.account == ofOwner:
		return "", nil
	}
	return "", usagef("--account is needed: the token belongs to no account")
}

// fill makes the request of what is there, the file and the flags. References to
// accounts, trunks and plans may be names there, too.
func (q *inquiry) fill(cmd *cobra.Command, x *asked) error {
	ctx, flags := cmd.Context(), cmd.Flags()
	if q.verb.query != nil {
		given, err := gather(flags, q.query, nil, "", cmd.InOrStdin())
		if err != nil {
			return err
		}
		if err := nameToID(ctx, x, given); err != nil {
			return err
		}
		v := reflect.New(q.verb.query)
		if err := decodeQuery(given, v.Elem()); err != nil {
			return err
		}
		x.query = v.Interface()
	}
	if q.verb.body == nil {
		return nil
	}
	var base map[string]any
	if q.verb.current != nil {
		var err error
		if x.seen, err = q.verb.current(ctx, x); err != nil {
			return err
		}
		if base, err = presentFields(x.seen, q.body); err != nil {
			return err
		}
	}
	given, err := gather(flags, q.body, base, q.file, cmd.InOrStdin())
	if err != nil {
		return err
	}
	if err := nameToID(ctx, x, given); err != nil {
		return err
	}
	v := reflect.New(q.verb.body)
	x.body = v.Interface()
	return decodeBody(given, x.body)
}

// references are the fields of requests that hold ids, and the sort of object
// they name.
func references() map[string]string {
	return map[string]string{"parent": "account", "owner": "account", "account": "account", "trunk": "trunk", "provider": "provider", "plans": "plan", "hidden": "plan"}
}

// nameToID puts ids where a request was given names.
func nameToID(ctx context.Context, x *asked, given map[string]any) error {
	for name, sort := range references() {
		switch v := given[name].(type) {
		case string:
			if v == "" {
				continue
			}
			id, err := find(ctx, x, sort, v)
			if err != nil {
				return err
			}
			given[name] = id
		case []string:
			for i := range v {
				id, err := find(ctx, x, sort, v[i])
				if err != nil {
					return err
				}
				v[i] = id
			}
		}
	}
	return nil
}

// decodeQuery puts what was gathered into the fields with these tags.
func decodeQuery(given map[string]any, into reflect.Value) error {
	for i := range into.NumField() {
		value, ok := given[into.Type().Field(i).Tag.Get("query")]
		if !ok {
			continue
		}
		b, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, into.Field(i).Addr().Interface()); err != nil {
			return usagef("--%s: %w", into.Type().Field(i).Tag.Get("query"), err)
		}
	}
	return nil
}

// completeArgument offers names for the argument at hand.
func (q *inquiry) completeArgument(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) >= len(q.verb.args) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return q.complete(cmd.Context(), q.verb.args[len(args)], args, word)
}

// complete asks the server; where it does not answer, nothing is offered.
func (q *inquiry) complete(ctx context.Context, sort string, args []string, word string) ([]string, cobra.ShellCompDirective) {
	f, known := finders()[sort]
	if !known {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if ctx == nil {
		ctx = context.Background()
	}
	before := *q
	if sort == "account" {
		before.verb.account = noAccount
	}
	x, err := before.ask(ctx, args)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	all, err := f.list(ctx, x, word)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var out []string
	for _, l := range all {
		if len(out) < completions && strings.HasPrefix(l.name, word) {
			out = append(out, l.name)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
