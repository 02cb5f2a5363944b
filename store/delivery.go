package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

const (
	// leadTime is how long a node leads that says nothing more; then another
	// takes over.
	leadTime = 15 * time.Second
	// deliveriesKept is how many attempts of a webhook are kept, deliveryKept
	// for how long, with its state.
	deliveriesKept = 100
	deliveryKept   = 30 * 24 * time.Hour
)

// Lead makes this process the one that delivers to webhooks, or keeps it so for
// another while; it must ask again within a few seconds. The term tells leaders
// apart; 0 while another leads.
func (s *Store) Lead(ctx context.Context) (term uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	n, err := s.scripts.lead.run(ctx, s.client, []string{keyLead, keyTerm}, s.incarnation, leadTime.Milliseconds()).Int64()
	if err != nil {
		return 0, unavailable(err)
	}
	return uint64(n), nil
}

// Delivered returns how far a webhook's deliveries have come.
func (s *Store) Delivered(ctx context.Context, id directory.WebhookID) (state directory.DeliveryState, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	text, err := s.client.Get(ctx, keyDelivered(id)).Result()
	switch {
	case errors.Is(err, redis.Nil):
		return state, nil
	case err != nil:
		return state, unavailable(err)
	}
	if err := json.Unmarshal([]byte(text), &state); err != nil {
		return state, unavailable(fmt.Errorf("the state of webhook %s: %w", id, err))
	}
	return state, nil
}

// Deliver notes how far a webhook's deliveries have come, and an attempt where
// there was one. It fails with KindStale when another process leads by now.
func (s *Store) Deliver(ctx context.Context, term uint64, id directory.WebhookID, state directory.DeliveryState, attempt *directory.Delivery) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	text, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("store: a webhook's state does not encode: %w", err)
	}
	var line []byte
	if attempt != nil {
		if line, err = json.Marshal(attempt); err != nil {
			return fmt.Errorf("store: a delivery does not encode: %w", err)
		}
	}
	ok, err := s.scripts.delivered.run(ctx, s.client, []string{keyTerm, keyDelivered(id), keyDeliveries(id)},
		strconv.FormatUint(term, 10), text, line, deliveriesKept, deliveryKept.Milliseconds()).Int64()
	switch {
	case err != nil:
		return unavailable(err)
	case ok == 0:
		return &directory.Error{Kind: directory.KindStale, Code: "stale", Detail: "Another node delivers by now."}
	}
	if s.embedded != nil {
		s.embedded.keepDelivery(id, state, attempt)
	}
	return nil
}

// Deliveries returns a webhook's last attempts, the newest first.
func (s *Store) Deliveries(ctx context.Context, id directory.WebhookID) ([]directory.Delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	lines, err := s.client.LRange(ctx, keyDeliveries(id), 0, deliveriesKept-1).Result()
	if err != nil {
		return nil, unavailable(err)
	}
	list := make([]directory.Delivery, len(lines))
	for i, line := range lines {
		if err := json.Unmarshal([]byte(line), &list[i]); err != nil {
			return nil, unavailable(fmt.Errorf("a delivery of webhook %s: %w", id, err))
		}
	}
	return list, nil
}
