package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// testCanaries lets secrets of all kinds through the real programs, with a Redis
// that writes down every command and with a data directory, and then looks for
// them where none may be: in Redis' files, the data directory, the log at its most
// talkative, the metrics, the audit trail, the event stream and what webhooks are
// posted.
func testCanaries(t *testing.T, binary string) {
	t.Run("redis", func(t *testing.T) {
		b := newBirds(t)
		redisDir, dataDir := t.TempDir(), t.TempDir()
		redis, err := testbed.StartRedis(b.ctx, redisDir, "--appendonly", "yes", "--aof-use-rdb-preamble", "no", "--rdbcompression", "no")
		b.must(err)
		t.Cleanup(redis.Kill)
		b.fly(binary, testbed.Gateway{RedisURL: redis.URL(), Env: []string{"INTERLINK_DATA_DIR=" + dataDir}})
		b.must(b.gateway.Stop())
		b.look("Redis' files", files(t, redisDir), 50_000)
		b.look("the data directory", files(t, dataDir), 100)
	})
	t.Run("embedded", func(t *testing.T) {
		b := newBirds(t)
		dataDir := t.TempDir()
		b.fly(binary, testbed.Gateway{DataDir: dataDir})
		b.look("the data directory while it runs", files(t, dataDir), 10_000)
		b.must(b.gateway.Stop())
		b.look("the data directory", files(t, dataDir), 10_000)
	})
}

// birds are secrets on their way through a gateway.
type birds struct {
	*scene
	admin, cluster string
	// events is what the administrator follows, posted what webhooks are sent.
	events *stream
	posted *mailbox
	// followed are the accounts with a webhook to posted.
	followed []string
	// known are all secrets so far, and what they are.
	known map[string]string
}

func newBirds(t *testing.T) *birds {
	b := &birds{scene: &scene{t: t, ctx: e2eContext(t), dir: t.TempDir()}, known: map[string]string{}}
	b.admin, b.cluster = b.sing("administrator's token"), b.sing("cluster key")
	return b
}

// sing makes a secret.
func (b *birds) sing(what string) string {
	secret := "Canary+" + rand.Text() + "/x"
	b.known[secret] = what
	return secret
}

