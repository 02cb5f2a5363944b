package provision

import (
	"context"
	"slices"

	"github.com/pbx-interlink/interlink/directory"
)

// courier is what a store remembers of deliveries.
type courier struct {
	term   uint64
	lost   bool // another node leads
	states map[directory.WebhookID]directory.DeliveryState
	log    map[directory.WebhookID][]directory.Delivery
}

func (s *store) Lead(context.Context) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hooks.lost {
		return 0, s.broken
	}
	if s.hooks.term == 0 {
		s.hooks.term = 1
	}
	return s.hooks.term, s.broken
}

func (s *store) Delivered(_ context.Context, id directory.WebhookID) (directory.DeliveryState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hooks.states[id], s.broken
}

func (s *store) Deliver(_ context.Context, term uint64, id directory.WebhookID, state directory.DeliveryState, attempt *directory.Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if term != s.hooks.term {
		return &directory.Error{Kind: directory.KindStale, Code: "stale"}
	}
	if s.hooks.states == nil {
		s.hooks.states, s.hooks.log = map[directory.WebhookID]directory.DeliveryState{}, map[directory.WebhookID][]directory.Delivery{}
	}
	s.hooks.states[id] = state
	if attempt != nil {
		s.hooks.log[id] = append([]directory.Delivery{*attempt}, s.hooks.log[id]...)
	}
	return s.broken
}

func (s *store) Deliveries(_ context.Context, id directory.WebhookID) ([]directory.Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hooks.log[id]), s.broken
}
