package provision

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// received is one request to a receiver.
type received struct {
	header http.Header
	raw    []byte
	body   HookBody
}

// receiver answers deliveries with a status, 200 unless told otherwise.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status func(n int) int
	all    []received
	came   chan received
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{came: make(chan received, 1000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		raw, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		got := received{header: q.Header.Clone(), raw: raw}
		if err := json.Unmarshal(raw, &got.body); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
		r.mu.Lock()
		status := 200
		if r.status != nil {
			status = r.status(len(r.all))
		}
		r.all = append(r.all, got)
		r.mu.Unlock()
		if status >= 300 && status < 400 {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
		r.came <- got
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) next(t *testing.T) received {
	t.Helper()
	select {
	case got := <-r.came:
		return got
	case <-time.After(20 * time.Second):
		t.Fatal("no delivery comes")
	}
	panic("unreachable")
}

// hooked is a world that delivers while the test runs.
func hooked(t *testing.T, change ...func(*Config)) observed {
	t.Helper()
	w := newWorld(t, append([]func(*Config){func(c *Config) {
		c.WebhookAllowPrivate, c.WebhookRetry = true, time.Millisecond
	}}, change...)...)
	o := observed{world: w, reseller: w.account("Reseller"), other: w.account("Other")}
	o.brown, o.smith = w.below(o.reseller, "Brown"), w.below(o.reseller, "Smith")
	deliverWhile(t, w.server)
	return o
}

// deliverWhile lets a server deliver until the test ends, or until what is
// returned is called.
func deliverWhile(t *testing.T, s *Server) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.dispatch(ctx)
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return stop
}

func (o observed) hook(account string, r *receiver, more obj) *reply {
	o.t.Helper()
	body := obj{"url": r.URL + "/hook"}
	for k, v := range more {
		body[k] = v
	}
	return o.do(post(account+"/webhooks", body)).want(201)
}

func TestWebhookIsToldInOrder(t *testing.T) {
	w := hooked(t)
	r := newReceiver(t)
	hook := w.hook(w.brown, r, obj{"events": []string{"interlink.created"}})
	secret := hook.str("secret")
	w.do(get(w.brown+"/webhooks/"+hook.str("id"))).want(200).is("enabled", true)
	var want []string
	for n := range 10 {
		want = append(want, w.do(post(w.brown+"/interlinks", obj{"name": fmt.Sprint(n)})).want(201).str("id"))
		w.do(post(w.smith+"/interlinks", obj{"name": "none of Brown's business"})).want(201)
		w.do(change(w.brown, obj{"enabled": true})).want(200) // not asked for
	}
	var got []string
	for range want {
		d := r.next(t)
		if len(d.body.Events) != 1 || d.body.Events[0].Type != "interlink.created" || string(d.body.Account) != idIn(w.brown) || d.body.ID != d.header.Get(deliveryHeader) {
			t.Fatalf("delivery %s", d.raw)
		}
		got = append(got, d.body.Events[0].ID)
		checkSignature(t, secret, d)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("told of %v, want %v", got, want)
	}
}

// checkSignature is how a receiver verifies, as the documentation says.
func checkSignature(t *testing.T, secret string, d received) {
	t.Helper()
	stamp, mac, _ := strings.Cut(d.header.Get(signatureHeader), ",v1=")
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(strings.TrimPrefix(stamp, "t=") + "."))
	h.Write(d.raw)
	if want := hex.EncodeToString(h.Sum(nil)); !hmac.Equal([]byte(want), []byte(mac)) {
		t.Fatalf("signature %s", d.header.Get(signatureHeader))
	}
}

