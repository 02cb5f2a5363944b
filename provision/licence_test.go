package provision

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// SU5: licences are added and never reduced; the customer never reads remarks.
func TestSU5Licences(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown := w.below(reseller, "Brown")
	partner, admin := w.admin(reseller), w.admin(brown)
	licences := brown + "/licences"

	w.do(get(brown+"/licence").as(admin)).want(200).is("valid", false).is("valid_until", nil).is("free_minutes", 0)
	long := w.do(post(licences, licence("2099-01-01", 100, 20)).as(partner)).want(201).is("remarks", "order 4711").str("id")
	short := w.do(post(licences, licence("2098-01-01", 1, 300)).as(partner)).want(201).str("id")
	future := licence("2097-01-01", 7, 7)
	future["valid_from"], future["remarks"] = "2090-01-01T00:00:00Z", "a secret of ours"
	w.do(post(licences, future).as(partner)).want(201)

	// One that ends earlier does not shorten what there is.
	w.do(get(brown+"/licence").as(admin)).want(200).is("valid", true).is("valid_from", "2026-01-01T00:00:00Z").is("valid_until", "2099-01-01T00:00:00Z").
		is("free_minutes", 101).is("addon_minutes", 320).is("licences.0", short).is("licences.1", long)
	for _, method := range []string{"PATCH", "PUT", "DELETE"} {
		w.do(requestFor(method, licences+"/"+long, obj{}).match("*")).want(405, "method_not_allowed")
	}
	for _, r := range []*reply{
		w.do(get(licences).as(admin)), w.do(get(licences + "/" + long).as(admin)), w.do(get(brown + "/licence").as(admin)),
		w.do(get(licences + "?sort=remarks").as(admin)),
	} {
		if strings.Contains(r.text, "remarks\"") || strings.Contains(r.text, "order 4711") || strings.Contains(r.text, "secret") {
			t.Errorf("%s: the customer reads remarks: %s", r.ask.path, r.text)
		}
	}
	for ref, o := range w.store.objects {
		if l, ok := o.(*directory.Licence); ok && l.Redacted().(*directory.Licence).Remarks != "" {
			t.Errorf("the audit log reads the remarks of %s", ref.ID)
		}
	}
	w.do(get(licences+"?sort=remarks").as(admin)).want(422, "invalid", "sort")
	w.do(post(licences, licence("2099-01-01", 1, 1)).as(admin)).want(403, "forbidden")

	for _, c := range []struct {
		member  string
		value   any
		code, p string
	}{
		{"free_minutes", -1, "invalid", "/free_minutes"}, {"addon_minutes", -1, "invalid", "/addon_minutes"}, {"free_minutes", 1_000_000_001, "invalid", "/free_minutes"},
		{"valid_until", "2026-01-01T00:00:00Z", "validity_invalid", "/valid_until"}, {"valid_until", "2026-01-02T00:00:00Z", "licence_over", "/valid_until"},
		{"valid_from", "1999-01-01T00:00:00Z", "validity_invalid", "/valid_from"}, {"valid_until", "tomorrow", "invalid", "/valid_until"},
		{"remarks", strings.Repeat("x", 1025), "invalid", "/remarks"},
	} {
		body := licence("2099-01-01", 1, 1)
		body[c.member] = c.value
		w.do(post(licences, body)).want(422, c.code, c.p)
	}
}

// SU5: talked minutes use free, then add-on minutes; without any left explain
// says so.
func TestSU5WhatIsLeft(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	w.number(smith, w.trunk(smith, "192.0.2.1"), "3001", nil)
	w.link(brown, smith)
	dial := func() *reply {
		return w.do(post("/v1/explain", obj{"account": idOf(brown), "dialled": "3001"})).want(200)
	}
	dial().is("verdict", "route") // no licence, no need for one
	id := w.do(post(brown+"/licences", licence("2099-01-01", 10, 5))).want(201).is("used_minutes", 0).str("id")
	for _, c := range []struct{ used, free, addon int }{{0, 10, 5}, {4, 6, 5}, {10, 0, 5}, {12, 0, 3}, {15, 0, 0}, {17, 0, 0}} {
		w.store.talked[idOf(brown)] = map[directory.LicenceID]int64{directory.LicenceID(id): int64(c.used)}
		w.do(get(brown+"/licence")).want(200).is("used_minutes", c.used).is("free_minutes_left", c.free).is("addon_minutes_left", c.addon)
		w.do(get(brown+"/licences/"+id)).want(200).is("used_minutes", c.used)
		if c.free+c.addon > 0 {
			dial().is("verdict", "route")
		} else {
			dial().is("reason", "licence_exhausted")
		}
	}
	w.do(post(brown+"/licences", licence("2099-01-01", 1, 0))).want(201)
	dial().is("verdict", "route")
	// What calls that run have set aside is not there for another.
	w.store.spending[idOf(brown)] = routing.Spending{Minutes: 1}
	dial().is("reason", "licence_exhausted")
	w.do(post(brown+"/licences", licence("2099-01-01", 1, 0))).want(201)
	dial().is("verdict", "route")
}

// sortableText makes texts of values that sort as the values do. Times lose the
// zeros at their end in JSON.
func sortableText(value any) string {
	if text, ok := value.(string); ok {
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return at.UTC().Format("2006-01-02T15:04:05.000000000")
		}
	}
	return fmt.Sprintf("%20v", value)
}

// SU5: the history is sortable both ways on every column.
func TestSU5EveryColumnSorts(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	used := map[directory.LicenceID]int64{}
	w.store.talked[idOf(brown)] = used
	for i, remark := range []string{"b", "c", "a", "d"} {
		body := licence(fmt.Sprintf("209%d-01-01", (i+2)%4), 10*((i+1)%4), 5*((i+3)%4))
		body["valid_from"], body["remarks"] = fmt.Sprintf("202%d-01-01T00:00:00Z", (3*i)%4), remark
		id := directory.LicenceID(w.do(post(brown+"/licences", body)).want(201).str("id"))
		used[id] = int64((i * 3) % 5)
	}
	schema := w.document().Components.Schemas["Licence"].Properties
	for column := range schema {
		key := func(r *reply) []string {
			var keys []string
			for _, item := range r.field("items").([]any) {
				keys = append(keys, sortableText(item.(obj)[column]))
			}
			return keys
		}
		up := key(w.do(get(brown + "/licences?sort=" + column)).want(200))
		down := key(w.do(get(brown + "/licences?sort=-" + column)).want(200))
		first := w.do(get(brown + "/licences?limit=3&sort=-" + column)).want(200)
		rest := w.do(get(brown+"/licences?limit=3&sort=-"+column+"&cursor="+first.str("next"))).want(200).is("next", nil)
		if paged := append(key(first), key(rest)...); !slices.Equal(paged, down) {
			t.Errorf("%s in pages: %v, whole: %v", column, paged, down)
		}
		if len(up) != 4 || !slices.IsSorted(up) {
			t.Errorf("%s up: %v", column, up)
		}
		slices.Reverse(down)
		if !slices.Equal(up, down) {
			t.Errorf("%s down: %v, up: %v", column, down, up)
		}
	}
	w.do(get(brown+"/licences?sort=colour")).want(422, "invalid", "sort")
}
