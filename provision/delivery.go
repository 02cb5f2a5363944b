package provision

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// Bounds of one delivery.
const (
	// deliveryTime is how long a receiver may take, deliveryAnswer how much of its
	// answer is read, deliveryEvents how many events one delivery has at most.
	deliveryTime   = 10 * time.Second
	deliveryAnswer = 4 << 10
	deliveryEvents = 1000
	// deliveryTurn is how long a webhook may be posted to before others have their
	// turn, deliverySlow what makes a receiver a slow one.
	deliveryTurn = 10 * time.Second
	deliverySlow = time.Second
	// retryMost is the longest pause between two attempts.
	retryMost = time.Hour
)

// Headers of a delivery.
const (
	deliveryHeader  = "Interlink-Delivery"
	signatureHeader = "Interlink-Signature"
)

// HookBody is what is posted to a webhook.
type HookBody struct {
	// ID is the same however often the delivery is tried.
	ID      string              `json:"id"`
	Webhook directory.WebhookID `json:"webhook"`
	Account directory.AccountID `json:"account"`
	// At is when the write happened whose events these are.
	At     time.Time `json:"at"`
	Events []Event   `json:"events"`
	// Omitted counts the events there was no room for.
	Omitted int `json:"omitted,omitempty"`
}

// postman posts deliveries.
type postman struct {
	client *http.Client
}

func newPostman(t *targets) *postman {
	return &postman{&http.Client{
		Timeout: deliveryTime,
		// No proxy of the environment, no connection kept: each is checked anew.
		Transport: &http.Transport{DialContext: t.dial, DisableKeepAlives: true, MaxResponseHeaderBytes: 16 << 10, TLSHandshakeTimeout: deliveryTime},
		// Where a redirect leads nobody has checked.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// signature is the value of the signature header: the time it was made, and
// HMAC-SHA-256 over that time, a dot and the body, by the webhook's secret.
func signature(secret string, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(t + "."))
	h.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(h.Sum(nil))
}

// post tries once. Only an answer of 2xx is success.
func (p *postman) post(ctx context.Context, w *directory.Webhook, secret string, b HookBody) (status int, reason string) {
	body, err := json.Marshal(b)
	if err != nil {
		return 0, "connection" // events always encode
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return 0, "connection"
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "interlink-webhook/1")
	r.Header.Set(deliveryHeader, b.ID)
	r.Header.Set(signatureHeader, signature(secret, time.Now(), body))
	res, err := p.client.Do(r)
	if err != nil {
		return 0, failure(err)
	}
	defer res.Body.Close()
	// What it says is of no interest; reading lets it finish.
	_, _ = io.CopyN(io.Discard, res.Body, deliveryAnswer)
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return res.StatusCode, "status"
	}
	return res.StatusCode, ""
}

// failure names a failure without telling about the inside of the network.
func failure(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, errTarget):
		return "refused_target"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return "connection"
}

// pause is how long to wait after so many attempts.
func (s *Server) pause(tries int) time.Duration {
	d := s.cfg.WebhookRetry
	for ; tries > 1 && d < retryMost; tries-- {
		d *= 2
	}
	return min(d, retryMost)
}

// progress is how a webhook's turn went.
type progress struct {
	// next is when to go on; zero: when something happens.
	next time.Time
	// posted: it was posted to; slow: that failed or took its time.
	posted, slow bool
}

// deliver posts what a webhook has not been told yet, in order, until all is
// told, something fails or the turn is over.
func (s *Server) deliver(ctx context.Context, term uint64, id directory.WebhookID) (p progress, err error) {
	state, err := s.cfg.Courier.Delivered(ctx, id)
	if err != nil {
		return p, err
	}
	if state.Due.After(time.Now()) {
		return progress{next: state.Due}, nil
	}
	noted, began := state, time.Now()
	for ctx.Err() == nil {
		w := directory.Find[*directory.Webhook](s.view, directory.KindWebhook, string(id))
		if w == nil || !w.Enabled {
			return p, nil
		}
		q := directory.AuditQuery{Account: w.Account, Beyond: state.At, Ascending: true, Limit: eventChunk, From: w.CreatedAt}
		if oldest := time.Now().Add(-s.cfg.WebhookAge - time.Minute); oldest.After(q.From) {
			q.From = oldest
		}
		entries, err := s.cfg.Trail.AuditEntries(ctx, q)
		if err != nil {
			return p, err
		}
		told := 0
		for _, e := range entries {
			if time.Since(began) > deliveryTurn {
				break
			}
			one, err := s.deliverEntry(ctx, term, w, &state, e)
			if one.posted {
				p, noted = one, state
			}
			if err != nil || !p.next.IsZero() {
				return p, err
			}
			told++
		}
		switch {
		case told < len(entries):
			p.next = time.Now() // others have their turn first
		case len(entries) == q.Limit:
			continue
		}
		if state != noted {
			err = s.cfg.Courier.Deliver(ctx, term, id, state, nil)
		}
		return p, err
	}
	return p, ctx.Err()
}

// deliverEntry posts one write's events and moves the state behind it.
func (s *Server) deliverEntry(ctx context.Context, term uint64, w *directory.Webhook, state *directory.DeliveryState, e directory.AuditEntry) (progress, error) {
	done := directory.DeliveryState{At: e.AuditPosition}
	body := HookBody{ID: fmt.Sprintf("%s-%d", w.ID, e.Number), Webhook: w.ID, Account: w.Account, At: e.Time(), Events: []Event{}}
	for _, event := range (sight{server: s, account: w.Account}).events(e) {
		switch {
		case !w.Wants(event.Kind, event.Action):
		case len(body.Events) == deliveryEvents:
			body.Omitted++
		default:
			body.Events = append(body.Events, event)
		}
	}
	if len(body.Events) == 0 {
		*state = done
		return progress{}, nil
	}
	began := time.Now()
	attempt := directory.Delivery{ID: body.ID, At: now(), Try: state.Tries + 1, Events: len(body.Events), Outcome: "delivered"}
	if secret := s.secrets.unseal(w.Secret, hookPlace(w.ID)); secret == nil {
		attempt.Reason = "secret"
	} else {
		attempt.Status, attempt.Reason = s.postman.post(ctx, w, *secret, body)
	}
	attempt.TookMs = time.Since(began).Milliseconds()
	if ctx.Err() != nil {
		return progress{}, ctx.Err() // stopped, not failed: nothing is noted
	}
	switch {
	case attempt.Reason == "":
		*state = done
	case time.Since(e.Time()) > s.cfg.WebhookAge:
		attempt.Outcome = "given_up"
		*state = done
		s.log.WarnContext(ctx, "a webhook was not told of a write", slog.String("webhook", string(w.ID)), slog.String("delivery", body.ID), slog.String("reason", attempt.Reason))
	default:
		attempt.Outcome = "failed"
		state.Tries++
		state.Due = time.Now().Add(s.pause(state.Tries))
	}
	s.metrics.delivery(attempt.Outcome)
	slow := attempt.Reason != "" || time.Since(began) > deliverySlow
	return progress{state.Due, true, slow}, s.cfg.Courier.Deliver(ctx, term, w.ID, *state, &attempt)
}
