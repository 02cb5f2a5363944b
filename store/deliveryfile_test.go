package store

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// hookAt is a webhook of acc_a.
func hookAt(id string) *directory.Webhook {
	return &directory.Webhook{ID: directory.WebhookID(id), Account: "acc_a", URL: "https://hooks.example/", Enabled: true}
}

// delivered notes that the nth write was told.
func delivered(t *testing.T, s *Store, term uint64, id string, n int) {
	t.Helper()
	state := directory.DeliveryState{At: directory.AuditPosition{Ms: int64(n), Number: uint64(n)}}
	try := directory.Delivery{ID: fmt.Sprint(id, "-", n), Try: 1, Outcome: "delivered", Status: 200}
	if err := s.Deliver(t.Context(), term, directory.WebhookID(id), state, &try); err != nil {
		t.Fatal(err)
	}
}

func lead(t *testing.T, s *Store) uint64 {
	t.Helper()
	term, err := s.Lead(t.Context())
	if err != nil || term == 0 {
		t.Fatal(term, err)
	}
	return term
}

// A restart knows how far each webhook was told and the last attempts, those of a
// webhook that is gone excepted; also when the file was written anew, and when its
// last line is torn.
func TestDeliveriesSurviveRestart(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenOnDisk(t, dir)
	apply(t, s, directory.Create(account("acc_a")))
	apply(t, s, directory.Create(hookAt("whk_1")), directory.Create(hookAt("whk_2")), directory.Create(hookAt("whk_3")))
	term := lead(t, s)
	for n := range deliveriesKept + 20 {
		if n == 60 {
			s.embedded.data.deliveries.size = rewriteAt // as if it had grown
		}
		delivered(t, s, term, "whk_1", n)
	}
	retry := directory.DeliveryState{At: directory.AuditPosition{Ms: 7, Number: 7}, Tries: 3, Due: time.Now().Add(time.Hour).UTC()}
	if err := s.Deliver(t.Context(), term, "whk_2", retry, &directory.Delivery{ID: "whk_2-8", Try: 3, Outcome: "failed"}); err != nil {
		t.Fatal(err)
	}
	delivered(t, s, term, "whk_3", 1)
	apply(t, s, directory.Delete(directory.Find[*directory.Webhook](s.View(), directory.KindWebhook, "whk_3")))
	want := map[directory.WebhookID]directory.DeliveryState{
		"whk_1": {At: directory.AuditPosition{Ms: deliveriesKept + 19, Number: deliveriesKept + 19}}, "whk_2": retry, "whk_3": {},
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(filepath.Join(dir, "deliveries"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("0123abcd {torn"); err != nil {
			t.Fatal(err)
		}
		f.Close()
		s = mustOpenOnDisk(t, dir)
		for id, state := range want {
			if got, err := s.Delivered(t.Context(), id); err != nil || got != state {
				t.Errorf("%s: %+v, %v, want %+v", id, got, err, state)
			}
		}
		list, err := s.Deliveries(t.Context(), "whk_1")
		if err != nil || len(list) != deliveriesKept {
			t.Fatalf("%d attempts, %v", len(list), err)
		}
		for i, d := range list {
			if d.ID != fmt.Sprint("whk_1-", deliveriesKept+19-i) {
				t.Fatalf("attempt %d is %+v", i, d)
			}
		}
		if left := s.client.PTTL(t.Context(), keyDelivered("whk_1")).Val(); left <= 0 || left > deliveryKept {
			t.Errorf("kept for %v", left)
		}
		if list, err := s.Deliveries(t.Context(), "whk_3"); err != nil || len(list) != 0 {
			t.Errorf("of a webhook that is gone: %+v, %v", list, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
