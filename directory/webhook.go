package directory

import "time"

// WebhookID identifies a webhook ("whk_" and a ULID).
type WebhookID string

// Webhook tells another program of what changes in an account.
type Webhook struct {
	ID      WebhookID `json:"id"`
	Account AccountID `json:"account"`
	URL     string    `json:"url"`
	// Events are the names of what is told; empty: all.
	Events []string `json:"events,omitempty"`
	// Secret signs the deliveries; sealed under the cluster key.
	Secret    string    `json:"secret,omitempty"`
	Enabled   bool      `json:"enabled"`
	Version   uint64    `json:"version"`
	CreatedAt time.Time `json:"created_at"`
}

func (w *Webhook) Ref() Ref              { return Ref{KindWebhook, string(w.ID)} }
func (w *Webhook) ObjectVersion() uint64 { return w.Version }
func (w *Webhook) Owner() AccountID      { return w.Account }
func (w *Webhook) Claims() []string      { return nil }
func (w *Webhook) Requires() []Ref       { return ownedBy(w.Account) }
func (w *Webhook) withVersion(v uint64) Object {
	c := *w
	c.Version = v
	return &c
}

func (w *Webhook) Redacted() Object {
	c := *w
	c.Secret = ""
	return &c
}
