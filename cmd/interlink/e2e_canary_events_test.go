package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// follow has an account's events posted.
func (b *birds) follow(account string) {
	b.t.Helper()
	b.made(b.admin, account+"/webhooks", fields{"url": b.posted.URL})
	b.followed = append(b.followed, account)
}

// lookAtEvents makes a last change in each account and waits until it has been
// told: all that was before has been then.
func (b *birds) lookAtEvents() {
	b.t.Helper()
	for _, account := range b.followed {
		_, last := b.made(b.admin, account+"/tokens", fields{"name": "Last"})
		id, _ := last["id"].(string)
		b.must(testbed.Until(b.ctx, "told of the last change", func() bool {
			return b.events.has(id) && bytes.Contains(b.posted.read(), []byte(id))
		}))
	}
	b.events.mu.Lock()
	defer b.events.mu.Unlock()
	b.look("the event stream", b.events.text.Bytes(), 5_000)
	b.look("what webhooks are posted", b.posted.read(), 5_000)
}

// mailbox is a receiver of webhooks that keeps all it is sent.
type mailbox struct {
	*httptest.Server
	mu   sync.Mutex
	text bytes.Buffer
}

func newMailbox(t *testing.T) *mailbox {
	m := &mailbox{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		defer m.mu.Unlock()
		_ = r.Header.Write(&m.text)
		_, _ = m.text.ReadFrom(r.Body)
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *mailbox) read() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.text.Bytes())
}
