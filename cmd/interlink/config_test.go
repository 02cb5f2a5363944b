package main

import (
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

// load runs the loader over a file's text, an environment and arguments.
func load(t *testing.T, yaml string, environ, args []string) (*Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	addFlags(flags)
	if yaml != "" {
		path := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append([]string{"--config", path}, args...)
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return loadConfig(flags, environ)
}

const (
	testKey   = "0123456789abcdef0123456789abcdef"
	testToken = "a-token-of-some-length"
)

func TestConfigLaterSourceWins(t *testing.T) {
	const yaml = "api_listen: 127.0.0.1:1\ndrain_time: 5s\nlog_level: debug\n"
	c, err := load(t, yaml, []string{"INTERLINK_API_LISTEN=127.0.0.1:2", "INTERLINK_DRAIN_TIME=6s", "OTHER=x"},
		[]string{"--api-listen", "127.0.0.1:3"})
	if err != nil {
		t.Fatal(err)
	}
	if c.APIListen != "127.0.0.1:3" || c.DrainTime != 6*time.Second || c.LogLevel != slog.LevelDebug {
		t.Errorf("api_listen %s, drain_time %s, log_level %s", c.APIListen, c.DrainTime, c.LogLevel)
	}
}

func TestConfigNamesTheVariableOfAnUnknownSetting(t *testing.T) {
	_, err := load(t, "api_listne: x\n", []string{"INTERLINK_EMBEDED=true"}, nil)
	if err == nil {
		t.Fatal("accepted")
	}
	want := "api_listne: there is no such setting\nembeded (INTERLINK_EMBEDED): there is no such setting"
	if err.Error() != want {
		t.Errorf("%s", err)
	}
}

func TestConfigDefaults(t *testing.T) {
	c, err := load(t, "", nil, []string{"--embedded"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	want := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:5060")}
	if len(c.SIPListen) != 1 || c.SIPListen[0] != want[0] {
		t.Errorf("sip_listen %v", c.SIPListen)
	}
	if !c.Embedded || c.APIListen != "127.0.0.1:8080" || c.DebugListen != "127.0.0.1:9090" || c.NodeID == "" {
		t.Errorf("%+v", c)
	}
}

// TestConfigEverySource sets every setting by each of the three ways.
func TestConfigEverySource(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(testKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	values := map[string]string{
		"redis_url": "redis://127.0.0.1:6379", "embedded": "true", "data_dir": "d", "sip_listen": "udp:[::1]:5062",
		"sip_advertise": "sip.example.com:5070", "sip_loops": "3", "max_calls": "17", "api_listen": "127.0.0.1:81",
		"debug_listen": "127.0.0.1:91", "realm_suffix": "pbx.example.com", "number_max": "4", "cluster_key": testKey,
		"cluster_key_file": secret, "node_id": "n-1", "admin_token": testToken, "admin_token_file": secret,
		"admit_budget": "70ms", "trusted_proxies": "10.0.0.0/8, 192.0.2.1", "session_time": "8h", "api_rate": "17", "webhook_allow_private": "true", "account_bounds": "numbers=200000, trunks=2000",
		"drain_time": "7s", "log_level": "warn", "log_format": "json",
	}
	for _, s := range settings() {
		v := values[s.key]
		if v == "" {
			t.Errorf("%s: the test has no value for it", s.key)
			continue
		}
		def, err := load(t, "", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for source, try := range map[string]func() (*Config, error){
			"file":        func() (*Config, error) { return load(t, s.key+": "+`"`+v+`"`, nil, nil) },
			"environment": func() (*Config, error) { return load(t, "", []string{s.env() + "=" + v}, nil) },
			"flag":        func() (*Config, error) { return load(t, "", nil, []string{"--" + s.flag() + "=" + v}) },
		} {
			c, err := try()
			if err != nil {
				t.Errorf("%s by %s: %v", s.key, source, err)
				continue
			}
			if same(*c, *def) {
				t.Errorf("%s by %s changes nothing", s.key, source)
			}
		}
	}
}

func same(a, b Config) bool {
	x, y := a.SIPListen, b.SIPListen
	a.SIPListen, b.SIPListen = nil, nil
	return len(x) == 1 && len(y) == 1 && x[0] == y[0] && equalConfig(a, b)
}

func equalConfig(a, b Config) bool {
	return a.RedisURL == b.RedisURL && a.Embedded == b.Embedded && a.DataDir == b.DataDir &&
		a.SIPAdvertise == b.SIPAdvertise && a.SIPLoops == b.SIPLoops && a.MaxCalls == b.MaxCalls &&
		a.APIListen == b.APIListen && a.DebugListen == b.DebugListen && a.RealmSuffix == b.RealmSuffix && a.NumberMax == b.NumberMax &&
		a.ClusterKey == b.ClusterKey && a.NodeID == b.NodeID && a.AdminToken == b.AdminToken &&
		slices.Equal(a.TrustedProxies, b.TrustedProxies) && a.SessionTime == b.SessionTime &&
		a.APIRate == b.APIRate && maps.Equal(a.AccountBounds, b.AccountBounds) && a.WebhookAllowPrivate == b.WebhookAllowPrivate &&
		a.AdmitBudget == b.AdmitBudget && a.DrainTime == b.DrainTime && a.LogLevel == b.LogLevel && a.LogFormat == b.LogFormat
}

func TestConfigRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, yaml string
		environ    []string
		want       []string
	}{
		{"unknown key", "api_listne: 127.0.0.1:1\nsip: {listen: x}\n", nil, []string{"api_listne", "sip.listen"}},
		{"unknown variable", "", []string{"INTERLINK_API_LISTNE=x"}, []string{"api_listne"}},
		{"tcp", "sip_listen: tcp:127.0.0.1:5060", nil, []string{"sip_listen", "SIP over TCP is not available yet"}},
		{"tls in a list", "sip_listen: [udp:127.0.0.1:5060, tls:127.0.0.1:5061]", nil, []string{"sip_listen", "TLS"}},
		{"no transport", "sip_listen: 127.0.0.1:5060", nil, []string{"sip_listen"}},
		{"host name to listen on", "sip_listen: udp:example.com:5060", nil, []string{"sip_listen", "example.com"}},
		{"advertise", "sip_advertise: 'a b'", nil, []string{"sip_advertise"}},
		{"advertise injection", `sip_advertise: "a\r\nb"`, nil, []string{"sip_advertise"}},
		{"advertise port", "sip_advertise: a:0", nil, []string{"sip_advertise"}},
		{"loops", "sip_loops: -1", nil, []string{"sip_loops"}},
		{"calls", "max_calls: many", nil, []string{"max_calls"}},
		{"api", "api_listen: here", nil, []string{"api_listen"}},
		{"realm", "realm_suffix: 'x y'", nil, []string{"realm_suffix"}},
		{"numbers of nothing", "number_max: 0", nil, []string{"number_max"}},
		{"numbers too long", "number_max: 9", nil, []string{"number_max"}},
		{"proxies", "trusted_proxies: 10.0.0.1/8", nil, []string{"trusted_proxies"}},
		{"bound of nothing", "account_bounds: nonsense=5", nil, []string{"account_bounds", "nonsense"}},
		{"bound of none", "account_bounds: numbers=0", nil, []string{"account_bounds", "numbers"}},
		{"bound twice", "account_bounds: 'numbers=1,numbers=2'", nil, []string{"account_bounds", "numbers"}},
		{"bound without a number", "account_bounds: numbers", nil, []string{"account_bounds", "numbers"}},
		{"node", "node_id: 'x y'", nil, []string{"node_id"}},
		{"session", "session_time: 31d", nil, []string{"session_time"}},
		{"drain", "drain_time: 5", nil, []string{"drain_time"}},
		{"budget", "admit_budget: 1ms", nil, []string{"admit_budget"}},
		{"level", "log_level: loud", nil, []string{"log_level", "loud"}},
		{"format", "log_format: xml", nil, []string{"log_format"}},
		{"bool", "embedded: maybe", nil, []string{"embedded"}},
		{"short key", "cluster_key: s3cr3t", nil, []string{"cluster_key", "too short"}},
		{"short token", "admin_token: s3cr3t", nil, []string{"admin_token", "too short"}},
		{"token with a line end", `admin_token: "s3cr3t s3cr3t\r\ns3cr3t"`, nil, []string{"admin_token"}},
		{"token file", "admin_token_file: /nonexistent/token", nil, []string{"admin_token_file"}},
		{"token twice", "admin_token: " + testToken + "\nadmin_token_file: /nonexistent/token", nil, []string{"together"}},
		{"not YAML", "a: [", nil, []string{"config.yaml"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := load(t, tt.yaml, tt.environ, nil)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not name %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), testToken) {
				t.Errorf("the error tells a secret: %q", err)
			}
		})
	}
}

func TestConfigValidate(t *testing.T) {
	good := Config{RedisURL: "redis://127.0.0.1", ClusterKey: testKey, APIListen: "127.0.0.1:8080"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		edit func(*Config)
		want string
	}{
		{"no store", func(c *Config) { c.RedisURL = "" }, "redis_url"},
		{"two stores", func(c *Config) { c.Embedded = true }, "embedded"},
		{"no key", func(c *Config) { c.ClusterKey = "" }, "cluster_key"},
		{"every address", func(c *Config) { c.SIPListen = []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:5060")} }, "sip_advertise"},
		{"open API", func(c *Config) { c.APIListen = "0.0.0.0:8080" }, "admin_token"},
		{"open API, no host", func(c *Config) { c.APIListen = ":8080" }, "admin_token"},
		{"open API, IPv6", func(c *Config) { c.APIListen = "[2001:db8::1]:8080" }, "admin_token"},
		{"open API, name", func(c *Config) { c.APIListen = "api.example.com:8080" }, "admin_token"},
	} {
		c := good
		tt.edit(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if tt.want == "admin_token" {
			if c.AdminToken = testToken; c.Validate() != nil {
				t.Errorf("%s: refused with a token: %v", tt.name, c.Validate())
			}
		}
	}
}

// A service called "interlink" makes Kubernetes add variables with our prefix.
func TestConfigIgnoresKubernetesVariables(t *testing.T) {
	if _, err := load(t, "", []string{"INTERLINK_SERVICE_HOST=10.0.0.1", "INTERLINK_PORT=tcp://10.0.0.1:80",
		"INTERLINK_PORT_80_TCP=tcp://10.0.0.1:80"}, nil); err != nil {
		t.Fatal(err)
	}
}