func TestWebhookIsTriedAgain(t *testing.T) {
	w := hooked(t)
	r := newReceiver(t)
	statuses := []int{500, 302, 404, 200}
	r.status = func(n int) int { return statuses[min(n, 3)] }
	hook := w.hook(w.brown, r, obj{"events": []string{"interlink.*"}})
	first := w.do(post(w.brown+"/interlinks", obj{"name": "first"})).want(201).str("id")
	second := w.do(post(w.brown+"/interlinks", obj{"name": "second"})).want(201).str("id")
	id := ""
	for n := range 5 {
		d := r.next(t)
		want := first
		if n == 4 {
			want = second
		}
		if d.body.Events[0].ID != want {
			t.Fatalf("attempt %d tells of %s", n, d.body.Events[0].ID)
		}
		if n > 0 && n < 4 && d.body.ID != id {
			t.Fatalf("attempt %d has another id", n)
		}
		id = d.body.ID
	}
	log := w.do(get(w.brown + "/webhooks/" + hook.str("id") + "/deliveries"))
	for len(log.want(200).field("items").([]any)) < 5 {
		log = w.do(get(w.brown + "/webhooks/" + hook.str("id") + "/deliveries"))
	}
	log.is("items.0.outcome", "delivered").is("items.0.status", 200).is("items.0.try", 1).is("items.1.try", 4).
		is("items.2.outcome", "failed").is("items.2.reason", "status").is("items.2.status", 404).is("items.3.status", 302).is("items.4.try", 1)
	for _, d := range r.all {
		if d.header.Get("Authorization") != "" {
			t.Fatal("a delivery has a token")
		}
	}
}

// What nobody takes is given up in the end, and what follows gets its turn.
func TestWebhookIsGivenUp(t *testing.T) {
	w := hooked(t, func(c *Config) { c.WebhookAge = time.Nanosecond })
	r := newReceiver(t)
	r.status = func(n int) int { return []int{503, 200}[min(n, 1)] }
	hook := w.hook(w.brown, r, obj{"events": []string{"interlink.*"}})
	for n := range 2 {
		w.do(post(w.brown+"/interlinks", obj{"name": fmt.Sprint(n)})).want(201)
		r.next(t)
	}
	outcomes := func() (list []string) {
		for _, it := range w.do(get(w.brown + "/webhooks/" + hook.str("id") + "/deliveries")).want(200).field("items").([]any) {
			list = append(list, it.(obj)["outcome"].(string))
		}
		return list
	}
	for !slices.Equal(outcomes(), []string{"delivered", "given_up"}) {
		if len(outcomes()) > 2 {
			t.Fatal(outcomes())
		}
	}
}

// Another node takes over where the first one was; nothing is left out.
func TestWebhookSurvivesItsNode(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.WebhookAllowPrivate, c.WebhookRetry = true, time.Millisecond })
	brown := w.account("Brown")
	r := newReceiver(t)
	w.do(post(brown+"/webhooks", obj{"url": r.URL, "events": []string{"interlink.created"}})).want(201)
	var want, got []string
	for n := range 4 {
		stop := deliverWhile(t, w.server)
		for range 5 {
			want = append(want, w.do(post(brown+"/interlinks", obj{"name": fmt.Sprint(n)})).want(201).str("id"))
		}
		if n%2 == 0 {
			r.next(t) // some were told
		}
		stop()
		w.store.mu.Lock()
		w.store.hooks.term++ // what the dead node still notes is refused
		w.store.mu.Unlock()
	}
	deliverWhile(t, w.server)
	told := func(id string) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return slices.ContainsFunc(r.all, func(d received) bool { return d.body.Events[0].ID == id })
	}
	for !told(want[len(want)-1]) {
		r.next(t)
	}
	for _, d := range r.all {
		if id := d.body.Events[0].ID; !slices.Contains(got, id) {
			got = append(got, id)
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("told of %v, want %v", got, want)
	}
}

