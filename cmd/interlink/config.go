package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Config is everything an operator can set for one gateway process. settings
// is the table of its fields; each one has the same meaning in the file, the
// environment and the flags.
type Config struct {
	// RedisURL is redis://…, redis+sentinel://… or a comma list of redis://
	// for Redis Cluster. Empty only with Embedded. It may hold a password.
	RedisURL string
	// Embedded keeps everything in this process and in DataDir; for one node.
	Embedded bool
	// DataDir is where an embedded gateway keeps provisioning and the keys it
	// made for itself. Empty keeps nothing.
	DataDir string
	// SIPListen are the UDP addresses for SIP; port 0 picks one.
	SIPListen []netip.AddrPort
	// SIPAdvertise is the name or address, with an optional port, written into
	// Via and Record-Route. Empty: the first listening address.
	SIPAdvertise string
	// SIPLoops is the number of receiving loops, 1–256; 0 means one per core.
	SIPLoops int
	// MaxCalls bounds the calls of this node, set-up included; further ones are
	// answered 503. 0 takes the default of package sip.
	MaxCalls int
	// APIListen and DebugListen are host:port over TCP; port 0 picks one. An
	// empty DebugListen means no debug listener.
	APIListen, DebugListen string
	// RealmSuffix ends the SIP domain of every account made from now on.
	RealmSuffix string
	// ClusterKey is the secret all nodes share; at least 32 characters.
	ClusterKey string
	// NodeID names this node in logs, call records and the ledger; 1–64 of
	// A–Z a–z 0–9 . _ -
	NodeID string
	// AdminToken is the first administrator's API token; at least 16 characters.
	AdminToken string
	// DrainTime is how long calls may go on after SIGTERM; 0 ends at once.
	DrainTime time.Duration
	LogLevel  slog.Level
	// LogFormat is "text" or "json".
	LogFormat string
}

// setting is one row of the configuration table. Its key is the name in the
// file; the environment variable and the flag are made of it.
type setting struct {
	key, fallback, usage string
	// secret settings never appear in output, not even when they are wrong.
	secret bool
	set    func(c *Config, v string) error
}

func (s setting) env() string  { return envPrefix + strings.ToUpper(s.key) }
func (s setting) flag() string { return strings.ReplaceAll(s.key, "_", "-") }

const (
	envPrefix       = "INTERLINK_"
	minClusterKey   = 32
	minAdminToken   = 16
	defaultDataDir  = "interlink-data"
	maxSIPLoops     = 256
	maxCallsCeiling = 10_000_000
	maxDrainTime    = 24 * time.Hour
)

