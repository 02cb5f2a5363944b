package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

// apply carries out a plan.
type apply struct {
	api    *provision.Client
	estate *estate
	// ids are the file's accounts, those that this run makes included.
	ids       map[string]directory.AccountID
	passwords []provision.GeneratedPassword
}

func applyCommand(environ []string) *cobra.Command {
	conn := &connection{environ: environ}
	var file, passwords string
	var prune bool
	cmd := &cobra.Command{
		Use: "apply", Short: "Make the gateway what a world file says", GroupID: groupWorld, Args: cobra.NoArgs,
		Long: "Show what interlink plan shows and carry it out. Each account is written in one\n" +
			"request that happens whole or not at all; so when something fails, every account is\n" +
			"as it was or as the file says, and the next apply goes on. A second apply changes\n" +
			"nothing.",
		Example: "  interlink apply -f world.yaml --passwords-file new-passwords",
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := readAndPlan(cmd, conn, file, prune)
			if err != nil {
				return err
			}
			if err := p.print(cmd.OutOrStdout()); err != nil || len(p.deeds) == 0 {
				return err
			}
			a := &apply{api: p.estate.api, estate: p.estate, ids: p.ids}
			done, err := a.run(cmd.Context(), p.deeds)
			if kept := keepPasswords(passwords, a.passwords); kept != nil {
				err = errors.Join(err, kept)
			}
			if n := len(a.passwords); n > 0 && passwords == "" {
				fmt.Fprintf(cmd.ErrOrStderr(), "%d new users have passwords that nobody knows; --passwords-file keeps them, interlink user update --password-file sets others\n", n)
			}
			if _, told := fmt.Fprintf(cmd.OutOrStdout(), "%d of %d done\n", done, len(p.deeds)); told != nil {
				return errors.Join(err, told)
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "the world file, - for the standard input")
	cmd.Flags().BoolVar(&prune, "prune", false, "delete what the file does not have")
	cmd.Flags().StringVar(&passwords, "passwords-file", "", "append the generated passwords of new users to this file, readable for you alone")
	conn.addFlags(cmd.Flags())
	return cmd
}

// run does the deeds in their order. One that another one stands in the way of
// (lines that are still given out elsewhere, an address that another trunk still
// has) waits for the others; when none of those that wait can be done, the first
// one's error is what it ends with.
func (a *apply) run(ctx context.Context, deeds []deed) (done int, err error) {
	for len(deeds) > 0 {
		var waiting []deed
		var first error
		for _, d := range deeds {
			err := d.do(ctx, a)
			switch {
			case err == nil:
				done++
			case inTheWay(err) && strings.Contains(d.title, "account "):
				waiting = append(waiting, d)
				if first == nil {
					first = fmt.Errorf("%s: %w", d.title, err)
				}
			case a.waitsFor(waiting, err):
				waiting = append(waiting, d)
			default:
				return done, fmt.Errorf("%s: %w", d.title, err)
			}
		}
		if len(waiting) == len(deeds) {
			return done, first
		}
		deeds = waiting
	}
	return done, nil
}

// inTheWay reports a conflict that another deed may resolve.
func inTheWay(err error) bool {
	var p *provision.Problem
	return errors.As(err, &p) && p.Status == 409
}

// errNotYet: the deed needs an account that is not made yet.
var errNotYet = errors.New("the account is not there yet")

func (a *apply) waitsFor(waiting []deed, err error) bool {
	return len(waiting) > 0 && errors.Is(err, errNotYet)
}

func (a *apply) account(name string) (directory.AccountID, error) {
	if id := a.ids[name]; id != "" {
		return id, nil
	}
	return "", fmt.Errorf("%s: %w", name, errNotYet)
}

// create makes an account with all that the file says of it, in one request.
func (a *apply) create(ctx context.Context, want *worldAccount) error {
	n := provision.NewAccount{Name: want.Name, Enabled: want.Enabled}
	var err error
	if want.Parent != "" {
		if n.Parent, err = a.account(want.Parent); err != nil {
			return err
		}
	}
	c := want.wanted()
	if c.TimeZone != nil {
		n.TimeZone = *c.TimeZone
	}
	n.Reseller = c.Reseller != nil && *c.Reseller
	c.TimeZone, c.Enabled, c.Reseller = nil, nil, nil
	if err := a.estate.byID(&c); err != nil {
		return err
	}
	n.Configuration = &c
	made, err := a.api.CreateAccount(ctx, n)
	if err != nil {
		return err
	}
	a.ids[want.Name] = made.ID
	a.passwords = append(a.passwords, made.Passwords...)
	return nil
}

// configure makes an account that is there what the file says, in one request,
// if it is still what the plan was made for.
func (a *apply) configure(ctx context.Context, id directory.AccountID, version uint64, c provision.Configuration) error {
	if err := a.estate.byID(&c); err != nil {
		return err
	}
	done, err := a.api.Configure(ctx, id, version, c)
	if err != nil {
		return err
	}
	a.passwords = append(a.passwords, done.Passwords...)
	return nil
}

// link generates a key on one side and redeems it on the other. The key of a
// pending interlink that an earlier run left is used; one that cannot be redeemed
// is taken back.
func (a *apply) link(ctx context.Context, want worldLink, pending []provision.Interlink) error {
	on, err := a.account(want.A.Account)
	if err != nil {
		return err
	}
	other, err := a.account(want.B.Account)
	if err != nil {
		return err
	}
	var made *provision.Interlink
	for _, l := range pending {
		if l.Name == want.A.Name && !l.Expired && made == nil {
			if made, err = a.api.Interlink(ctx, on, l.ID); err != nil {
				return err
			}
		}
	}
	if made == nil || made.Key == nil {
		if made, err = a.api.CreateInterlink(ctx, on, provision.NewInterlink{Name: want.A.Name}); err != nil {
			return err
		}
	}
	theirs, err := a.api.Redeem(ctx, other, provision.Redemption{Name: want.B.Name, Key: *made.Key})
	if err != nil {
		return errors.Join(err, a.api.DeleteInterlink(context.WithoutCancel(ctx), on, made.ID, made.Version))
	}
	if want.B != (worldSide{Account: want.B.Account, Name: want.B.Name}) {
		if _, err := a.api.PatchInterlink(ctx, other, theirs, sidePatch(want.B)); err != nil {
			return err
		}
	}
	if want.A != (worldSide{Account: want.A.Account, Name: want.A.Name}) {
		ours, err := a.api.Interlink(ctx, on, made.ID)
		if err != nil {
			return err
		}
		if _, err := a.api.PatchInterlink(ctx, on, ours, sidePatch(want.A)); err != nil {
			return err
		}
	}
	return nil
}

// join makes an account a member: it asks with the code, and the owner accepts.
// A request that an earlier run left is accepted.
func (a *apply) join(ctx context.Context, f directory.FederationID, name string) error {
	id, err := a.account(name)
	if err != nil {
		return err
	}
	read, err := a.api.Federation(ctx, f)
	if err != nil {
		return err
	}
	if read.AccessCode == nil {
		return &exitError{exitRefused, fmt.Errorf("the token may not read the access code of %s", read.Name)}
	}
	request, err := a.api.Join(ctx, id, provision.Admission{Code: *read.AccessCode})
	if err != nil {
		return err
	}
	_, err = a.api.AcceptJoinRequest(ctx, f, request.ID)
	return err
}

func (a *apply) nameAdministrator(ctx context.Context, f directory.FederationID, email string, want worldFederation) error {
	var accounts []directory.AccountID
	for _, name := range append([]string{want.Owner}, want.Members...) {
		id, err := a.account(name)
		if err != nil {
			return err
		}
		accounts = append(accounts, id)
	}
	u, err := a.estate.user(ctx, email, accounts)
	if err != nil {
		return err
	}
	_, err = a.api.NameAdministrator(ctx, f, u, 0)
	return err
}

// keepPasswords appends passwords to a file that only its owner reads.
func keepPasswords(path string, passwords []provision.GeneratedPassword) error {
	if path == "" || len(passwords) == 0 {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for _, p := range passwords {
		if _, err = fmt.Fprintf(f, "%s %s\n", p.Email, p.Password); err != nil {
			break
		}
	}
	return errors.Join(err, f.Close())
}
