package provision

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

func TestNumber(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	trunk := w.trunk(a, "192.0.2.1")
	r := w.do(post(a+"/numbers", obj{"number": "2001", "trunk": trunk})).want(201).
		is("number", "2001").is("label", "").is("user", "").is("private", false).is("enabled", true).is("trunk", trunk)
	path := a + "/numbers/" + r.str("id")
	w.do(change(path, obj{"private": true, "label": "Boss", "user": "boss"})).want(200).is("private", true).is("label", "Boss").is("user", "boss")
	w.do(change(path, obj{"private": nil, "label": nil, "user": nil, "number": "2002"})).want(200).
		is("private", false).is("label", "").is("user", "").is("number", "2002").is("version", 3)
	w.do(change(path, obj{"enabled": false})).want(200).is("enabled", false)
	w.do(change(path, obj{"enabled": nil})).want(200).is("enabled", true)
	w.do(post(a+"/numbers", obj{"number": "2002", "trunk": trunk})).want(409, "number_taken", "/number")
	w.do(post(a+"/numbers?dry_run=true", obj{"number": "2002", "trunk": trunk})).want(409, "number_taken", "/number")
	// Another account may have the same number.
	smith := w.account("Smith")
	w.number(smith, w.trunk(smith, "192.0.2.2"), "2002", nil)
	w.do(del(path)).want(204)
	w.do(get(path)).want(404, "not_found")
}

func TestNumberIsRefused(t *testing.T) {
	w := newWorld(t)
	a, smith := w.account("Brown"), w.account("Smith")
	trunk, theirs := w.trunk(a, "192.0.2.1"), w.trunk(smith, "192.0.2.2")
	path := a + "/numbers/" + w.number(a, trunk, "2001", nil).str("id")
	for _, c := range []struct {
		member        string
		value         any
		code, pointer string
	}{
		{"number", "123456789", "number_invalid", "/number"},
		{"number", "20-1", "number_invalid", "/number"},
		{"number", "2099-2000", "number_invalid", "/number"},
		{"number", "20xx-21xx", "number_invalid", "/number"},
		{"number", "2001;phone-context=x", "", "/number"},
		{"number", "２００１", "number_invalid", "/number"},
		{"number", nil, "", "/number"},
		{"number", 2001, "invalid", "/number"},
		{"trunk", theirs, "trunk_unknown", "/trunk"},
		{"trunk", "trk_nothing", "trunk_unknown", "/trunk"},
		{"trunk", nil, "", "/trunk"},
		{"user", "a b", "user_invalid", "/user"},
		{"user", "a@b", "user_invalid", "/user"},
		{"user", "x\r\nVia: y", "user_invalid", "/user"},
		{"label", strings.Repeat("x", 129), "", "/label"},
		{"private", "no", "invalid", "/private"},
		{"account", "acc_x", "unknown_field", "/account"},
	} {
		body := obj{"number": "3000", "trunk": trunk}
		body[c.member] = c.value
		want := []string{c.code, c.pointer}
		if c.code == "" {
			want = nil
		}
		w.do(post(a+"/numbers", body)).want(422, want...)
		w.do(change(path, obj{c.member: c.value})).want(422, want...)
	}
	w.do(get(path)).want(200).is("version", 1)
}

func TestNumberLengthIsConfigurable(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.NumberMax = 4 })
	a := w.account("Brown")
	trunk := w.trunk(a, "192.0.2.1")
	for _, ok := range []string{"2001", "20xx", "3000-3999", "*98#"} {
		w.number(a, trunk, ok, nil)
	}
	for _, long := range []string{"20011", "20xxx", "30000-39999"} {
		w.do(post(a+"/numbers", obj{"number": long, "trunk": trunk})).want(422, "number_too_long", "/number")
	}
}

