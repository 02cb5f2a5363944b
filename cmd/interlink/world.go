package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	"go.yaml.in/yaml/v3"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

// worldVersion is the version of the file's form.
const worldVersion = 1

// world is what a world file says. Accounts are known by name; what it does not
// mention stays as it is.
type world struct {
	Version       int                      `json:"version"`
	NumberClasses *[]provision.NumberClass `json:"number_classes,omitempty"`
	Plans         []provision.NewPlan      `json:"plans,omitempty"`
	Accounts      []worldAccount           `json:"accounts,omitempty"`
	Interlinks    []worldLink              `json:"interlinks,omitempty"`
	Federations   []worldFederation        `json:"federations,omitempty"`
}

// worldAccount is an account with its configuration.
type worldAccount struct {
	Name string `json:"name"`
	// Parent is the name of the account above; empty: the highest that the token
	// may create under.
	Parent string `json:"parent,omitempty"`
	provision.Configuration
	// Plans stand by name.
	Plans *worldSelection `json:"plans,omitempty"`
}

type worldSelection struct {
	Selected []string `json:"selected"`
	Hidden   []string `json:"hidden,omitempty"`
}

// worldLink is an interlink between two accounts of the file.
type worldLink struct {
	A worldSide `json:"a"`
	B worldSide `json:"b"`
}

// worldSide is what one account says of an interlink.
type worldSide struct {
	Account string `json:"account"`
	// Name is the side's name for the connection.
	Name      string `json:"name"`
	Priority  int    `json:"priority,omitempty"`
	Prefix    string `json:"prefix,omitempty"`
	Suspended bool   `json:"suspended,omitempty"`
}

type worldFederation struct {
	Name  string `json:"name"`
	Owner string `json:"owner"`
	// Members are names of accounts, Administrators addresses of users.
	Members        []string `json:"members"`
	Administrators []string `json:"administrators,omitempty"`
}

// readWorld reads a world file, "-" for the standard input.
func readWorld(path string, in io.Reader) (*world, error) {
	var b []byte
	var err error
	if path == "-" {
		b, err = io.ReadAll(in)
	} else {
		b, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, err
	}
	w, err := parseWorld(b)
	if err != nil {
		return nil, &exitError{exitInvalid, fmt.Errorf("%s: %w", path, err)}
	}
	return w, nil
}

func parseWorld(b []byte) (*world, error) {
	var tree any
	if err := yaml.Unmarshal(b, &tree); err != nil {
		return nil, err
	}
	text, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	w := &world{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var wrong *json.UnmarshalTypeError
	switch err := d.Decode(w); {
	case errors.As(err, &wrong) && wrong.Value == "number" && wrong.Type.Kind() == reflect.String:
		return nil, fmt.Errorf("%s: a number stands where a text belongs; put it in quotes", wrong.Field)
	case err != nil:
		return nil, err
	}
	for i := range w.Accounts {
		w.Accounts[i].Normalize()
	}
	return w, w.validate()
}

// validate reports what the file says of names: that each stands for one thing
// that the file has. The server judges the rest.
func (w *world) validate() error {
	if w.Version != worldVersion {
		return fmt.Errorf("version: %d is not %d", w.Version, worldVersion)
	}
	known := map[string]bool{}
	for _, a := range w.Accounts {
		switch {
		case a.Name == "":
			return fmt.Errorf("accounts: one has no name")
		case known[a.Name]:
			return fmt.Errorf("accounts: two are called %q", a.Name)
		}
		known[a.Name] = true
	}
	if _, err := w.ordered(); err != nil {
		return err
	}
	pairs := map[[2]string]bool{}
	for _, l := range w.Interlinks {
		for _, side := range []worldSide{l.A, l.B} {
			if !known[side.Account] {
				return fmt.Errorf("interlinks: the file has no account %q", side.Account)
			}
		}
		if l.A.Account == l.B.Account {
			return fmt.Errorf("interlinks: %q cannot be linked to itself", l.A.Account)
		}
		if pairs[l.pair()] {
			return fmt.Errorf("interlinks: %s and %s stand twice", l.A.Account, l.B.Account)
		}
		pairs[l.pair()] = true
	}
	federations := map[string]bool{}
	member := map[string]string{}
	for _, f := range w.Federations {
		if federations[f.Name] {
			return fmt.Errorf("federations: two are called %q", f.Name)
		}
		federations[f.Name] = true
		for _, name := range append([]string{f.Owner}, f.Members...) {
			if !known[name] {
				return fmt.Errorf("federations: %s: the file has no account %q", f.Name, name)
			}
		}
		for _, name := range f.Members {
			if other, ok := member[name]; ok {
				return fmt.Errorf("federations: %q is a member of %s and of %s", name, other, f.Name)
			}
			member[name] = f.Name
		}
	}
	return nil
}

// ordered lists the accounts, each after the one above it.
func (w *world) ordered() ([]*worldAccount, error) {
	byName := map[string]*worldAccount{}
	for i := range w.Accounts {
		byName[w.Accounts[i].Name] = &w.Accounts[i]
	}
	var out []*worldAccount
	state := map[string]int{} // 1 on the way, 2 done
	var visit func(a *worldAccount) error
	visit = func(a *worldAccount) error {
		switch state[a.Name] {
		case 1:
			return fmt.Errorf("accounts: %q stands above itself", a.Name)
		case 2:
			return nil
		}
		state[a.Name] = 1
		if a.Parent != "" {
			above, ok := byName[a.Parent]
			if !ok {
				return fmt.Errorf("accounts: %s: the file has no account %q to be its parent", a.Name, a.Parent)
			}
			if err := visit(above); err != nil {
				return err
			}
		}
		state[a.Name] = 2
		out = append(out, a)
		return nil
	}
	for i := range w.Accounts {
		if err := visit(&w.Accounts[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (l worldLink) pair() [2]string { return pairOf(l.A.Account, l.B.Account) }

func pairOf(a, b string) [2]string {
	if b < a {
		a, b = b, a
	}
	return [2]string{a, b}
}

// wanted is the account's configuration with the plans' names in place of ids.
func (a *worldAccount) wanted() provision.Configuration {
	c := a.Configuration
	c.Plans = nil
	if a.Plans != nil {
		c.Plans = &provision.NewPlanSelection{Plans: planNames(a.Plans.Selected)}
		if a.Plans.Hidden != nil {
			hidden := planNames(a.Plans.Hidden)
			c.Plans.Hidden = &hidden
		}
	}
	return c
}

// planNames lets names stand where ids will.
func planNames(names []string) []directory.PricePlanID {
	out := make([]directory.PricePlanID, len(names))
	for i, n := range names {
		out[i] = directory.PricePlanID(n)
	}
	return out
}

// write prints the world as a file.
func (w *world) write(out io.Writer) error {
	node, err := nodeOf(w)
	if err != nil {
		return err
	}
	return printYAML(out, node)
}
