package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/pbx-interlink/interlink/provision"
)

const defaultServer = "http://127.0.0.1:8080"

// Variables of the commands that ask a server; they are no settings of one.
const (
	serverVariable    = envPrefix + "SERVER"
	tokenVariable     = envPrefix + "TOKEN"
	tokenFileVariable = envPrefix + "TOKEN_FILE"
	accountVariable   = envPrefix + "ACCOUNT"
)

// connection is where a command asks, and as whom.
type connection struct {
	environ           []string
	server, tokenFile string
	key               string
	dryRun            bool
}

// variable returns a variable of an environment, "" for none.
func variable(environ []string, name string) string {
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// flagged returns the flag's value, or else the variable's.
func (c *connection) flagged(value, name string) string {
	if value != "" {
		return value
	}
	return variable(c.environ, name)
}

func (c *connection) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&c.server, "server", "", "base URL of the API ("+serverVariable+"; default "+defaultServer+")")
	flags.StringVar(&c.tokenFile, "token-file", "", "file with the token to ask with ("+tokenFileVariable+", or the token itself in "+tokenVariable+")")
}

func (c *connection) addWriteFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&c.dryRun, "dry-run", false, "answer what would happen and write nothing")
	flags.StringVar(&c.key, "idempotency-key", "", "sent again with the same key, a create is carried out once")
}

func (c *connection) base() string {
	server := c.flagged(c.server, serverVariable)
	if server == "" {
		server = defaultServer
	}
	return strings.TrimSuffix(server, "/")
}

// client returns a client with the token given, or that of the session.
func (c *connection) client() (*provision.Client, error) {
	token, _, err := c.token()
	if err != nil {
		return nil, err
	}
	api := provision.NewClient(c.base(), token)
	if c.key != "" {
		api = api.Once(c.key)
	}
	if c.dryRun {
		api = api.Rehearsing()
	}
	return api, nil
}

// token finds the token: a file, the environment, the session that login left,
// the first administrator's in the environment. saved tells whether it is the
// session's. A token is never an argument: others could read it in the list of
// processes.
func (c *connection) token() (token string, saved bool, err error) {
	if file := c.flagged(c.tokenFile, tokenFileVariable); file != "" && (c.tokenFile != "" || variable(c.environ, tokenVariable) == "") {
		token, err = readSecret(file, os.Stdin)
		return token, false, err
	}
	if token = variable(c.environ, tokenVariable); token != "" {
		return token, false, nil
	}
	store, err := newSessions(c.environ)
	if err == nil {
		var session *savedSession
		if session, err = store.find(c.base()); session != nil {
			if session.Acting != nil {
				return session.Acting.Token, true, nil
			}
			return session.Token, true, nil
		}
	}
	if token = variable(c.environ, envPrefix+"ADMIN_TOKEN"); token != "" {
		return token, false, nil
	}
	if file := variable(c.environ, envPrefix+"ADMIN_TOKEN_FILE"); file != "" {
		token, err = readSecret(file, os.Stdin)
		return token, false, err
	}
	if err != nil {
		return "", false, err
	}
	return "", false, &exitError{exitRefused, fmt.Errorf("no token: log in with interlink login, or set %s, %s or --token-file", tokenVariable, tokenFileVariable)}
}

// readSecret reads a secret's file, "-" for the standard input. What it holds is
// never part of an error.
func readSecret(path string, in io.Reader) (string, error) {
	var b []byte
	var err error
	if path == "-" {
		b, err = io.ReadAll(io.LimitReader(in, 1<<16))
	} else {
		b, err = os.ReadFile(path)
	}
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(b))
	if text == "" {
		return "", fmt.Errorf("%s: %w", path, errors.New("there is nothing in it"))
	}
	return text, nil
}
