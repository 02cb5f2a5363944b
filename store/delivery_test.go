package store

import (
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// One process delivers at a time; who has been overtaken notes nothing more.
func TestLead(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		first, second := b.open(t), b.open(t)
		lead := func(s *Store) uint64 {
			t.Helper()
			term, err := s.Lead(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return term
		}
		term := lead(first)
		if term == 0 || lead(second) != 0 || lead(first) != term {
			t.Fatalf("the first leads in term %d, and not alone", term)
		}
		at := directory.DeliveryState{At: directory.AuditPosition{Ms: 5, Number: 7}, Tries: 2, Due: time.UnixMilli(9).UTC()}
		try := directory.Delivery{ID: "one", Try: 2, Outcome: "failed", Status: 500}
		if err := first.Deliver(t.Context(), term, "whk_1", at, &try); err != nil {
			t.Fatal(err)
		}
		// The first dies: its lead expires.
		if err := b.client.Del(t.Context(), keyLead).Err(); err != nil {
			t.Fatal(err)
		}
		next := lead(second)
		if next <= term {
			t.Fatalf("term %d follows term %d", next, term)
		}
		wantError(t, first.Deliver(t.Context(), term, "whk_1", directory.DeliveryState{}, nil), directory.KindStale, "stale")
		if lead(first) != 0 {
			t.Fatal("two lead")
		}
		got, err := second.Delivered(t.Context(), "whk_1")
		if err != nil || got != at {
			t.Fatalf("%+v, %v", got, err)
		}
		if err := second.Deliver(t.Context(), next, "whk_1", directory.DeliveryState{At: directory.AuditPosition{Ms: 6, Number: 8}}, nil); err != nil {
			t.Fatal(err)
		}
		list, err := second.Deliveries(t.Context(), "whk_1")
		if err != nil || len(list) != 1 || list[0] != try {
			t.Fatalf("%+v, %v", list, err)
		}
		if got, err := first.Delivered(t.Context(), "whk_none"); err != nil || got != (directory.DeliveryState{}) {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

func TestDeliveriesAreBounded(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		term, err := s.Lead(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for n := range deliveriesKept + 5 {
			if err := s.Deliver(t.Context(), term, "whk_1", directory.DeliveryState{}, &directory.Delivery{Try: n}); err != nil {
				t.Fatal(err)
			}
		}
		list, err := s.Deliveries(t.Context(), "whk_1")
		if err != nil || len(list) != deliveriesKept || list[0].Try != deliveriesKept+4 {
			t.Fatalf("%d attempts, %v", len(list), err)
		}
	})
}
