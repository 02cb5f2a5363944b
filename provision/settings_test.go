package provision

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/routing"
)

// ring records a call of an account that ended at a time; later ones first.
func (w *world) ring(account string, ended time.Time) string {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	id := idOf(account)
	n := len(w.store.records[id]) + 1
	r := routing.Record{
		ID: fmt.Sprintf("%06d", n), Account: id, From: "1001", To: "2001", Started: ended.Add(-time.Second), Ended: ended,
		Result: routing.ResultBusy, SIPStatus: 486,
	}
	w.store.records[id] = append([]routing.Record{r}, w.store.records[id]...)
	return recordPrefix + r.ID
}

// log reads an account's whole call log, page by page.
func (w *world) log(account string, limit int) []string {
	w.t.Helper()
	var ids []string
	for query := fmt.Sprintf("?limit=%d", limit); ; {
		r := w.do(get(account + "/call-log" + query)).want(200)
		page := r.ids("id")
		if len(page) > limit {
			w.t.Fatalf("%d records on a page of %d", len(page), limit)
		}
		ids = append(ids, page...)
		if r.field("next") == nil {
			return ids
		}
		query = fmt.Sprintf("?limit=%d&cursor=%s", limit, r.str("next"))
	}
}

// On, records appear in the log by themselves; those of a time when it was off
// never do.
func TestSU6CallLogSync(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown, smith := w.below(reseller, "Brown"), w.below(reseller, "Smith")
	admin, user := w.admin(brown), w.plain(brown)
	path := brown + "/settings"
	w.do(get(path).as(user)).want(200).is("call_log_sync", true).is("version", 0)
	var shown []string
	show := func(id string) { shown = append([]string{id}, shown...) }
	ring := func() string { w.ring(smith, time.Now()); return w.ring(brown, time.Now()) }
	check := func() {
		t.Helper()
		for _, limit := range []int{1, 2, 3, 200} {
			if got := w.log(brown, limit); !slices.Equal(got, shown) {
				t.Fatalf("by %d: the log has %v, want %v", limit, got, shown)
			}
		}
	}
	turn := func(on bool) {
		t.Helper()
		// Times are whole milliseconds: what was before must be before.
		for at := now(); !now().After(at); {
		}
		w.do(put(path, obj{"call_log_sync": on}).as(admin)).want(200).is("call_log_sync", on)
		for at := now(); !now().After(at); {
		}
	}
	show(ring())
	show(ring())
	check()
	turn(false)
	check()
	ring()
	ring()
	check()
	turn(true)
	check()
	show(ring())
	check()
	turn(false)
	ring()
	turn(false)
	ring()
	turn(true)
	turn(true)
	show(ring())
	check()
	if got := len(w.log(smith, 200)); got != 8 {
		t.Errorf("the other account's log has %d records", got)
	}
	w.do(put(path, obj{"call_log_sync": false}).as(user)).want(403, "forbidden")
	w.do(put(path, obj{"call_log_sync": "off"}).as(admin)).want(422, "invalid", "/call_log_sync")
	w.do(put(path, obj{}).as(admin)).want(200).is("call_log_sync", true)
}

// A long time without synchronisation costs a request a bounded read.
func TestSU6LongPauseIsPassedOverInSteps(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	first := w.ring(brown, now().Add(-time.Hour))
	w.do(put(brown+"/settings", obj{"call_log_sync": false})).want(200)
	for n := range 3*maxScan + 7 {
		w.ring(brown, time.Now().Add(time.Duration(n)*time.Millisecond))
	}
	r := w.do(get(brown + "/call-log?limit=5")).want(200)
	if len(r.ids("id")) != 0 || r.field("next") == nil {
		t.Fatalf("the first page: %s", r.text)
	}
	if got := w.log(brown, 5); !slices.Equal(got, []string{first}) {
		t.Fatalf("the log has %v", got)
	}
}

// Settings act on save; a rehearsal, or a save that is refused, changes nothing.
func TestSU7SettingsActOnSave(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	path := brown + "/settings"
	w.do(put(path+"?dry_run=true", obj{"call_log_sync": false}).match(`"0"`)).want(200).is("call_log_sync", false).is("version", 1)
	w.do(put(path, obj{"call_log_sync": false, "typo": 1})).want(422, "unknown_field", "/typo")
	w.do(put(path, obj{"call_log_sync": false}).match(`"3"`)).want(412, "stale")
	w.do(get(path)).want(200).is("call_log_sync", true).is("version", 0)
	w.ring(brown, time.Now().Add(time.Second))
	if len(w.log(brown, 5)) != 1 {
		t.Fatal("a rehearsal paused the log")
	}
	w.do(put(path, obj{"call_log_sync": false}).match(`"0"`)).want(200).is("call_log_sync", false).is("version", 1)
	if len(w.log(brown, 5)) != 0 {
		t.Fatal("the save does not act")
	}
}
