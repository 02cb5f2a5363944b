package provision

import (
	"strings"
	"testing"
)

// LI8: classes are the platform's, verdicts are set from above, and a number of a
// denied class is refused.
func TestLI8Restrictions(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown, smith := w.below(reseller, "Brown"), w.account("Smith")
	partner, admin, user := w.admin(reseller), w.admin(brown), w.plain(brown)
	w.number(smith, w.trunk(smith, "192.0.2.1"), "9xxx", nil)
	w.number(brown, w.trunk(brown, "192.0.2.2"), "9001", nil)
	w.link(brown, smith)
	dial := func(number string) *reply {
		return w.do(post("/v1/explain", obj{"account": idOf(brown), "dialled": number}).as(admin)).want(200)
	}

	classes := obj{"classes": []obj{{"name": "free", "pattern": "9000"}, {"name": "premium", "pattern": "9."}}}
	for _, token := range []string{partner, admin, user} {
		w.do(put("/v1/number-classes", classes).as(token)).want(403, "forbidden")
		w.do(get("/v1/number-classes").as(token)).want(200).is("version", 0)
	}
	w.do(put("/v1/number-classes", classes)).want(200).is("classes.1.name", "premium").is("version", 1)

	premium := obj{"classes": obj{"premium": "deny"}}
	w.do(put(brown+"/restrictions", premium).as(admin)).want(403, "forbidden")
	w.do(put(brown+"/restrictions", premium).as(w.admin(smith))).want(404, "not_found")
	w.do(put(reseller+"/restrictions", premium).as(partner)).want(403, "forbidden")
	w.do(put(brown+"/restrictions", obj{"classes": obj{"luxury": "deny"}}).as(partner)).want(422, "class_unknown", "/classes/luxury")
	w.do(put(brown+"/restrictions", obj{"classes": obj{"premium": "perhaps"}}).as(partner)).want(422, "invalid", "/classes/premium")
	w.do(get(brown+"/restrictions").as(admin)).want(200).is("version", 0)

	dial("9002").is("verdict", "route")
	w.do(put(brown+"/restrictions", premium).as(partner)).want(200).is("classes.premium", "deny")
	w.do(get(brown+"/restrictions").as(admin)).want(200).is("classes.premium", "deny")
	dial("9002").is("verdict", "refuse").is("reason", "restricted").is("sip_status", 403)
	dial("9000").is("verdict", "route")
	dial("9001").is("verdict", "route") // its own

	// Denied above is denied below, and only who sees the account above learns why.
	w.do(put(brown+"/restrictions", obj{"classes": obj{"premium": "allow"}}).as(partner)).want(200)
	dial("9002").is("verdict", "route")
	w.do(put(reseller+"/restrictions", premium)).want(200)
	if r := dial("9002").is("reason", "restricted"); strings.Contains(r.text, "Reseller") {
		t.Errorf("the customer reads who denies: %s", r.text)
	}
	if r := w.do(post("/v1/explain", obj{"account": idOf(brown), "dialled": "9002"}).as(partner)).want(200); !strings.Contains(r.text, "Reseller") {
		t.Errorf("the partner does not read who denies: %s", r.text)
	}

	// A class that is gone denies nothing; what names it can be written again.
	w.do(put("/v1/number-classes", obj{"classes": []obj{{"name": "free", "pattern": "9."}}})).want(200).is("version", 2)
	dial("9002").is("verdict", "route")
	w.do(put(reseller+"/restrictions", premium)).want(200)
	w.do(put(brown+"/restrictions", obj{"classes": obj{}}).as(partner)).want(200)
	w.do(put(brown+"/restrictions", premium).as(partner)).want(422, "class_unknown", "/classes/premium")
}

func TestLI8NumberClassesAreChecked(t *testing.T) {
	w := newWorld(t)
	many := make([]obj, 257)
	for i := range many {
		many[i] = obj{"name": "a", "pattern": "1"}
	}
	for _, c := range []struct {
		classes any
		code, p string
	}{
		{[]obj{{"name": "A", "pattern": "1"}}, "class_name_invalid", "/classes/0/name"},
		{[]obj{{"name": "a", "pattern": "1"}, {"name": "b", "pattern": "1"}}, "class_twice", "/classes/1/pattern"},
		{[]obj{{"name": "a", "pattern": "1"}, {"name": "b", "pattern": "1.2"}}, "class_pattern_invalid", "/classes/1/pattern"},
		{[]obj{{"name": "a"}}, "required", "/classes/0/pattern"},
		{many, "invalid", "/classes"}, {nil, "invalid", "/classes"}, {"all", "invalid", "/classes"},
	} {
		w.do(put("/v1/number-classes", obj{"classes": c.classes})).want(422, c.code, c.p)
	}
	w.do(put("/v1/number-classes", obj{"classes": []obj{}})).want(200).is("version", 1)
}

// A class can have several patterns, with others between them.
func TestLI8ClassOfSeveralPatterns(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	w.do(put("/v1/number-classes", obj{"classes": []obj{
		{"name": "premium", "pattern": "0900."}, {"name": "free", "pattern": "0190x"}, {"name": "premium", "pattern": "019."},
	}})).want(200)
	w.do(put(a+"/restrictions", obj{"classes": obj{"premium": "deny"}})).want(200)
	for dialled, reason := range map[string]string{"09001": "restricted", "01901": "number_not_found", "0191": "restricted"} {
		w.do(post("/v1/explain", obj{"account": idOf(a), "dialled": dialled})).want(200).is("reason", reason)
	}
}
