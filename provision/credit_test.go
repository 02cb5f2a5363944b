package provision

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pbx-interlink/interlink/routing"
)

// moneyFixture gives an account credit, a licence and something to restrict.
func moneyFixture(w *world, account string) fixture {
	w.do(put("/v1/number-classes", obj{"classes": []obj{{"name": "premium", "pattern": "0900."}}})).want(200)
	entry := w.do(post(account+"/credit/entries", obj{"amount": 5000, "currency": "EUR"})).want(201).str("id")
	made := w.do(post(account+"/licences", licence("2099-01-01", 10, 5))).want(201).str("id")
	return fixture{
		named: []string{"{entry}", entry, "{licence}", made},
		bodies: map[string]any{
			"PUT /v1/number-classes":                  obj{"classes": []obj{{"name": "premium", "pattern": "0900x."}}},
			"PUT " + accountPath + "/restrictions":    obj{"classes": obj{"premium": "deny"}},
			"POST " + accountPath + "/credit/entries": obj{"amount": 1, "currency": "EUR", "note": "more"},
			"POST " + accountPath + "/licences":       licence("2098-01-01", 1, 1),
		},
	}
}

func licence(until string, free, addon int) obj {
	return obj{"valid_from": "2026-01-01T00:00:00Z", "valid_until": until + "T00:00:00Z", "free_minutes": free, "addon_minutes": addon, "remarks": "order 4711"}
}

// LI9: a ledger per account; additions are entries, never edits.
func TestLI9CreditIsAddedInEntries(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown, smith := w.below(reseller, "Brown"), w.below(reseller, "Smith")
	partner, admin, user := w.admin(reseller), w.admin(brown), w.plain(brown)
	entries := brown + "/credit/entries"

	w.do(get(brown+"/credit").as(admin)).want(200).is("balance", 0).is("available", 0).is("currency", nil)
	w.do(post(entries, obj{"amount": 5000, "currency": "EUR", "note": "first"}).as(partner)).want(201).is("amount", 5000).is("note", "first")
	second := w.do(post(entries, obj{"amount": -1200, "currency": "EUR"})).want(201)
	w.do(post(entries+"?dry_run=true", obj{"amount": 1, "currency": "EUR"})).want(200)
	w.do(get(brown+"/credit").as(admin)).want(200).is("balance", 3800).is("available", 3800).is("currency", "EUR")
	w.do(get(entries).as(admin)).want(200).is("items.0.amount", 5000).is("items.1.amount", -1200).is("next", nil)
	w.do(get(smith+"/credit")).want(200).is("balance", 0)
	w.do(get(smith+"/credit/entries/"+second.str("id"))).want(404, "not_found")

	// Nobody edits, and the account itself adds nothing.
	for _, method := range []string{"PATCH", "PUT", "DELETE"} {
		w.do(requestFor(method, entries+"/"+second.str("id"), obj{}).match("*")).want(405, "method_not_allowed")
	}
	w.do(post(entries, obj{"amount": 1, "currency": "EUR"}).as(admin)).want(403, "forbidden")
	w.do(post(entries, obj{"amount": 1, "currency": "EUR"}).as(w.admin(smith))).want(404, "not_found")
	w.do(post(reseller+"/credit/entries", obj{"amount": 1, "currency": "EUR"}).as(partner)).want(403, "forbidden")
	w.do(get(brown+"/credit").as(user)).want(403, "forbidden")

	w.do(post(entries, obj{"amount": 1, "currency": "USD"})).want(409, "currency_fixed", "/currency")
	for _, c := range []struct {
		body    obj
		code, p string
	}{
		{obj{"amount": 0, "currency": "EUR"}, "amount_out_of_range", "/amount"},
		{obj{"amount": 1_000_000_000_001, "currency": "EUR"}, "invalid", "/amount"},
		{obj{"amount": 1_000_000_000_000, "currency": "EUR"}, "amount_out_of_range", "/amount"},
		{obj{"amount": 1.5, "currency": "EUR"}, "invalid", "/amount"},
		{obj{"amount": 1, "currency": "eur"}, "currency_invalid", "/currency"},
		{obj{"amount": 1, "currency": "EURO"}, "invalid", "/currency"},
		{obj{"amount": 1}, "required", "/currency"},
		{obj{"amount": 1, "currency": "EUR", "note": "a\nb"}, "note_invalid", "/note"},
		{obj{"amount": 1, "currency": "EUR", "by": "me"}, "unknown_field", "/by"},
	} {
		w.do(post(entries, c.body)).want(422, c.code, c.p)
	}
	w.do(get(brown+"/credit")).want(200).is("balance", 3800)
}

// LI9: no addition is lost among many at once, and the list stays in order.
func TestLI9ManyAdditionsAtOnce(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	const writers, each = 16, 5
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if r := w.do(post(brown+"/credit/entries", obj{"amount": 7, "currency": "EUR"})); r.status != 201 {
					t.Errorf("status %d: %s", r.status, r.text)
				}
			}
		})
	}
	wg.Wait()
	w.do(get(brown+"/credit")).want(200).is("balance", writers*each*7)
	var ids []string
	path := brown + "/credit/entries?limit=7"
	for next := path; next != ""; {
		r := w.do(get(next)).want(200)
		ids, next = append(ids, r.ids("id")...), ""
		if cursor, more := r.field("next").(string); more {
			next = path + "&cursor=" + cursor
		}
	}
	if len(ids) != writers*each || !slices.IsSorted(ids) || len(slices.Compact(ids)) != writers*each {
		t.Fatalf("%d entries: %v", len(ids), ids)
	}
}

// LI9: what calls have cost shows in the balance, and explain says when a call
// goes on per minute and when credit does not last.
func TestLI9SpendingAndExplain(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	w.number(smith, w.trunk(smith, "192.0.2.1"), "3001", nil)
	w.link(brown, smith)
	body := limits(0, 0, 0, 0)
	body["allow_prepay"] = true
	w.do(put(brown+"/limits", body)).want(200).is("allow_prepay", true)
	plan := w.do(post("/v1/plans", obj{"name": "Standard", "per_minute": 10, "currency": "EUR"})).want(201).str("id")
	dial := func() *reply {
		return w.do(post("/v1/explain", obj{"account": idOf(brown), "dialled": "3001"})).want(200)
	}
	dial().is("reason", "caller_lines_full") // no plan, no price
	w.do(put(brown+"/plans", obj{"plans": []string{plan}})).want(200)
	dial().is("reason", "no_credit")
	w.do(post(brown+"/credit/entries", obj{"amount": 100, "currency": "EUR"})).want(201)
	dial().is("verdict", "route")
	w.store.spending[idOf(brown)] = routing.Spending{Spent: 70, Running: 20}
	w.do(get(brown+"/credit")).want(200).is("balance", 30).is("available", 10)
	dial().is("reason", "no_credit")
	body["allow_postpay"], body["max_postpay_amount"] = true, 1
	w.do(put(brown+"/limits", body)).want(200)
	dial().is("verdict", "route")
	w.do(put(smith+"/limits", limits(0, 0, 0, 0))).want(200)
	dial().is("reason", "callee_lines_full")
	w.do(put(smith+"/limits", limits(0, 0, 0, 1))).want(200)
	if steps := fmt.Sprint(dial().is("verdict", "route").field("steps")); strings.Count(steps, "The call takes a burst line.") != 1 {
		t.Errorf("explain does not tell of the burst line once: %s", steps)
	}
	w.store.broken = errBroken
	w.do(get(brown+"/credit")).want(503, "store_unavailable")
	w.store.broken = nil
}
