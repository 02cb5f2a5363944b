package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/pbx-interlink/interlink/provision"
)

// loginCommand opens a session and keeps it for the commands that follow.
func loginCommand(environ []string) *cobra.Command {
	conn := &connection{environ: environ}
	var email, passwordFile string
	cmd := &cobra.Command{
		Use: "login", Short: "Log in and stay so for the commands that follow", GroupID: groupPeople, Args: cobra.NoArgs,
		Long: "Log in with an address and a password. The session is kept in your configuration\n" +
			"directory, readable for you alone, until it ends or you log out.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			password, err := askPassword(cmd, passwordFile)
			if err != nil {
				return err
			}
			store, err := newSessions(environ)
			if err != nil {
				return err
			}
			session, err := provision.NewClient(conn.base(), "").Login(cmd.Context(), provision.Login{Email: email, Password: password})
			if err != nil {
				return err
			}
			saved := &savedSession{Token: session.Token, ExpiresAt: session.ExpiresAt, Principal: session.Principal.Principal}
			if err := store.save(conn.base(), saved); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "logged in as %s (%s) until %s\n", email, session.Principal.Kind, session.ExpiresAt.Local().Format("2006-01-02 15:04"))
			return err
		},
	}
	cmd.Flags().StringVar(&email, "email", "", "your address")
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "file with the password, - for the standard input; without, it is asked for")
	conn.addFlags(cmd.Flags())
	return cmd
}

// askPassword reads it from a file, or from the terminal without showing it.
func askPassword(cmd *cobra.Command, file string) (string, error) {
	if file != "" {
		return readSecret(file, cmd.InOrStdin())
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", usagef("there is no terminal to ask for the password; give --password-file")
	}
	if _, err := io.WriteString(cmd.ErrOrStderr(), "Password: "); err != nil {
		return "", err
	}
	b, err := term.ReadPassword(int(os.Stdin.Fd()))
	_, _ = io.WriteString(cmd.ErrOrStderr(), "\n")
	return string(b), err
}

// logoutCommand ends the session that login left.
func logoutCommand(environ []string) *cobra.Command {
	conn := &connection{environ: environ}
	cmd := &cobra.Command{
		Use: "logout", Short: "End the session", GroupID: groupPeople, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, saved, err := conn.session()
			if err != nil {
				return err
			}
			err = provision.NewClient(conn.base(), saved.Token).Logout(cmd.Context())
			var p *provision.Problem
			if errors.As(err, &p) && p.Status == 401 {
				err = nil // it had ended already
			}
			return errors.Join(err, store.save(conn.base(), nil))
		},
	}
	conn.addFlags(cmd.Flags())
	return cmd
}

// session is the one that login left for the server.
func (c *connection) session() (sessions, *savedSession, error) {
	store, err := newSessions(c.environ)
	if err != nil {
		return store, nil, err
	}
	saved, err := store.find(c.base())
	if err == nil && saved == nil {
		err = &exitError{exitRefused, fmt.Errorf("you are not logged in at %s", c.base())}
	}
	return store, saved, err
}

func meCommand(environ []string) *cobra.Command {
	v := verb{name: "me", short: "Tell whose token the commands ask with", run: func(ctx context.Context, x *asked) (any, error) { return x.api.Me(ctx) }}
	cmd := verbCommand(environ, noun{}, v)
	cmd.GroupID = groupPeople
	return cmd
}

// accessCommand acts as an account below.
func accessCommand(environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use: "access", Short: "Act as an account below your own", GroupID: groupPeople, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(startAccessCommand(environ), endAccessCommand(environ))
	return cmd
}

// startAccessCommand keeps the token beside the session it comes from: the
// commands that follow ask with it. Without a session it prints the token.
func startAccessCommand(environ []string) *cobra.Command {
	q := &inquiry{conn: connection{environ: environ}, verb: verb{args: []string{"account"}}}
	var reason string
	cmd := &cobra.Command{
		Use: "start ACCOUNT", Short: "Begin; the commands that follow act as the account", Args: cobra.ExactArgs(1), ValidArgsFunction: q.completeArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			x, err := q.ask(cmd.Context(), args)
			if err != nil {
				return err
			}
			_, kept, err := q.conn.token()
			if err != nil {
				return err
			}
			t, err := x.api.StartAccess(cmd.Context(), owner(x.ids[0]), provision.NewAccess{Reason: reason})
			if err != nil {
				return err
			}
			if !kept {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), t.Token)
				return err
			}
			store, saved, err := q.conn.session()
			if err != nil {
				return err
			}
			saved.Acting = &savedAccess{Token: t.Token, Account: owner(x.ids[0]), ExpiresAt: *t.ExpiresAt}
			if err := store.save(q.conn.base(), saved); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "acting as %s until %s\n", args[0], t.ExpiresAt.Local().Format("15:04:05"))
			return err
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; the account's administrators see it")
	q.conn.addFlags(cmd.Flags())
	return cmd
}

// endAccessCommand goes back to the session.
func endAccessCommand(environ []string) *cobra.Command {
	conn := &connection{environ: environ}
	cmd := &cobra.Command{
		Use: "end", Short: "Go back to your own session", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			token, kept, err := conn.token()
			if err != nil {
				return err
			}
			api := provision.NewClient(conn.base(), token)
			if !kept {
				return api.EndAccess(cmd.Context())
			}
			store, saved, err := conn.session()
			if err != nil {
				return err
			}
			if saved.Acting == nil {
				return usagef("you do not act as an account")
			}
			saved.Acting = nil
			return errors.Join(api.EndAccess(cmd.Context()), store.save(conn.base(), saved))
		},
	}
	conn.addFlags(cmd.Flags())
	return cmd
}

// eventsCommand follows what happens until it is interrupted.
func eventsCommand(environ []string) *cobra.Command {
	q := &inquiry{conn: connection{environ: environ}}
	var calls []string
	var last string
	cmd := &cobra.Command{
		Use: "events", Short: "Follow what happens, a line of JSON for each event", GroupID: groupObjects, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			x, err := q.ask(cmd.Context(), nil)
			if err != nil {
				return err
			}
			var accounts []owner
			for _, name := range calls {
				id, err := find(cmd.Context(), x, "account", strings.TrimSpace(name))
				if err != nil {
					return err
				}
				accounts = append(accounts, owner(id))
			}
			err = x.api.Listen(cmd.Context(), accounts, last, func(e provision.StreamEvent) error {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", e.Data)
				return err
			})
			if cmd.Context().Err() != nil {
				return nil
			}
			return err
		},
	}
	cmd.Flags().StringSliceVar(&calls, "calls", nil, "accounts whose live calls are told, too, by id or name")
	cmd.Flags().StringVar(&last, "since", "", "the id of the last event read, to go on behind it")
	q.conn.addFlags(cmd.Flags())
	return cmd
}