// ask sends a request, learns the secrets in its answer, and returns it.
func (b *birds) ask(token, method, path string, body any) map[string]any {
	b.t.Helper()
	var sent bytes.Buffer
	if body != nil {
		b.must(json.NewEncoder(&sent).Encode(body))
	}
	r, err := http.NewRequestWithContext(b.ctx, method, "http://"+b.gateway.HTTP.String()+path, &sent)
	b.must(err)
	r.Header = http.Header{"If-Match": {"*"}}
	if method == "POST" {
		// Remembered answers hold secrets, too.
		r.Header = http.Header{"Idempotency-Key": {rand.Text()}}
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	b.must(err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	b.must(err)
	out := map[string]any{}
	if len(text) > 0 {
		b.must(json.Unmarshal(text, &out))
	}
	if answer.StatusCode >= 400 {
		b.look(method+" "+path+": the problem", text, 100)
	}
	b.learn(method+" "+path, out)
	return out
}

var secretField = regexp.MustCompile(`^(password|token|authorization_key|access_code|secret)$`)

func (b *birds) learn(from string, v any) {
	switch x := v.(type) {
	case map[string]any:
		for name, member := range x {
			if text, ok := member.(string); ok && secretField.MatchString(name) {
				b.known[text] = name + " of " + from
			}
			b.learn(from, member)
		}
	case []any:
		for _, one := range x {
			b.learn(from, one)
		}
	}
}

// made demands success and returns the object's path.
func (b *birds) made(token, path string, body any) (string, map[string]any) {
	b.t.Helper()
	out := b.ask(token, "POST", path, body)
	id, _ := out["id"].(string)
	if id == "" {
		b.t.Fatalf("POST %s: %v", path, out)
	}
	return path + "/" + id, out
}

// fly starts a gateway and lets secrets in and out by every door.
func (b *birds) fly(binary string, g testbed.Gateway) {
	b.t.Helper()
	g.Binary, g.SIP, g.Dir, g.NodeID = binary, sipAddress(b.t), b.dir, "node-1"
	g.Env = append(g.Env, "INTERLINK_LOG_LEVEL=debug", "INTERLINK_WEBHOOK_ALLOW_PRIVATE=true", "INTERLINK_ADMIN_TOKEN="+b.admin, "INTERLINK_CLUSTER_KEY="+b.cluster)
	var err error
	b.gateway, err = testbed.StartGateway(b.ctx, g)
	b.must(err)
	b.t.Cleanup(func() { dismiss(b.t, b.gateway) })
	b.posted = newMailbox(b.t)
	b.events, err = followEvents(b.ctx, b.gateway, b.admin, "")
	b.must(err)
	b.people()
	b.links()
	b.strangers()
	b.lookAtEvents()
	metrics, err := b.gateway.Metrics()
	b.must(err)
	b.look("the metrics", []byte(metrics), 1_000)
	for page := "/v1/audit?limit=200"; page != ""; {
		answer, err := testbed.NewAPI("http://"+b.gateway.HTTP.String(), b.admin).Do(b.ctx, "GET", page, "", nil)
		b.must(err)
		b.look("the audit trail", answer.Body, 100)
		var list struct{ Next *string }
		b.must(json.Unmarshal(answer.Body, &list))
		if page = ""; list.Next != nil {
			page = "/v1/audit?limit=200&cursor=" + url.QueryEscape(*list.Next)
		}
	}
	b.look("the log", []byte(b.gateway.Output()), 1_000)
	b.t.Logf("%d secrets", len(b.known))
}

type fields = map[string]any

// people are users, sessions, tokens, access and what a provider gave.
func (b *birds) people() {
	b.t.Helper()
	person := func(email string) fields {
		return fields{"email": email, "first_name": "P", "last_name": "P", "role": "admin", "password": b.sing("password of " + email)}
	}
	pat := person("pat@brown.example")
	delete(pat, "role")
	brown, _ := b.made(b.admin, "/v1/accounts", fields{"name": "Brown", "admin": pat})
	b.follow(brown)
	b.made(b.admin, "/v1/accounts", fields{"name": "Generated", "admin": fields{"email": "g@g.example", "first_name": "G", "last_name": "G"}})
	user, _ := b.made(b.admin, brown+"/users", person("kim@brown.example"))
	b.ask(b.admin, "PATCH", user, fields{"password": b.sing("new password")})
	b.ask(b.admin, "PATCH", user, fields{"password": nil})
	b.made(b.admin, "/v1/users", person("sam@platform.example"))
	session, _ := b.ask("", "POST", "/v1/login", fields{"email": "pat@brown.example", "password": pat["password"]})["token"].(string)
	b.ask(session, "PATCH", user, fields{"password": b.sing("short"), "current_password": b.sing("wrong password until now")})
	b.made(session, brown+"/tokens", fields{"name": "T"})
	b.made(b.admin, "/v1/tokens", fields{"name": "T"})
	b.ask(b.admin, "POST", brown+"/access", fields{"reason": "R"})
	carrier, _ := b.made(b.admin, "/v1/providers", fields{"name": "Carrier"})
	provider := fields{"provider": filepath.Base(carrier), "credentials": fields{"username": "brown", "password": b.sing("credentials")}}
	b.ask(b.admin, "PUT", brown+"/provider", provider)
	provider["credentials"] = b.sing("credentials in one text")
	b.ask(b.admin, "PUT", brown+"/provider", provider)
	hook, _ := b.made(session, brown+"/webhooks", fields{"url": "https://192.0.66.2/hook"})
	b.ask(session, "DELETE", hook, nil)
	b.ask(session, "POST", "/v1/logout", nil)
}

// links are keys and codes, spent, open and wrong.
func (b *birds) links() {
	b.t.Helper()
	a, _ := b.made(b.admin, "/v1/accounts", fields{"name": "A"})
	z, _ := b.made(b.admin, "/v1/accounts", fields{"name": "Z"})
	b.follow(a)
	b.follow(z)
	_, link := b.made(b.admin, a+"/interlinks", fields{"name": "spent"})
	b.ask(b.admin, "POST", z+"/interlinks/redeem", fields{"name": "N", "authorization_key": link["authorization_key"]})
	open, _ := b.made(b.admin, a+"/interlinks", fields{"name": "open"})
	b.ask(b.admin, "GET", open, nil)
	b.ask(b.admin, "POST", z+"/interlinks/redeem", fields{"name": "N", "authorization_key": b.sing("wrong key")})
	ring, made := b.made(b.admin, "/v1/federations", fields{"name": "Ring", "owner": filepath.Base(a)})
	b.ask(b.admin, "POST", z+"/federation/join", fields{"access_code": made["access_code"]})
	b.ask(b.admin, "POST", z+"/federation/join", fields{"access_code": b.sing("wrong code")})
	b.ask(b.admin, "POST", ring+"/access-code", nil)
}

// strangers put secrets where none belong.
func (b *birds) strangers() {
	b.t.Helper()
	b.ask("", "POST", "/v1/login", fields{"email": "pat@brown.example", "password": b.sing("wrong password")})
	b.ask("", "POST", "/v1/login", fields{"email": b.sing("password as address"), "password": "x"})
	b.ask(b.sing("unknown token"), "GET", "/v1/me", nil)
	b.ask("itk_"+b.sing("mistyped token"), "GET", "/v1/me", nil)
	b.ask(b.admin, "GET", "/v1/me?token="+url.QueryEscape(b.sing("in a query")), nil)
	b.ask(b.admin, "GET", "/v1/accounts/"+url.PathEscape(b.sing("in a path")), nil)
	b.ask(b.admin, "POST", "/v1/accounts", fields{"name": "N", "password": b.sing("in an unknown field")})
	b.ask(b.admin, "POST", "/v1/accounts", fields{"name": fields{"password": b.sing("in a field of another type")}})
}

// look fails when a text has a secret in any of the usual spellings, or is so
// short that it cannot be what it should be.
func (b *birds) look(where string, text []byte, atLeast int) {
	b.t.Helper()
	if len(text) < atLeast {
		b.t.Errorf("%s: only %d octets to look through", where, len(text))
	}
	for _, secret := range slices.Sorted(maps.Keys(b.known)) {
		if len(secret) < 8 {
			continue
		}
		for _, spelling := range spellings(secret) {
			if i := bytes.Index(text, []byte(spelling)); i >= 0 {
				b.t.Errorf("%s: %s shows as %q", where, b.known[secret], text[max(0, i-80):min(len(text), i+len(spelling)+20)])
				break
			}
		}
	}
}

func spellings(secret string) []string {
	list := []string{
		secret, strings.ToLower(secret), url.QueryEscape(secret), url.PathEscape(secret), strings.ReplaceAll(secret, "-", ""),
		hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))),
	}
	for shift := range 3 {
		// However it lies in what is encoded, its inner part looks like this.
		whole := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		inner := whole[4 : len(whole)-4]
		list = append(list, inner, strings.NewReplacer("+", "-", "/", "_").Replace(inner))
	}
	return list
}

// files is all that the files below a directory hold.
func files(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all = append(all, b...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
