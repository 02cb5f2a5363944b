package store

import (
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// SU5: talked minutes are taken from the licences that hold, the one that ends
// first before the others, once; without any left no call begins.
func TestSU5MinutesAreUsed(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		day := 24 * time.Hour
		grant := func(id string, until time.Duration, free, addon int64) directory.Change {
			return directory.Create(&directory.Licence{ID: directory.LicenceID(id), Account: "acc_a", ValidFrom: time.Now().Add(-day), ValidUntil: time.Now().Add(until), FreeMinutes: free, AddonMinutes: addon})
		}
		apply(t, s, directory.Create(account("acc_a")), grant("lic_long", 2*day, 1, 1), grant("lic_short", day, 2, 0), grant("lic_over", -time.Hour, 99, 99))
		mine := claim(routing.RoleCaller, "acc_a", limitsOf("acc_a", 1, 9, 9, 0, 0))
		mine.Licensed = true
		call := func(l int, talked time.Duration) {
			t.Helper()
			if a := admit(t, s, lease(l), mine, claim(routing.RoleCallee, "acc_b", nil)); a.Verdict != routing.Admitted || a.PerMinute != 0 {
				t.Fatalf("lease %d: %+v", l, a)
			}
			if talked > 0 {
				confirm(t, s, lease(l), 0)
				age(t, b, s, "acc_a", lease(l), talked)
			}
			release(t, s, lease(l))
			release(t, s, lease(l))
		}
		used := func(short, long int64) {
			t.Helper()
			got, err := s.Talked(t.Context(), "acc_a")
			if err != nil || got["lic_short"] != short || got["lic_long"] != long || got["lic_over"] != 0 || len(got) > 2 {
				t.Fatalf("%v, %v; want %d and %d", got, err, short, long)
			}
		}
		call(1, 0) // never answered
		used(0, 0)
		call(2, 30*time.Second)
		used(1, 0)
		call(3, 90*time.Second)
		used(2, 1)
		// A call may talk on beyond what is left.
		call(4, 190*time.Second)
		used(2, 5)
		if a := admit(t, s, lease(5), mine); a.Verdict != routing.Exhausted {
			t.Fatalf("%+v", a)
		}
		if in, out := lines(t, s, "acc_a"); in+out != 0 {
			t.Fatalf("%d lines are taken", in+out)
		}
		apply(t, s, grant("lic_more", 3*day, 1, 0))
		if a := admit(t, s, lease(6), mine); a.Verdict != routing.Admitted {
			t.Fatalf("%+v", a)
		}
		confirm(t, s, lease(6), 0)
		if err := s.EndCall(t.Context(), lease(6)); err != nil {
			t.Fatal(err)
		}
		if got, _ := s.Talked(t.Context(), "acc_a"); got["lic_more"] != 1 {
			t.Fatalf("%v", got)
		}
		if left := b.client.HLen(t.Context(), s.keys.tally(meter{"acc_a", true})).Val(); left != 3 {
			t.Fatalf("%d fields are left", left)
		}
	})
}