func TestWebhookTargets(t *testing.T) {
	leads := map[string]string{"public.example": "93.184.216.34", "inside.example": "10.0.0.5", "mapped.example": "::ffff:127.0.0.1"}
	w := newWorld(t, func(c *Config) {
		c.LookupHost = func(_ context.Context, host string) ([]netip.Addr, error) {
			if a, ok := leads[host]; ok {
				return []netip.Addr{netip.MustParseAddr(a)}, nil
			}
			return nil, errors.New("no such host")
		}
	})
	brown := w.account("Brown")
	try := func(url string) *reply { return w.do(post(brown+"/webhooks", obj{"url": url})) }
	for _, url := range []string{
		"http://127.0.0.1/", "http://127.1.2.3:8080/", "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data",
		"http://100.64.0.1/", "http://0.0.0.0/", "http://224.0.0.1/", "http://255.255.255.255/", "http://[::1]/", "http://[fe80::1]/", "http://[fd00:ec2::254]/",
		"http://[ff02::1]/", "http://[::ffff:10.0.0.1]/", "http://[64:ff9b::a00:1]/", "http://[2002:a00:1::]/", "http://localhost/", "http://LocalHost.:80/",
		"http://a.localhost/", "https://inside.example/", "https://mapped.example/",
	} {
		try(url).want(422, "url_private", "/url")
	}
	for _, url := range []string{"ftp://public.example/", "public.example", "http://", "http://u:p@public.example/", "http://public.example/#x", "http:public.example", "http://public.example:99x/"} {
		try(url).want(422, "url_invalid", "/url")
	}
	try("https://public.example/hook").want(201)
	hook := brown + "/webhooks/" + try("https://nowhere.example/hook").want(201).str("id")
	w.do(change(hook, obj{"url": "http://10.0.0.1/"})).want(422, "url_private", "/url")
	w.do(change(hook, obj{"events": []string{"number.born"}})).want(422, "event_unknown", "/events")
}

// A name that leads elsewhere by the time something is posted gains nothing.
func TestWebhookTargetsAtTheTimeOfTheCall(t *testing.T) {
	r := newReceiver(t)
	_, port, err := net.SplitHostPort(r.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	leads := "93.184.216.34"
	w := newWorld(t, func(c *Config) {
		c.WebhookRetry = time.Millisecond
		c.LookupHost = func(context.Context, string) ([]netip.Addr, error) {
			mu.Lock()
			defer mu.Unlock()
			return []netip.Addr{netip.MustParseAddr(leads)}, nil
		}
	})
	brown := w.account("Brown")
	hook := w.do(post(brown+"/webhooks", obj{"url": "http://rebinds.example:" + port + "/"})).want(201).str("id")
	mu.Lock()
	leads = "127.0.0.1"
	mu.Unlock()
	deliverWhile(t, w.server)
	for {
		items := w.do(get(brown + "/webhooks/" + hook + "/deliveries")).want(200).field("items").([]any)
		if len(items) == 0 {
			continue
		}
		if d := items[0].(obj); d["outcome"] != "failed" || d["reason"] != "refused_target" || d["status"] != nil {
			t.Fatalf("%v", d)
		}
		break
	}
	if len(r.all) > 0 {
		t.Fatal("the receiver was reached")
	}
}

func TestWebhookSecretsStaySecret(t *testing.T) {
	w := hooked(t)
	r := newReceiver(t)
	secret := w.hook(w.brown, r, nil).str("secret")
	r.next(t)
	for _, path := range []string{w.brown + "/webhooks", "/v1/audit?limit=200"} {
		if text := w.do(get(path)).want(200).text; strings.Contains(text, secret) || strings.Contains(text, `"secret"`) {
			t.Errorf("%s shows the secret", path)
		}
	}
	kept := w.server.view.OwnedBy(directory.KindWebhook, idOf(w.brown))[0].(*directory.Webhook)
	if strings.Contains(kept.Secret, secret) || kept.Secret == "" {
		t.Error("the secret is kept readable")
	}
	w.do(get(w.brown+"/webhooks").as(w.plain(w.brown))).want(403, "forbidden")
	w.do(get(w.brown+"/webhooks").as(w.admin(w.other))).want(404, "not_found")
	w.do(get(w.smith+"/webhooks/"+string(kept.ID))).want(404, "not_found")
}

func TestRequestsAreRationed(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Rate = 1 })
	admin := w.admin(w.account("Brown"))
	until := func(a asked) *reply {
		for range 100_000 {
			if r := w.do(a); r.status == 429 {
				return r
			}
		}
		t.Fatal("never refused")
		return nil
	}
	for _, a := range []asked{get("/v1/me").as(admin), get("/v1/me").as("nobody")} {
		r := until(a).want(429, "rate_limited")
		if after := r.header.Get("Retry-After"); after == "" || after == "0" {
			t.Fatalf("Retry-After is %q", after)
		}
	}
	// Others go on, those with a token from the same source, too.
	w.do(get("/v1/me")).want(200)
	w.do(get("/v1/me").as(w.plain(""))).want(200)
}
