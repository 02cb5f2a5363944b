package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
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
	// DataDir is where a node with a Redis keeps its last view of the directory,
	// and where an embedded gateway keeps provisioning and the keys it
	// made for itself. Empty keeps nothing.
	DataDir string
	// SIPListen are the UDP addresses for SIP; port 0 picks one.
	SIPListen []netip.AddrPort
	// SIPAdvertise is the name or address, with an optional port, written into
	// Via and Record-Route. Empty: the first listening address.
	SIPAdvertise string
	// SIPLoops is the number of receiving loops, 1–256; 0 means one for
	// every four cores, at least one.
	SIPLoops int
	// MaxCalls bounds the calls of this node, set-up included; further ones are
	// answered 503. 0 takes the default of package sip.
	MaxCalls int
	// APIListen and DebugListen are host:port over TCP; port 0 picks one. An
	// empty DebugListen means no debug listener.
	APIListen, DebugListen string
	// RealmSuffix ends the SIP domain of every account made from now on.
	RealmSuffix string
	// NumberMax is the longest internal number that can be written from now on,
	// 1 to 8 characters; 0 is 8.
	NumberMax int
	// ClusterKey is the secret all nodes share; at least 32 characters.
	ClusterKey string
	// NodeID names this node in logs, call records and the ledger; 1–64 of
	// A–Z a–z 0–9 . _ -
	NodeID string
	// AdminToken is the first administrator's API token; at least 16 characters.
	AdminToken string
	// AdmitBudget is all the time the ledger has to answer for a new call,
	// 10 ms to 5 s; then the call is refused.
	AdmitBudget time.Duration
	// TrustedProxies are believed in what X-Forwarded-For says of whom an API
	// request comes from.
	TrustedProxies []netip.Prefix
	// SessionTime is how long a login lasts, 1 minute to 30 days.
	SessionTime time.Duration
	// APIRate is how many requests a second one principal may send; 0 is the
	// built-in default.
	APIRate int
	// AccountBounds replace bounds of what one account can have, by name; see
	// provision.Bounds.
	AccountBounds map[string]int
	// WebhookAllowPrivate lets webhooks post to addresses that are not public.
	WebhookAllowPrivate bool
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
	maxAPIRate      = 1_000_000
	minSessionTime  = time.Minute
	maxSessionTime  = 30 * 24 * time.Hour
	minAdmitBudget  = 10 * time.Millisecond
	maxAdmitBudget  = 5 * time.Second
)

// settings returns the table of all settings, in the order of the manual.
func settings() []setting {
	return []setting{
		{key: "redis_url", secret: true, usage: "redis://…, redis+sentinel://… or a comma list for Cluster",
			set: func(c *Config, v string) error { c.RedisURL = v; return nil }},
		{key: "embedded", fallback: "false", usage: "run without Redis; for one node only",
			set: func(c *Config, v string) (err error) { c.Embedded, err = parseBool(v); return err }},
		{key: "data_dir", fallback: defaultDataDir, usage: "where an embedded gateway keeps its data, and a node with a Redis its last view of the directory",
			set: func(c *Config, v string) error { c.DataDir = v; return nil }},
		{key: "sip_listen", fallback: "udp:127.0.0.1:5060", usage: "addresses for SIP, comma list of udp:IP:PORT",
			set: func(c *Config, v string) (err error) { c.SIPListen, err = parseSIPListen(v); return err }},
		{key: "sip_advertise", usage: "name or address, with optional port, in Via and Record-Route",
			set: func(c *Config, v string) (err error) { c.SIPAdvertise, err = parseAdvertise(v); return err }},
		{key: "sip_loops", fallback: "0", usage: "receiving loops; 0 = one for every four cores",
			set: func(c *Config, v string) (err error) { c.SIPLoops, err = parseCount(v, maxSIPLoops); return err }},
		{key: "max_calls", fallback: "0", usage: "most calls at one time on this node; 0 = built-in default",
			set: func(c *Config, v string) (err error) { c.MaxCalls, err = parseCount(v, maxCallsCeiling); return err }},
		{key: "api_listen", fallback: "127.0.0.1:8080", usage: "address of the REST API",
			set: func(c *Config, v string) (err error) { c.APIListen, err = parseListen(v); return err }},
		{key: "debug_listen", fallback: "127.0.0.1:9090", usage: "address of /metrics, /healthz, /readyz and pprof; \"off\" = none",
			set: func(c *Config, v string) (err error) { c.DebugListen, err = parseDebugListen(v); return err }},
		{key: "realm_suffix", fallback: "interlink.invalid", usage: "end of every account's SIP domain",
			set: func(c *Config, v string) (err error) { c.RealmSuffix, err = parseRealmSuffix(v); return err }},
		{key: "number_max", fallback: "8", usage: "longest internal number, 1 to 8 characters",
			set: func(c *Config, v string) (err error) { c.NumberMax, err = parseNumberMax(v); return err }},
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
		{key: "admit_budget", fallback: "150ms", usage: "how long a new call waits for the ledger",
			set: func(c *Config, v string) (err error) {
				c.AdmitBudget, err = parseDuration(v, minAdmitBudget, maxAdmitBudget)
				return err
			}},
		{key: "api_rate", fallback: "0", usage: "most requests a second of one principal to the API; 0 = built-in default",
			set: func(c *Config, v string) (err error) { c.APIRate, err = parseCount(v, maxAPIRate); return err }},
		{key: "account_bounds", usage: "other bounds of what one account can have, comma list of name=count (docs/api/bounds.md)",
			set: func(c *Config, v string) (err error) { c.AccountBounds, err = parseBounds(v); return err }},
		{key: "webhook_allow_private", fallback: "false", usage: "let webhooks post to private and loopback addresses",
			set: func(c *Config, v string) (err error) { c.WebhookAllowPrivate, err = parseBool(v); return err }},
		{key: "trusted_proxies", usage: "proxies before the API whose X-Forwarded-For is believed, comma list of addresses and prefixes",
			set: func(c *Config, v string) (err error) { c.TrustedProxies, err = parsePrefixes(v); return err }},
		{key: "session_time", fallback: "12h", usage: "how long a login lasts",
			set: func(c *Config, v string) (err error) {
				c.SessionTime, err = parseDuration(v, minSessionTime, maxSessionTime)
				return err
			}},
		{key: "drain_time", fallback: "30s", usage: "how long calls may go on after SIGTERM",
			set: func(c *Config, v string) (err error) {
				c.DrainTime, err = parseDuration(v, 0, maxDrainTime)
				return err
			}},
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
