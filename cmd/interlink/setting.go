package main

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// addFlags registers --config and a flag for every setting.
func addFlags(flags *pflag.FlagSet) {
	flags.String("config", "", "YAML file with settings ("+envPrefix+"CONFIG)")
	for _, s := range settings() {
		usage := s.usage + " (" + s.env() + ")"
		if s.fallback == "true" || s.fallback == "false" {
			flags.Bool(s.flag(), s.fallback == "true", usage)
			continue
		}
		flags.String(s.flag(), s.fallback, usage)
	}
}

// loadConfig reads the file, then the environment, then the flags; a later one
// wins. Every unknown key and every impossible value is reported, each by the
// setting's name; a secret's value is never part of the error.
func loadConfig(flags *pflag.FlagSet, environ []string) (*Config, error) {
	k, err := merge(flags, environ)
	if err != nil {
		return nil, err
	}
	var faults []error
	table := settings()
	known := make(map[string]bool, len(table))
	for _, s := range table {
		known[s.key] = true
	}
	keys := k.Keys()
	sort.Strings(keys)
	for _, key := range keys {
		if !known[key] {
			faults = append(faults, fmt.Errorf("%s: there is no such setting", whereSet(key, environ)))
		}
	}
	c := &Config{}
	for _, s := range table {
		v, err := text(k.Get(s.key))
		if err == nil && v == "" {
			v = s.fallback
		}
		if err == nil && v != "" {
			err = s.set(c, v)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", s.key, err))
		}
	}
	for _, pair := range [][2]string{{"cluster_key", "cluster_key_file"}, {"admin_token", "admin_token_file"}} {
		if isSet(k, pair[0]) && isSet(k, pair[1]) {
			faults = append(faults, fmt.Errorf("%s: cannot be given together with %s", pair[0], pair[1]))
		}
	}
	if c.NodeID == "" {
		if c.NodeID, err = hostNodeID(); err != nil {
			faults = append(faults, fmt.Errorf("node_id: %w", err))
		}
	}
	return c, errors.Join(faults...)
}

// whereSet names an unknown key with the variable it came from, if it did:
// a wrong one in the environment is hard to find otherwise.
func whereSet(key string, environ []string) string {
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if known, _ := envKey(name, value); known == key && strings.HasPrefix(name, envPrefix) {
			return fmt.Sprintf("%s (%s)", key, name)
		}
	}
	return key
}

func isSet(k *koanf.Koanf, key string) bool {
	v, err := text(k.Get(key))
	return err == nil && v != ""
}

// merge lays file, environment and flags over one another.
func merge(flags *pflag.FlagSet, environ []string) (*koanf.Koanf, error) {
	k := koanf.New(".")
	path, _ := flags.GetString("config")
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, envPrefix+"CONFIG="); ok && path == "" {
			path = v
		}
	}
	if path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return nil, fmt.Errorf("configuration file %s: %w", path, err)
		}
	}
	fromEnv := env.Provider("", env.Opt{
		Prefix:        envPrefix,
		EnvironFunc:   func() []string { return environ },
		TransformFunc: envKey,
	})
	if err := k.Load(fromEnv, nil); err != nil {
		return nil, fmt.Errorf("environment: %w", err)
	}
	known := map[string]bool{}
	for _, s := range settings() {
		known[s.flag()] = true
	}
	fromFlags := posflag.ProviderWithFlag(flags, "", nil, func(f *pflag.Flag) (string, any) {
		if !f.Changed || !known[f.Name] {
			return "", nil
		}
		return strings.ReplaceAll(f.Name, "-", "_"), f.Value.String()
	})
	if err := k.Load(fromFlags, nil); err != nil {
		return nil, fmt.Errorf("flags: %w", err)
	}
	return k, nil
}

// envKey turns a variable's name into a setting's key; "" leaves it out. Empty
// variables count as not set. Kubernetes adds INTERLINK_SERVICE_… and
// INTERLINK_PORT… for a service called "interlink"; these are not settings.
func envKey(name, value string) (string, any) {
	key := strings.TrimPrefix(name, envPrefix)
	switch name {
	case serverVariable, tokenVariable, tokenFileVariable, accountVariable:
		return "", nil // of the commands that ask a server
	}
	if value == "" || key == "CONFIG" || key == "PORT" ||
		strings.HasPrefix(key, "SERVICE_") || strings.HasPrefix(key, "PORT_") {
		return "", nil
	}
	return strings.ToLower(key), value
}

// text brings a value to its one spelling: a YAML list is a comma list.
func text(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return strings.TrimSpace(v), nil
	case bool, int, int64, uint64:
		return fmt.Sprint(v), nil
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			s, err := text(item)
			if err != nil {
				return "", err
			}
			items[i] = s
		}
		return strings.Join(items, ","), nil
	}
	return "", errors.New("is neither a text, a number, true or false nor a list of these")
}

// hostNodeID is the host's name as far as a node id may hold it.
func hostNodeID() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("the host's name cannot be read, so a value is required: %w", err)
	}
	id := strings.Map(func(r rune) rune {
		if strings.ContainsRune("._-", r) || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, host)
	return parseNodeID(id[:min(len(id), 64)])
}
