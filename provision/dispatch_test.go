package provision

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// swamp is a receiver that takes deliveries and never answers; where it is told
// to, it fails the first one at each path.
type swamp struct {
	*httptest.Server
	failed, hung chan string
	// ended counts the deliveries that their sender gave up.
	ended atomic.Int64
	seen  sync.Map
}

func newSwamp(t *testing.T, failFirst bool) *swamp {
	s := &swamp{failed: make(chan string, 1000), hung: make(chan string, 1000)}
	drained := make(chan struct{})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		if _, again := s.seen.LoadOrStore(r.URL.Path, true); failFirst && !again {
			w.WriteHeader(http.StatusInternalServerError)
			s.failed <- r.URL.Path
			return
		}
		s.hung <- r.URL.Path
		select {
		case <-r.Context().Done():
			s.ended.Add(1)
		case <-drained:
		}
	}))
	t.Cleanup(func() { close(drained); s.Close() })
	return s
}

// swallow waits for so many deliveries of a sort.
func swallow(t *testing.T, from chan string, n int) {
	t.Helper()
	for i := range n {
		select {
		case <-from:
		case <-time.After(20 * time.Second):
			t.Fatalf("%d deliveries come, want %d", i, n)
		}
	}
}

// An account with many receivers that do not answer has few couriers wait for
// them; another account's delivery goes out meanwhile.
func TestWebhooksOfOneAccountHoldUpNobody(t *testing.T) {
	w := hooked(t, func(c *Config) { c.Bounds = map[string]int{"webhooks": 50} })
	r, s := newReceiver(t), newSwamp(t, false)
	for n := range 50 {
		w.do(post(w.brown+"/webhooks", obj{"url": fmt.Sprint(s.URL, "/", n), "events": []string{"interlink.*"}})).want(201)
	}
	w.hook(w.smith, r, obj{"events": []string{"interlink.*"}})
	w.do(post(w.brown+"/interlinks", obj{"name": "x"})).want(201)
	swallow(t, s.hung, ownCouriers)
	w.do(post(w.smith+"/interlinks", obj{"name": "x"})).want(201)
	r.next(t)
	if more, ended := len(s.hung), s.ended.Load(); more > 0 || ended > 0 {
		t.Errorf("%d more couriers waited for one account, and %d had to give up first", more, ended)
	}
}

// However many accounts have receivers that are known not to answer, there are
// couriers for those that do.
func TestSlowWebhooksLeaveCouriersForOthers(t *testing.T) {
	w := hooked(t)
	r, s := newReceiver(t), newSwamp(t, true)
	const accounts, each = 20, ownCouriers
	var slow []string
	for a := range accounts {
		account := w.account(fmt.Sprint("Slow ", a))
		for n := range each {
			w.do(post(account+"/webhooks", obj{"url": fmt.Sprint(s.URL, "/", a, "/", n), "events": []string{"interlink.*"}})).want(201)
		}
		slow = append(slow, account)
	}
	w.hook(w.smith, r, obj{"events": []string{"interlink.*"}})
	for _, account := range slow {
		w.do(post(account+"/interlinks", obj{"name": "x"})).want(201)
	}
	swallow(t, s.failed, accounts*each)
	swallow(t, s.hung, slowCouriers)
	w.do(post(w.smith+"/interlinks", obj{"name": "x"})).want(201)
	r.next(t)
	if more, ended := len(s.hung), s.ended.Load(); more > 0 || ended > 0 {
		t.Errorf("%d more couriers waited for slow receivers, and %d had to give up first", more, ended)
	}
}
