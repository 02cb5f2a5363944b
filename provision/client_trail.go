package provision

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// AuditQuery selects entries of the audit trail; the zero value means all.
type AuditQuery struct {
	Account directory.AccountID `query:"account" doc:"Only what concerns this account or one below it."`
	Actor   string              `query:"actor" doc:"Only what this principal did."`
	Action  string              `query:"action" doc:"Only this method and route."`
	From    time.Time           `query:"from" doc:"Only what was done then or later."`
	To      time.Time           `query:"to" doc:"Only what was done before."`
}

// Audit reads the audit trail, newest first.
func (c *Client) Audit(ctx context.Context, q AuditQuery, p Paging) (*Page[AuditEntry], error) {
	return fetch[Page[AuditEntry]](ctx, c, "/v1/audit", queryOf(q, p))
}

// VerifyAudit has the server recompute the trail's chain.
func (c *Client) VerifyAudit(ctx context.Context) (*AuditReport, error) {
	return fetch[AuditReport](ctx, c, "/v1/audit/verify", nil)
}

// CreateWebhook makes a webhook; the answer alone holds its secret.
func (c *Client) CreateWebhook(ctx context.Context, a directory.AccountID, w NewWebhook) (*Webhook, error) {
	return submit[Webhook](ctx, c, pathOf(a, "webhooks"), w)
}

func (c *Client) Webhooks(ctx context.Context, a directory.AccountID, p Paging) (*Page[Webhook], error) {
	return fetch[Page[Webhook]](ctx, c, pathOf(a, "webhooks"), p.query())
}

func (c *Client) Webhook(ctx context.Context, a directory.AccountID, w directory.WebhookID) (*Webhook, error) {
	return fetch[Webhook](ctx, c, pathOf(a, "webhooks", string(w)), nil)
}

// PatchWebhook changes a webhook as it was read.
func (c *Client) PatchWebhook(ctx context.Context, a directory.AccountID, w *Webhook, p WebhookPatch) (*Webhook, error) {
	return amend[Webhook](ctx, c, pathOf(a, "webhooks", string(w.ID)), w.Version, p)
}

func (c *Client) DeleteWebhook(ctx context.Context, a directory.AccountID, w directory.WebhookID, version uint64) error {
	return c.remove(ctx, pathOf(a, "webhooks", string(w)), version)
}

// Deliveries are the last attempts, newest first.
func (c *Client) Deliveries(ctx context.Context, a directory.AccountID, w directory.WebhookID) (*Page[WebhookDelivery], error) {
	return fetch[Page[WebhookDelivery]](ctx, c, pathOf(a, "webhooks", string(w), "deliveries"), Paging{Limit: 100}.query())
}

// StreamEvent is one event of a stream as it came.
type StreamEvent struct {
	ID, Event string
	Data      json.RawMessage
}

// Listen follows what happens from now on, or behind the event last ("" for
// none), and the live calls of the accounts given. It returns when the server
// ends the stream (nil), yield returns an error, or the context is done.
func (c *Client) Listen(ctx context.Context, accounts []directory.AccountID, last string, yield func(StreamEvent) error) error {
	m := message{method: http.MethodGet, path: EventsPath, query: url.Values{}}
	if len(accounts) > 0 {
		var names []string
		for _, a := range accounts {
			names = append(names, string(a))
		}
		m.query.Set("account", strings.Join(names, ","))
	}
	r, err := c.request(ctx, m)
	if err != nil {
		return err
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	endless := *c.http
	endless.Timeout = 0
	res, err := endless.Do(r)
	if err != nil {
		return fmt.Errorf("provision: %s %s: %w", m.method, m.path, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
		if err != nil {
			return fmt.Errorf("provision: %s %s: %w", m.method, m.path, err)
		}
		return refusal(res, answer)
	}
	err = readEvents(res.Body, yield)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// readEvents reads a stream of server-sent events (HTML, section 9.2.6).
func readEvents(from io.Reader, yield func(StreamEvent) error) error {
	in := bufio.NewReader(from)
	e := StreamEvent{Event: "message"}
	var data []string
	for {
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("provision: the stream broke: %w", err)
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			if e.Data = json.RawMessage(strings.Join(data, "\n")); len(e.Data) > 0 {
				if err := yield(e); err != nil {
					return err
				}
			}
			e, data = StreamEvent{Event: "message", ID: e.ID}, nil
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			e.ID = value
		case "event":
			e.Event = value
		case "data":
			data = append(data, value)
		}
	}
}