func TestOverlapsAreAllowedAndReported(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	trunk := w.trunk(a, "192.0.2.1")
	w.number(a, trunk, "2001", nil)
	w.number(a, trunk, "2090-2110", nil)
	w.number(a, trunk, "30xx", nil)
	r := w.number(a, trunk, "20xx", nil)
	got := []string{r.str("overlaps.0"), r.str("overlaps.1")}
	slices.Sort(got)
	if !slices.Equal(got, []string{"2001", "2090-2110"}) || len(r.field("overlaps").([]any)) != 2 {
		t.Errorf("overlaps %v", r.field("overlaps"))
	}
	w.do(post(a+"/numbers?dry_run=true", obj{"number": "3001", "trunk": trunk})).want(200).is("overlaps.0", "30xx")
	w.do(get(a+"/numbers/"+r.str("id"))).want(200).is("overlaps.0", "2001")
}

func TestNumberList(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	trunk := w.trunk(a, "192.0.2.1")
	want := []string{"2001", "20xx", "1000-1099", "7", "*1"}
	for _, n := range want {
		w.number(a, trunk, n, nil)
	}
	var got []string
	for next := any(""); next != nil; {
		path := a + "/numbers?limit=2"
		if next != "" {
			path += "&cursor=" + next.(string)
		}
		r := w.do(get(path)).want(200)
		got = append(got, r.ids("number")...)
		next = r.field("next")
	}
	if !slices.Equal(got, want) {
		t.Errorf("numbers %v", got)
	}
	if got := w.do(get(a + "/numbers?limit=5")).want(200); got.field("next") != nil {
		t.Error("a full last page promises more")
	}
}

// What the creation of a number takes does not grow with its account.
func TestNumberCreationAllocations(t *testing.T) {
	allocations := func(numbers int) float64 {
		w := newWorld(t)
		a := w.account("Brown")
		trunk := w.trunk(a, "192.0.2.1")
		for i := range numbers {
			w.number(a, trunk, strconv.Itoa(20_000+i), nil)
		}
		ask := post(a+"/numbers?dry_run=true", obj{"number": "10xxx", "trunk": trunk})
		return testing.AllocsPerRun(20, func() { w.do(ask).want(200) })
	}
	if few, many := allocations(10), allocations(1000); many > few+200 {
		t.Errorf("%v allocations among 10 numbers, %v among 1,000", few, many)
	}
}

// Of many numbers those are listed that fit, whichever page they are on.
func TestIN1NumbersAreFound(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	one, two := w.trunk(a, "192.0.2.1"), w.trunk(a, "192.0.2.2")
	for i := range 2*numberChunk + 10 {
		label := "Desk"
		if i%1000 == 999 {
			label = "Front Desk"
		}
		w.number(a, one, strconv.Itoa(20000+i), obj{"label": label})
	}
	w.number(a, two, "9xx", nil)
	found := func(query string) (numbers []string) {
		for cursor := ""; ; {
			r := w.do(get(a + "/numbers?limit=1" + query + cursor)).want(200)
			for _, n := range r.field("items").([]any) {
				numbers = append(numbers, n.(map[string]any)["number"].(string))
			}
			next, more := r.field("next").(string)
			if !more {
				return numbers
			}
			cursor = "&cursor=" + next
		}
	}
	for query, want := range map[string][]string{
		"&q=fRONT": {"20999", "21999"}, "&q=2200": {"22000", "22001", "22002", "22003", "22004", "22005", "22006", "22007", "22008", "22009"},
		"&q=9XX": {"9xx"}, "&trunk=" + two: {"9xx"}, "&q=front&trunk=" + two: nil, "&q=nobody": nil, "&trunk=trk_x": nil,
	} {
		if got := found(query); !slices.Equal(got, want) {
			t.Errorf("%s finds %v, want %v", query, got, want)
		}
	}
	next := w.do(get(a + "/numbers?limit=1&q=front")).want(200).str("next")
	w.do(get(a+"/numbers?limit=1&cursor="+next)).want(422, "cursor_invalid")
}
