package directory

import (
	"testing"
	"time"
)

func TestLicencesAt(t *testing.T) {
	v, at := NewView(), time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	licence := func(id LicenceID, from, until time.Duration) *Licence {
		return &Licence{ID: id, Account: "acc", ValidFrom: at.Add(from), ValidUntil: at.Add(until), Version: 1}
	}
	if v.Licensed("acc") || len(v.LicencesAt("acc", at)) != 0 {
		t.Fatal("an account without licences")
	}
	v.Load(1, time.Time{}, []Object{
		licence("lic_1", 0, 2*time.Hour), licence("lic_2", -time.Hour, time.Hour), licence("lic_3", -time.Hour, 0), licence("lic_4", time.Second, time.Hour),
	})
	got := v.LicencesAt("acc", at)
	if len(got) != 2 || got[0].ID != "lic_2" || got[1].ID != "lic_1" {
		t.Fatalf("%v", got)
	}
	if !v.Licensed("acc") || v.Licensed("other") {
		t.Fatal("who is licensed")
	}
	if n := testing.AllocsPerRun(100, func() { v.Licensed("acc"); v.Licensed("other"); v.PerMinute("acc") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The plan selected last prices a minute; credit in another currency does not pay.
func TestPerMinute(t *testing.T) {
	v := NewView()
	v.Load(1, time.Time{}, []Object{
		&PricePlan{ID: "pln_1", Name: "One", PerMinute: 5, Currency: "EUR", Version: 1}, &PricePlan{ID: "pln_2", Name: "Two", PerMinute: 9, Currency: "USD", Version: 1},
		&PricePlan{ID: "pln_3", Name: "Flat", PerMinute: 9, Currency: "EUR", Unlimited: true, Version: 1},
		&PlanSelection{Account: "a", Plans: []PricePlanID{"pln_1", "pln_2"}, Version: 1}, &Credit{Account: "a", Currency: "EUR", Added: 70, Version: 1},
		&PlanSelection{Account: "b", Plans: []PricePlanID{"pln_2"}, Version: 1}, &Credit{Account: "b", Currency: "EUR", Added: 70, Version: 1},
		&PlanSelection{Account: "c", Plans: []PricePlanID{"pln_3"}, Version: 1}, &PlanSelection{Account: "d", Version: 1},
	})
	for id, want := range map[AccountID]struct {
		price, added int64
		ok           bool
	}{"a": {5, 70, true}, "b": {}, "c": {0, 0, true}, "d": {}, "e": {}} {
		if price, added, ok := v.PerMinute(id); price != want.price || added != want.added || ok != want.ok {
			t.Errorf("%s: %d, %d, %t", id, price, added, ok)
		}
	}
}