// settings returns the table of all settings, in the order of the manual.
func settings() []setting {
	return []setting{
		{key: "redis_url", secret: true, usage: "redis://…, redis+sentinel://… or a comma list for Cluster",
			set: func(c *Config, v string) error { c.RedisURL = v; return nil }},
		{key: "embedded", fallback: "false", usage: "run without Redis; for one node only",
			set: func(c *Config, v string) (err error) { c.Embedded, err = parseBool(v); return err }},
		{key: "data_dir", fallback: defaultDataDir, usage: "where an embedded gateway keeps its data",
			set: func(c *Config, v string) error { c.DataDir = v; return nil }},
		{key: "sip_listen", fallback: "udp:127.0.0.1:5060", usage: "addresses for SIP, comma list of udp:IP:PORT",
			set: func(c *Config, v string) (err error) { c.SIPListen, err = parseSIPListen(v); return err }},
		{key: "sip_advertise", usage: "name or address, with optional port, in Via and Record-Route",
			set: func(c *Config, v string) (err error) { c.SIPAdvertise, err = parseAdvertise(v); return err }},
		{key: "sip_loops", fallback: "0", usage: "receiving loops; 0 = one per core",
			set: func(c *Config, v string) (err error) { c.SIPLoops, err = parseCount(v, maxSIPLoops); return err }},
		{key: "max_calls", fallback: "0", usage: "most calls at one time on this node; 0 = built-in default",
			set: func(c *Config, v string) (err error) { c.MaxCalls, err = parseCount(v, maxCallsCeiling); return err }},
		{key: "api_listen", fallback: "127.0.0.1:8080", usage: "address of the REST API",
			set: func(c *Config, v string) (err error) { c.APIListen, err = parseListen(v); return err }},
		{key: "debug_listen", fallback: "127.0.0.1:9090", usage: "address of /metrics, /healthz, /readyz and pprof; \"off\" = none",
			set: func(c *Config, v string) (err error) { c.DebugListen, err = parseDebugListen(v); return err }},
		{key: "realm_suffix", fallback: "interlink.invalid", usage: "end of every account's SIP domain",
			set: func(c *Config, v string) (err error) { c.RealmSuffix, err = parseRealmSuffix(v); return err }},
		{key: "cluster_key", secret: true, usage: "secret of all nodes, 32 characters or more (better: cluster_key_file)",
			set: func(c *Config, v string) error { return setSecret(&c.ClusterKey, v, minClusterKey) }},
		{key: "cluster_key_file", usage: "file that holds the cluster key",
			set: func(c *Config, v string) error { return setSecretFile(&c.ClusterKey, v, minClusterKey) }},
		{key: "node_id", usage: "name of this node; default: the host's name",
			set: func(c *Config, v string) (err error) { c.NodeID, err = parseNodeID(v); return err }},
		{key: "admin_token", secret: true, usage: "API token of the first administrator (better: admin_token_file)",
			set: func(c *Config, v string) error { return setSecret(&c.AdminToken, v, minAdminToken) }},
		{key: "admin_token_file", usage: "file that holds the administrator's token",
			set: func(c *Config, v string) error { return setSecretFile(&c.AdminToken, v, minAdminToken) }},
		{key: "drain_time", fallback: "30s", usage: "how long calls may go on after SIGTERM",
			set: func(c *Config, v string) (err error) { c.DrainTime, err = parseDuration(v); return err }},
		{key: "log_level", fallback: "info", usage: "debug, info, warn or error",
			set: func(c *Config, v string) (err error) { c.LogLevel, err = parseLevel(v); return err }},
		{key: "log_format", fallback: "text", usage: "text or json",
			set: func(c *Config, v string) (err error) { c.LogFormat, err = parseOneOf(v, "text", "json"); return err }},
	}
}

// Validate checks what only holds between settings. The error names the
// settings to change.
func (c *Config) Validate() error {
	var faults []error
	if c.RedisURL == "" && !c.Embedded {
		faults = append(faults, errors.New("redis_url: required, unless embedded is on"))
	}
	if c.RedisURL != "" && c.Embedded {
		faults = append(faults, errors.New("embedded: cannot be on together with redis_url"))
	}
	if c.ClusterKey == "" && !c.Embedded {
		faults = append(faults, errors.New("cluster_key: required with Redis, the same on every node"))
	}
	if c.AdminToken == "" && !loopback(c.APIListen) {
		faults = append(faults, fmt.Errorf(
			"admin_token: required because api_listen %s is reachable from other machines", c.APIListen))
	}
	if c.SIPAdvertise == "" {
		for _, a := range c.SIPListen {
			if a.Addr().IsUnspecified() {
				faults = append(faults, fmt.Errorf(
					"sip_advertise: required because sip_listen %s names no address that PBXs could send to", a))
			}
		}
	}
	return errors.Join(faults...)
}

