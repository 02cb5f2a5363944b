package provision

import (
	"slices"
	"testing"
)

// plan creates a plan and returns its path.
func (w *world) plan(name string) string {
	w.t.Helper()
	return "/v1/plans/" + w.do(post("/v1/plans", obj{"name": name, "currency": "EUR", "per_minute": 3})).want(201).str("id")
}

func TestSU3Plans(t *testing.T) {
	w := newWorld(t)
	r := w.do(post("/v1/plans", obj{"name": "Business", "description": "All day", "per_minute": 3, "currency": "EUR", "popular": true})).want(201).
		is("description", "All day").is("per_minute", 3).is("currency", "EUR").is("unlimited", false).is("popular", true).is("version", 1)
	plan := "/v1/plans/" + r.str("id")
	w.do(post("/v1/plans", obj{"name": "Flat", "currency": "EUR", "unlimited": true})).want(201).is("unlimited", true).is("popular", false).is("per_minute", 0)
	w.do(post("/v1/plans", obj{"name": "BUSINESS", "currency": "EUR"})).want(409, "plan_taken", "/name")
	w.do(post("/v1/plans", obj{"name": "X", "currency": "eur"})).want(422, "currency_invalid", "/currency")
	w.do(post("/v1/plans", obj{"name": "X", "currency": "EUR", "per_minute": -1})).want(422, "invalid", "/per_minute")
	w.do(post("/v1/plans", obj{"name": "X", "currency": "EUR", "per_minute": 1.5})).want(422, "invalid", "/per_minute")
	w.do(change(plan, obj{"per_minute": 4, "popular": nil, "unlimited": true})).want(200).is("per_minute", 4).is("popular", false).is("unlimited", true).is("version", 2)
	w.do(change(plan, obj{"currency": nil})).want(422, "currency_invalid", "/currency")
	for _, token := range []string{w.admin(w.account("Brown")), w.admin(w.account("Reseller")), w.plain(w.account("Smith"))} {
		w.do(get(plan).as(token)).want(200).is("name", "Business")
		w.do(post("/v1/plans", obj{"name": "Mine", "currency": "EUR"}).as(token)).want(403, "forbidden")
		w.do(change(plan, obj{"per_minute": 0}).as(token)).want(403, "forbidden")
		w.do(del(plan).as(token)).want(403, "forbidden")
	}
}

// The last selected comes first, and a plan stays while somebody has it.
func TestSU3TheLastSelectedComesFirst(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown := w.below(reseller, "Brown")
	partner, admin := w.admin(reseller), w.admin(brown)
	paths := map[string]string{}
	for _, name := range []string{"a", "b", "c", "d"} {
		paths[name] = w.plan(name)
	}
	ids := func(names ...string) []string {
		out := []string{}
		for _, n := range names {
			out = append(out, idIn(paths[n]))
		}
		return out
	}
	w.do(get(brown+"/plans").as(admin)).want(200).is("version", 0)
	for _, c := range []struct{ asked, want []string }{
		{ids("a"), ids("a")}, {ids("a", "b"), ids("b", "a")}, {ids("b", "a", "d", "c"), ids("d", "c", "b", "a")},
		{ids("a", "d"), ids("d", "a")}, {ids("b", "d"), ids("b", "d")}, {ids(), ids()}, {ids("c", "a"), ids("c", "a")},
	} {
		w.do(put(brown+"/plans", obj{"plans": c.asked}).as(partner)).want(200)
		got := []string{}
		for _, p := range w.do(get(brown + "/plans").as(admin)).want(200).field("plans").([]any) {
			got = append(got, p.(string))
		}
		if !slices.Equal(got, c.want) {
			t.Fatalf("%v asked: %v, want %v", c.asked, got, c.want)
		}
	}
	w.do(put(brown+"/plans", obj{"plans": ids("a")}).as(admin)).want(403, "forbidden")
	w.do(put(brown+"/plans", obj{"plans": ids("a", "b", "a")})).want(422, "plan_twice", "/plans/2")
	w.do(put(brown+"/plans", obj{"plans": []string{ids("a")[0], "pln_unknown"}})).want(422, "plan_unknown", "/plans/1")
	w.do(put(brown+"/plans", obj{"plans": ids("b")}).match(`"1"`)).want(412, "stale")
	w.do(put(brown+"/plans?dry_run=true", obj{"plans": ids("b")})).want(200)
	w.do(get(brown+"/plans")).want(200).is("plans.0", ids("c")[0])
	w.do(del(paths["c"])).want(409, "in_use")
	w.do(del(paths["b"])).want(204)
}

// A customer sees what is visible to it; hiding goes down the tree.
func TestSU3VisiblePlans(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown, smith := w.below(reseller, "Brown"), w.below(reseller, "Smith")
	partner, admin, other := w.admin(reseller), w.admin(brown), w.admin(smith)
	basic, gold, secret := w.plan("Basic"), w.plan("Gold"), w.plan("Secret")
	w.do(put(reseller+"/plans", obj{"plans": []string{}, "hidden": []string{idIn(secret)}})).want(200).is("hidden.0", idIn(secret))
	w.do(put(brown+"/plans", obj{"plans": []string{idIn(basic)}, "hidden": []string{idIn(gold)}}).as(partner)).want(200).is("hidden.0", idIn(gold))

	for name, c := range map[string]struct {
		token string
		want  []string
	}{
		"staff": {testToken, []string{"Basic", "Gold", "Secret"}}, "partner": {partner, []string{"Basic", "Gold"}},
		"brown": {admin, []string{"Basic"}}, "smith": {other, []string{"Basic", "Gold"}},
	} {
		if got := w.do(get("/v1/plans").as(c.token)).want(200).ids("name"); !slices.Equal(got, c.want) {
			t.Errorf("%s sees %v, want %v", name, got, c.want)
		}
	}
	w.do(get(gold).as(admin)).want(404, "not_found")
	w.do(get(secret).as(partner)).want(404, "not_found")
	// What is hidden is not shown to those it is hidden from, nor selected.
	if r := w.do(get(brown + "/plans").as(admin)).want(200); r.body["hidden"] != nil {
		t.Errorf("the customer reads what is hidden: %s", r.text)
	}
	w.do(put(brown+"/plans", obj{"plans": []string{idIn(secret)}}).as(partner)).want(422, "plan_unknown", "/plans/0")
	w.do(put(brown+"/plans", obj{"plans": []string{idIn(secret)}})).want(422, "plan_hidden", "/plans/0")
	w.do(put(brown+"/plans", obj{"plans": []string{idIn(gold)}}).as(partner)).want(422, "plan_hidden", "/plans/0")
	// Left out, the list of hidden ones stays.
	w.do(put(brown+"/plans", obj{"plans": []string{}}).as(partner)).want(200).is("hidden.0", idIn(gold))
	w.do(put(brown+"/plans", obj{"plans": []string{idIn(gold)}, "hidden": []string{}}).as(partner)).want(200)
	w.do(get(gold).as(admin)).want(200)
	// Hidden after it was selected, it is out of the customer's sight.
	w.do(put(reseller+"/plans", obj{"plans": []string{}, "hidden": []string{idIn(gold)}})).want(200)
	if plans := w.do(get(brown + "/plans").as(admin)).want(200).field("plans").([]any); len(plans) != 0 {
		t.Errorf("the customer reads %v", plans)
	}
	w.do(get(brown+"/plans")).want(200).is("plans.0", idIn(gold))
}
