package directory

import (
	"testing"
	"time"
)

func TestNumberClassCovers(t *testing.T) {
	for _, c := range []struct {
		pattern, dialled string
		want             bool
	}{
		{"0900x.", "0900123", true}, {"0900x.", "09001", false}, {"0900x.", "0900", false}, {"0900x.", "0900a23", false}, {"0900x.", "0900123#", true},
		{"11x", "112", true}, {"11x", "1123", false}, {"11x", "11", false}, {"11x", "11x", false}, {"*21#", "*21#", true}, {"*21#", "*22#", false},
		{".", "1", true}, {".", "", false}, {"+.", "+49301234", true}, {"+.", "49301234", false}, {"+.", "+", false},
	} {
		if got := (NumberClass{Pattern: c.pattern}).Covers(c.dialled); got != c.want {
			t.Errorf("%s covers %q: %t", c.pattern, c.dialled, got)
		}
	}
}

func TestNumberClassesValidate(t *testing.T) {
	many := make([]NumberClass, MaxNumberClasses+1)
	for _, c := range []struct {
		classes []NumberClass
		field   string
	}{
		{nil, ""}, {[]NumberClass{{"premium", "0900."}, {"rest", "."}}, ""}, {[]NumberClass{{"a", "+"}, {"b_2_c", "+49x."}}, ""},
		{[]NumberClass{{"a", "1"}, {"b", "1"}}, "/classes/1/pattern"}, {[]NumberClass{{"a", "1"}, {"b", "2"}, {"a", "3"}}, ""}, {[]NumberClass{{"A", "1"}}, "/classes/0/name"}, {[]NumberClass{{"a-b", "1"}}, "/classes/0/name"}, {[]NumberClass{{"", "1"}}, "/classes/0/name"},
		{[]NumberClass{{"a", ""}}, "/classes/0/pattern"}, {[]NumberClass{{"a", "1.2"}}, "/classes/0/pattern"}, {[]NumberClass{{"a", "1.."}}, "/classes/0/pattern"},
		{[]NumberClass{{"a", "1+2"}}, "/classes/0/pattern"}, {[]NumberClass{{"a", "X"}}, "/classes/0/pattern"},
		{[]NumberClass{{"a", "123456789012345678901234567890123"}}, "/classes/0/pattern"}, {many, "/classes"},
	} {
		err := (&NumberClasses{Classes: c.classes}).Validate()
		field := ""
		if e, ok := err.(*Error); ok {
			field = e.Field
		}
		if field != c.field {
			t.Errorf("%.80v: %v", c.classes, err)
		}
	}
}

// The first class that covers the number counts, and what is denied above stays
// denied below.
func TestDenied(t *testing.T) {
	v := NewView()
	classes := &NumberClasses{Classes: []NumberClass{{"emergency", "11x"}, {"premium", "1."}, {"rest", "."}}, Version: 1}
	v.Load(1, time.Time{}, []Object{
		&Account{ID: "top", Version: 1}, &Account{ID: "mid", Parent: "top", Version: 1}, &Account{ID: "low", Parent: "mid", Version: 1},
		&Account{ID: "other", Version: 1}, classes,
		&Restrictions{Account: "top", Classes: map[string]string{"premium": Deny}, Version: 1},
		&Restrictions{Account: "low", Classes: map[string]string{"premium": Allow, "rest": Deny, "gone": Deny}, Version: 1},
	})
	ask := func(id AccountID, dialled, class string, by AccountID) {
		t.Helper()
		if c, b := v.Denied(id, dialled); c != class || b != by {
			t.Errorf("%s dials %s: %q by %q, want %q by %q", id, dialled, c, b, class, by)
		}
	}
	ask("top", "123", "premium", "top")
	ask("mid", "123", "premium", "top")
	ask("low", "123", "premium", "top") // an allow below does not lift it
	ask("low", "112", "", "")
	ask("low", "200", "rest", "low")
	ask("mid", "200", "", "")
	ask("other", "123", "", "")
	ask("nobody", "123", "", "")
	if n := testing.AllocsPerRun(100, func() { v.Denied("low", "123"); v.Denied("low", "200") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	v.Apply(2, time.Time{}, []Delta{{Ref{KindRestrictions, "top"}, nil}})
	ask("low", "123", "", "")
	v.Apply(3, time.Time{}, []Delta{{classes.Ref(), &NumberClasses{Classes: []NumberClass{{"rest", "123"}}, Version: 2}}})
	ask("low", "123", "rest", "low")
	ask("low", "200", "", "")
	v.Apply(4, time.Time{}, []Delta{{classes.Ref(), nil}})
	ask("low", "123", "", "")
	circle := NewView()
	circle.Load(1, time.Time{}, []Object{&Account{ID: "a", Parent: "a", Version: 1}, &NumberClasses{Classes: []NumberClass{{"all", "."}}, Version: 1},
		&Restrictions{Account: "b", Classes: map[string]string{"all": Deny}, Version: 1}})
	if c, _ := circle.Denied("a", "1"); c != "" {
		t.Error("a circle is denied", c)
	}
}