// loopback reports whether only this machine reaches a listening address. A
// name that is not an address counts as reachable from outside, but localhost.
func loopback(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// parseSIPListen reads "udp:127.0.0.1:5060,udp:[::1]:5060".
func parseSIPListen(v string) ([]netip.AddrPort, error) {
	var out []netip.AddrPort
	for _, item := range strings.Split(v, ",") {
		item = strings.TrimSpace(item)
		transport, rest, ok := strings.Cut(item, ":")
		switch {
		case !ok || rest == "":
			return nil, fmt.Errorf("%q is not TRANSPORT:IP:PORT, for example udp:127.0.0.1:5060", item)
		case transport == "tcp" || transport == "tls":
			return nil, fmt.Errorf("%q: SIP over %s is not available yet, only udp is", item, strings.ToUpper(transport))
		case transport != "udp":
			return nil, fmt.Errorf("%q: unknown transport %q, only udp is available", item, transport)
		}
		ap, err := netip.ParseAddrPort(rest)
		if err != nil || ap.Addr().Zone() != "" {
			return nil, fmt.Errorf("%q: %q is not an IP address with a port", item, rest)
		}
		out = append(out, netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()))
	}
	return out, nil
}

// hostName is RFC 1123 §2.1 as far as a configuration needs it.
var hostName = regexp.MustCompile(`^(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?))*$`)

func parseAdvertise(v string) (string, error) {
	host := v
	if h, p, err := net.SplitHostPort(v); err == nil {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return "", fmt.Errorf("%q: the port is not 1 to 65535", v)
		}
		host = h
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if a, err := netip.ParseAddr(bare); err == nil {
		if a.IsUnspecified() || a.Zone() != "" {
			return "", fmt.Errorf("%q is not an address others can send to", v)
		}
		return v, nil
	}
	if len(host) > 253 || !hostName.MatchString(host) {
		return "", fmt.Errorf("%q is not a host name or an IP address, with an optional port", v)
	}
	return v, nil
}

func parseListen(v string) (string, error) {
	_, port, err := net.SplitHostPort(v)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", fmt.Errorf("%q is not HOST:PORT", v)
	}
	return v, nil
}

func parseDebugListen(v string) (string, error) {
	if v == "off" {
		return "", nil
	}
	return parseListen(v)
}

func parseRealmSuffix(v string) (string, error) {
	v = strings.ToLower(strings.TrimPrefix(v, "."))
	if len(v) > 190 || !hostName.MatchString(v) {
		return "", fmt.Errorf("%q is not a domain name", v)
	}
	return v, nil
}

var nodeName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func parseNodeID(v string) (string, error) {
	if !nodeName.MatchString(v) {
		return "", fmt.Errorf("%q is not 1 to 64 letters, digits, '.', '_' or '-'", v)
	}
	return v, nil
}

func parseBool(v string) (bool, error) {
	b, err := strconv.ParseBool(v)
	if err != nil {
		return false, fmt.Errorf("%q is not true or false", v)
	}
	return b, nil
}

func parseCount(v string, most int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("%q is not a whole number from 0 to %d", v, most)
	}
	return n, nil
}

func parseDuration(v string) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 || d > maxDrainTime {
		return 0, fmt.Errorf("%q is not a duration from 0s to %s, for example 30s", v, maxDrainTime)
	}
	return d, nil
}

func parseLevel(v string) (slog.Level, error) {
	v, err := parseOneOf(strings.ToLower(v), "debug", "info", "warn", "error")
	if err != nil {
		return 0, err
	}
	var l slog.Level
	return l, l.UnmarshalText([]byte(v))
}

func parseOneOf(v string, allowed ...string) (string, error) {
	for _, a := range allowed {
		if v == a {
			return v, nil
		}
	}
	return "", fmt.Errorf("%q is not one of %s", v, strings.Join(allowed, ", "))
}

// setSecret keeps the value out of its error.
func setSecret(dst *string, v string, least int) error {
	if len(v) < least {
		return fmt.Errorf("too short: %d characters, at least %d are needed", len(v), least)
	}
	if strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("only printable ASCII characters without spaces are allowed")
	}
	*dst = v
	return nil
}

func setSecretFile(dst *string, path string, least int) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := setSecret(dst, strings.TrimSpace(string(b)), least); err != nil {
		return fmt.Errorf("the file %s: %w", path, err)
	}
	return nil
}
