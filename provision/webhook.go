package provision

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

const (
	webhooksPath = accountPath + "/webhooks"
	webhookPath  = webhooksPath + "/{webhook}"
)

// Webhook is a webhook as it is read.
type Webhook struct {
	ID        directory.WebhookID `json:"id" doc:"The webhook's id." example:"whk_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	URL       string              `json:"url" doc:"Where events are posted." example:"https://hooks.brown.example/interlink"`
	Events    []string            `json:"events" nullable:"false" doc:"What is told; empty: everything." example:"[\"number.*\",\"interlink.deleted\"]"`
	Enabled   bool                `json:"enabled" doc:"Disabled, nothing is posted; what happens meanwhile is posted later, unless that is too late." example:"true"`
	Secret    string              `json:"secret,omitempty" doc:"Verifies the signature; only in the answer that creates the webhook." example:"whsec_GQ3TAMBQGQ3TAMBQGQ3TAMBQGQ"`
	Version   uint64              `json:"version" doc:"Counts the webhook's changes; the ETag." example:"1"`
	CreatedAt time.Time           `json:"created_at" doc:"When it was created."`
}

// NewWebhook creates a webhook.
type NewWebhook struct {
	URL     string   `json:"url" minLength:"1" maxLength:"512" doc:"Where events are posted: http or https, to an address that is public." example:"https://hooks.brown.example/interlink"`
	Events  []string `json:"events,omitempty" maxItems:"64" nullable:"false" maxLength:"64" doc:"What is told, by kind and created, changed, deleted or *; without, everything." example:"[\"number.*\",\"interlink.deleted\"]"`
	Enabled *bool    `json:"enabled,omitempty" doc:"Whether events are posted; they are, without." example:"true"`
}

// WebhookPatch changes a webhook.
type WebhookPatch struct {
	URL     Optional[string]   `json:"url,omitzero" doc:"Where events are posted." example:"https://hooks.brown.example/interlink"`
	Events  Optional[[]string] `json:"events,omitzero" doc:"What is told; the list is replaced whole." example:"[\"number.*\"]"`
	Enabled Optional[bool]     `json:"enabled,omitzero" doc:"Whether events are posted." example:"true"`
}

// InWebhook is the webhook a path names.
type InWebhook struct {
	InAccount
	Webhook directory.WebhookID `path:"webhook" maxLength:"64" doc:"The webhook's id."`
}

type createWebhookInput struct {
	InAccount
	Rehearsal
	Repeatable
	Body NewWebhook
}

func (s *Server) createWebhook(ctx context.Context, in *createWebhookInput) (*Creation[Webhook], error) {
	a, err := s.account(ctx, in.Account, webhooksWrite)
	if err != nil {
		return nil, err
	}
	w := &directory.Webhook{ID: directory.WebhookID(s.ids.next("whk_")), Account: a.ID, Enabled: true, CreatedAt: now()}
	p := &WebhookPatch{URL: To(in.Body.URL), Events: To(in.Body.Events)}
	if in.Body.Enabled != nil {
		p.Enabled = To(*in.Body.Enabled)
	}
	if err := s.patchedWebhook(ctx, w, p); err != nil {
		return nil, err
	}
	secret := "whsec_" + newSecret(webhookSecret)
	w.Secret = base64.RawStdEncoding.EncodeToString(s.secrets.keys.seal([]byte(secret), hookPlace(w.ID)))
	change := directory.Create(w)
	if err := s.apply(ctx, in.Rehearsal, change); err != nil {
		return nil, err
	}
	w = written[*directory.Webhook](change)
	body := renderWebhook(w)
	if !in.DryRun {
		body.Secret = secret
	}
	return created(in.Rehearsal, fmt.Sprintf("/v1/accounts/%s/webhooks/%s", a.ID, w.ID), w.Version, body), nil
}

// webhookSecret signs what is posted to a webhook.
const webhookSecret secretUse = "webhook secret"

// hookPlace binds a sealed secret to its webhook.
func hookPlace(id directory.WebhookID) string { return "webhook " + string(id) }

type listWebhooksInput struct {
	InAccount
	Paging
}

func (s *Server) listWebhooks(ctx context.Context, in *listWebhooksInput) (*Listing[Webhook], error) {
	a, err := s.account(ctx, in.Account, webhooksRead)
	if err != nil {
		return nil, err
	}
	return pageOf(s, "webhooks "+string(a.ID), in.Paging, directory.List[*directory.Webhook](s.view, directory.KindWebhook, a.ID),
		func(w *directory.Webhook) string { return string(w.ID) }, renderWebhook)
}

func (s *Server) getWebhook(ctx context.Context, in *InWebhook) (*Reading[Webhook], error) {
	w, err := s.webhook(ctx, in, webhooksRead)
	if err != nil {
		return nil, err
	}
	return &Reading[Webhook]{ETag: etag(w.Version), Body: renderWebhook(w)}, nil
}

// webhook returns the webhook a path names, if it is the account's.
func (s *Server) webhook(ctx context.Context, in *InWebhook, do permission) (*directory.Webhook, error) {
	a, err := s.account(ctx, in.Account, do)
	if err != nil {
		return nil, err
	}
	w := directory.Find[*directory.Webhook](s.view, directory.KindWebhook, string(in.Webhook))
	if w == nil || w.Account != a.ID {
		return nil, directory.NotFound(directory.KindWebhook)
	}
	return w, nil
}

type patchWebhookInput struct {
	InWebhook
	Precondition
	Rehearsal
	Body WebhookPatch
}

func (s *Server) patchWebhook(ctx context.Context, in *patchWebhookInput) (*Reading[Webhook], error) {
	var after *directory.Webhook
	err := s.retry(ctx, func() (error, error) {
		before, err := s.webhook(ctx, &in.InWebhook, webhooksWrite)
		if err != nil {
			return nil, err
		}
		if err := in.check(before.Version); err != nil {
			return nil, err
		}
		next := *before
		if err := s.patchedWebhook(ctx, &next, &in.Body); err != nil {
			return nil, err
		}
		change := directory.Replace(before, &next)
		after = written[*directory.Webhook](change)
		return s.apply(ctx, in.Rehearsal, change), nil
	})
	if err != nil {
		return nil, err
	}
	return &Reading[Webhook]{ETag: etag(after.Version), Body: renderWebhook(after)}, nil
}

func (s *Server) patchedWebhook(ctx context.Context, w *directory.Webhook, p *WebhookPatch) error {
	patch(&w.Events, p.Events, nil)
	patch(&w.Enabled, p.Enabled, true)
	if p.URL.Set {
		w.URL = p.URL.Value
		if err := s.targets.check(ctx, w.URL); err != nil {
			return err
		}
	}
	return w.Validate()
}

type deleteWebhookInput struct {
	InWebhook
	Precondition
	Rehearsal
}

func (s *Server) deleteWebhook(ctx context.Context, in *deleteWebhookInput) (*struct{}, error) {
	return nil, s.retry(ctx, func() (error, error) {
		w, err := s.webhook(ctx, &in.InWebhook, webhooksWrite)
		if err != nil {
			return nil, err
		}
		if err := in.check(w.Version); err != nil {
			return nil, err
		}
		return s.apply(ctx, in.Rehearsal, directory.Delete(w)), nil
	})
}

func renderWebhook(w *directory.Webhook) Webhook {
	return Webhook{
		ID: w.ID, URL: w.URL, Events: append([]string{}, w.Events...), Enabled: w.Enabled, Version: w.Version, CreatedAt: w.CreatedAt.UTC(),
	}
}

// WebhookDelivery is one attempt to post a write's events.
type WebhookDelivery struct {
	ID      string    `json:"id" doc:"The Interlink-Delivery header; the same for all attempts at one write." example:"whk_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C-4711"`
	At      time.Time `json:"at" doc:"When it was tried."`
	Try     int       `json:"try" doc:"Counts the attempts from 1." example:"1"`
	Events  int       `json:"events" doc:"How many events it had." example:"1"`
	Status  *int      `json:"status" doc:"The HTTP status of the answer; null without one."`
	Outcome string    `json:"outcome" enum:"delivered,failed,given_up" doc:"Failed: it is tried again later. Given up: it never is."`
	Reason  *string   `json:"reason" doc:"Why it failed: refused_target, timeout, connection, status; null when delivered."`
	TookMs  int64     `json:"took_ms" doc:"How long it took, in ms." example:"87"`
}

type listDeliveriesInput struct {
	InWebhook
	Paging
}

// listDeliveries gives the last attempts, the newest first.
func (s *Server) listDeliveries(ctx context.Context, in *listDeliveriesInput) (*Listing[WebhookDelivery], error) {
	w, err := s.webhook(ctx, &in.InWebhook, webhooksRead)
	if err != nil {
		return nil, err
	}
	question := "deliveries " + string(w.ID)
	at, err := s.position(question, in.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := s.cfg.Courier.Deliveries(ctx, w.ID)
	if err != nil {
		return nil, err
	}
	page := &Listing[WebhookDelivery]{Body: Page[WebhookDelivery]{Items: []WebhookDelivery{}}}
	if at.ID != "" {
		if i := slices.IndexFunc(list, func(d directory.Delivery) bool { return attemptOf(d) == at.ID }); i >= 0 {
			list = list[i+1:]
		} else {
			list = nil // what the cursor stands for is not among the last any more
		}
	}
	for _, d := range list {
		if len(page.Body.Items) == in.Limit {
			page.Body.Next = s.cursor(question, at)
			break
		}
		at.ID = attemptOf(d)
		page.Body.Items = append(page.Body.Items, WebhookDelivery{
			ID: d.ID, At: d.At.UTC(), Try: d.Try, Events: d.Events, Status: nullable(d.Status),
			Outcome: d.Outcome, Reason: nullable(d.Reason), TookMs: d.TookMs,
		})
	}
	return page, nil
}

// attemptOf tells attempts apart.
func attemptOf(d directory.Delivery) string { return fmt.Sprintf("%s %d", d.ID, d.Try) }

// webhookRoutes are the routes of webhooks.
func (s *Server) webhookRoutes() {
	handle(s, http.MethodPost, webhooksPath, s.createWebhook)
	handle(s, http.MethodGet, webhooksPath, s.listWebhooks)
	handle(s, http.MethodGet, webhookPath, s.getWebhook)
	handle(s, http.MethodPatch, webhookPath, s.patchWebhook)
	handle(s, http.MethodDelete, webhookPath, s.deleteWebhook)
	handle(s, http.MethodGet, webhookPath+"/deliveries", s.listDeliveries)
}
