package store

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

// deliveryFile keeps how far an embedded store's deliveries to webhooks have
// come, and the last attempts, so that a restart posts nothing a second time.
// What a line tells is what holds since.
type deliveryFile struct {
	*lineFile
	kept map[directory.WebhookID]*deliveryLine
}

// deliveryLine is one line: the state a webhook has come to, and the attempts
// that led there, the newest first.
type deliveryLine struct {
	Webhook  directory.WebhookID     `json:"webhook"`
	At       int64                   `json:"at"` // ms
	State    directory.DeliveryState `json:"state"`
	Attempts []directory.Delivery    `json:"attempts,omitempty"`
}

func openDeliveryFile(path string, log *slog.Logger) (*deliveryFile, error) {
	d := &deliveryFile{kept: map[directory.WebhookID]*deliveryLine{}}
	var err error
	d.lineFile, err = openLineFile(path, log, func(body []byte) error {
		var l deliveryLine
		if err := json.Unmarshal(body, &l); err != nil {
			return err
		}
		d.enter(l)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: the deliveries: %w", err)
	}
	return d, nil
}

// enter carries a line over into what the file says.
func (d *deliveryFile) enter(l deliveryLine) {
	if before := d.kept[l.Webhook]; before != nil {
		l.Attempts = append(l.Attempts, before.Attempts...)
	}
	l.Attempts = l.Attempts[:min(len(l.Attempts), deliveriesKept)]
	d.kept[l.Webhook] = &l
}

// restore fills an empty Redis with what is kept of webhooks that there are, and
// is forgotten as it would have been.
func (d *deliveryFile) restore(ctx context.Context, c *redis.Client, objects map[directory.Ref]storedObject) error {
	d.forget(time.Now())
	p := c.Pipeline()
	for id, l := range d.kept {
		if _, there := objects[directory.Ref{Kind: directory.KindWebhook, ID: string(id)}]; !there {
			delete(d.kept, id)
			continue
		}
		if err := l.restore(ctx, p, d.left(l)); err != nil {
			return err
		}
		if p.Len() < restoreBatch {
			continue
		}
		if _, err := p.Exec(ctx); err != nil {
			return err
		}
	}
	if p.Len() == 0 {
		return nil
	}
	_, err := p.Exec(ctx)
	return err
}

func (l *deliveryLine) restore(ctx context.Context, p redis.Pipeliner, left time.Duration) error {
	text, err := json.Marshal(l.State)
	if err != nil {
		return err
	}
	p.Set(ctx, keyDelivered(l.Webhook), text, left)
	for _, attempt := range l.Attempts {
		line, err := json.Marshal(attempt)
		if err != nil {
			return err
		}
		p.RPush(ctx, keyDeliveries(l.Webhook), line)
	}
	p.PExpire(ctx, keyDeliveries(l.Webhook), left)
	return nil
}

// left is how long a line is kept still.
func (d *deliveryFile) left(l *deliveryLine) time.Duration {
	return time.Until(time.UnixMilli(l.At).Add(deliveryKept))
}

// forget drops what Redis has forgotten.
func (d *deliveryFile) forget(now time.Time) {
	for id, l := range d.kept {
		if now.Sub(time.UnixMilli(l.At)) >= deliveryKept {
			delete(d.kept, id)
		}
	}
}

// keep writes down how far a webhook's deliveries have come.
func (d *deliveryFile) keep(id directory.WebhookID, state directory.DeliveryState, attempt *directory.Delivery) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	l := deliveryLine{Webhook: id, At: now.UnixMilli(), State: state}
	if attempt != nil {
		l.Attempts = []directory.Delivery{*attempt}
	}
	body, err := json.Marshal(l)
	if err != nil {
		return err
	}
	if err := d.write(body); err != nil {
		return err
	}
	d.enter(l)
	if !d.outgrown() {
		return nil
	}
	d.forget(now)
	var bodies [][]byte
	for _, l := range d.kept {
		body, err := json.Marshal(l)
		if err != nil {
			return err
		}
		bodies = append(bodies, body)
	}
	return d.rewrite(bodies...)
}

// drop forgets a webhook that is gone; its lines go when the file is written
// anew, and before that nothing is restored of it.
func (d *deliveryFile) drop(id directory.WebhookID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.kept, id)
}
