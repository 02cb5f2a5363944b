package directory

import (
	"slices"
	"strings"
	"time"
)

// WebhookID identifies a webhook ("whk_" and a ULID).
type WebhookID string

// Webhook tells another program of what changes in an account.
type Webhook struct {
	ID      WebhookID `json:"id"`
	Account AccountID `json:"account"`
	URL     string    `json:"url"`
	// Events are the names of what is told, "number.created" or "number.*";
	// empty: all.
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

// What becomes of an object, as events name it.
const (
	ObjectCreated = "created"
	ObjectChanged = "changed"
	ObjectDeleted = "deleted"
)

// MaxWebhookEvents is how many names of events a webhook can have.
const MaxWebhookEvents = 64

// Validate reports the first of the events that never happens. Whether the
// address may be reached is the API's to say.
func (w *Webhook) Validate() error {
	if len(w.Events) > MaxWebhookEvents {
		return Invalid("/events", "events_count", "A webhook names at most %d events.", MaxWebhookEvents)
	}
	for _, e := range w.Events {
		kind, action, _ := strings.Cut(e, ".")
		if !slices.Contains(Kinds(), Kind(kind)) || !slices.Contains([]string{"*", ObjectCreated, ObjectChanged, ObjectDeleted}, action) {
			return Invalid("/events", "event_unknown", "There is no event of that name; they are a kind and created, changed, deleted or *, for example number.created.")
		}
	}
	return nil
}

// Wants reports whether the webhook tells of such an event.
func (w *Webhook) Wants(kind Kind, action string) bool {
	return len(w.Events) == 0 || slices.ContainsFunc(w.Events, func(e string) bool {
		return e == string(kind)+"."+action || e == string(kind)+".*"
	})
}

// DeliveryState is how far a webhook's deliveries have come. The zero state is
// the beginning.
type DeliveryState struct {
	// At is the entry of the audit trail up to which all has been delivered.
	At AuditPosition
	// Tries is how often the entry that follows has been tried, Due when it is
	// tried next.
	Tries int
	Due   time.Time
}

// Delivery is one attempt to tell a webhook of a write.
type Delivery struct {
	// ID is the same for all attempts at one write.
	ID string    `json:"id"`
	At time.Time `json:"at"`
	// Try counts from 1.
	Try    int `json:"try"`
	Events int `json:"events"`
	// Status is the HTTP status of the answer; 0 without one.
	Status int `json:"status,omitempty"`
	// Outcome is "delivered", "failed" or "given_up", Reason why.
	Outcome string `json:"outcome"`
	Reason  string `json:"reason,omitempty"`
	// TookMs is how long it took, in ms.
	TookMs int64 `json:"took_ms"`
}
