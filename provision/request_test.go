package provision

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pbx-interlink/interlink/directory"
)

// panicking is a repository that panics with a secret.
type panicking struct{}

func (panicking) Apply(context.Context, directory.Actor, ...directory.Change) error {
	panic("secret of the inside")
}

func TestPanicIs500WithoutDetails(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, func(c *Config) {
		c.Repository = panicking{}
		c.Log = slog.New(slog.NewJSONHandler(&log, nil))
	})
	r := w.do(post("/v1/accounts", obj{"name": "Brown"})).want(500, "internal_error")
	if contains(r.text, "secret") {
		t.Error("the answer tells of the inside")
	}
	if !contains(log.String(), "secret of the inside") || !contains(log.String(), r.str("request_id")) {
		t.Errorf("log: %s", log.String())
	}
	w.do(post("/v1/accounts", obj{"name": "Brown"}).with("Idempotency-Key", "k")).want(500, "internal_error")
	w.do(get("/v1/me")).want(200)
}

func TestAccessLogAndMetricsNameRoutesNotPaths(t *testing.T) {
	var log bytes.Buffer
	reg := prometheus.NewPedanticRegistry()
	w := newWorld(t, func(c *Config) { c.Log, c.Registerer = slog.New(slog.NewJSONHandler(&log, nil)), reg })
	a := w.account("Brown")
	w.do(get(a)).want(200)
	w.do(get("/v1/accounts/acc_secret-path")).want(404)
	w.do(get("/v1/secret-path")).want(404)
	w.do(requestFor("SECRETMETHOD", "/v1/accounts", nil)).want(405)
	w.do(get(a).with("Authorization", "Bearer secret-token")).want(401)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 6 {
		t.Fatalf("%d lines: %s", len(lines), log.String())
	}
	for _, secret := range []string{"secret", "SECRETMETHOD", testToken, string(idOf(a))} {
		if contains(strings.ToLower(log.String()), strings.ToLower(secret)) {
			t.Errorf("the log has %q: %s", secret, log.String())
		}
	}
	var second map[string]any
	if err := json.Unmarshal([]byte(lines[1]), &second); err != nil {
		t.Fatal(err)
	}
	if second["route"] != accountPath || second["status"] != float64(200) || second["method"] != "GET" || second["principal"] != "staff:admin" {
		t.Errorf("access log: %v", second)
	}
	counters(t, reg, "interlink_api_requests_total", `
interlink_api_requests_total{method="GET",route="/v1/accounts/{account}",status="200"} 1
interlink_api_requests_total{method="GET",route="/v1/accounts/{account}",status="401"} 1
interlink_api_requests_total{method="GET",route="/v1/accounts/{account}",status="404"} 1
interlink_api_requests_total{method="GET",route="unmatched",status="404"} 1
interlink_api_requests_total{method="POST",route="/v1/accounts",status="201"} 1
interlink_api_requests_total{method="other",route="unmatched",status="405"} 1
`)
}

func TestRedeemsAreCounted(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	w := newWorld(t, func(c *Config) { c.Registerer, c.RedeemBurst = reg, 1 })
	brown, smith := w.account("Brown"), w.account("Smith")
	w.link(brown, smith)
	for range 2 {
		w.do(post(smith+"/interlinks/redeem", obj{"name": "x", "authorization_key": "x"}))
	}
	counters(t, reg, "interlink_api_redeems_total", `
interlink_api_redeems_total{result="linked"} 1
interlink_api_redeems_total{result="refused"} 1
interlink_api_redeems_total{result="throttled"} 1
`)
}

func TestAnswersAreJSONWhateverIsAccepted(t *testing.T) {
	w := newWorld(t)
	for _, accept := range []string{"", "*/*", "json", "application/xml", "application/problem+json;q=1", "nonsense;;;"} {
		if got := w.do(get("/v1/me").with("Accept", accept)).want(200).header.Get("Content-Type"); got != "application/json" {
			t.Errorf("Accept %q: %q", accept, got)
		}
		w.do(get("/v1/accounts?limit=0").with("Accept", accept)).want(422)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"view": func(c *Config) { c.View = nil }, "repository": func(c *Config) { c.Repository = nil },
		"router": func(c *Config) { c.Router = nil }, "status": func(c *Config) { c.StatusOf = nil },
		"key": func(c *Config) { c.ClusterKey = []byte("short") }, "suffix": func(c *Config) { c.RealmSuffix = "" },
		"suffix form": func(c *Config) { c.RealmSuffix = "a b" }, "number": func(c *Config) { c.NumberMax = 9 },
		"burst": func(c *Config) { c.RedeemBurst = -1 },
	} {
		cfg := newWorld(t).server.cfg
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A principal that may see nothing learns nothing, on any operation.
func TestAuthorisationIsInOnePlace(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	w.link(brown, smith)
	lease := w.call(1, brown, smith)
	stranger := context.WithValue(t.Context(), requestKey{}, &request{principal: principal{ID: "nobody", Kind: "nobody"}})
	if _, err := w.server.getAccount(stranger, &getAccountInput{InAccount{idOf(brown)}}); !isKind(err, directory.KindNotFound) {
		t.Errorf("account: %v", err)
	}
	if list, err := w.server.listAccounts(stranger, &listAccountsInput{Paging: Paging{Limit: 10}}); err != nil || len(list.Body.Items) != 0 {
		t.Errorf("list: %v, %v", list, err)
	}
	if _, err := w.server.endCall(stranger, &endCallInput{Call: callID(lease)}); !isKind(err, directory.KindNotFound) {
		t.Errorf("call: %v", err)
	}
	if _, err := w.server.createAccount(stranger, &createAccountInput{Body: NewAccount{Name: "x"}}); !isKind(err, directory.KindForbidden) {
		t.Errorf("create: %v", err)
	}
	if _, err := w.server.explain(stranger, &explainInput{Body: Question{Account: idOf(brown), Dialled: "1"}}); !isKind(err, directory.KindInvalid) {
		t.Errorf("explain: %v", err)
	}
}

// counters compares a counter's series with lines like name{label="value"} 1.
func counters(t *testing.T, reg prometheus.Gatherer, name, want string) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			fmt.Fprintf(&lines, "%s{%s} %v\n", name, strings.Join(labels, ","), m.GetCounter().GetValue())
		}
	}
	if got := lines.String(); got != strings.TrimPrefix(want, "\n") {
		t.Errorf("counters:\n%swant:%s", got, want)
	}
}
