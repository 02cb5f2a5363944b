package provision

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// edits changes every sort of object that can be changed: each number another
// way, and none leaves it as it was.
func (s *town) edits(e *estate) map[string]func(i int) any {
	named := func(i int) any { return obj{"name": fmt.Sprintf("Name %d", i)} }
	person := func(i int) any { return obj{"first_name": fmt.Sprintf("Name %d", i)} }
	plans := []string{}
	for i := range editors {
		plans = append(plans, idIn(s.plan(fmt.Sprintf("Edition %d", i))))
	}
	return map[string]func(i int) any{
		"PATCH " + accountPath:    func(i int) any { return obj{"timezone": fmt.Sprintf("Etc/GMT+%d", i+1)} },
		"PATCH " + userPathIn:     person,
		"PATCH /v1/users/{user}":  person,
		"PATCH " + trunkPath:      named,
		"PATCH " + numberPath:     func(i int) any { return obj{"label": fmt.Sprint("Label ", i)} },
		"PATCH " + linkPath:       named,
		"PATCH " + federationPath: named,
		"PATCH " + providerPath:   named,
		"PATCH " + planPath:       named,
		"PUT /v1/number-classes": func(i int) any {
			return obj{"classes": []obj{{"name": "premium", "pattern": fmt.Sprintf("090%d.", i)}}}
		},
		"PUT " + accountPath + "/limits": func(i int) any {
			return obj{"inbound_trunks": i + 1, "outbound_trunks": 1, "twoway_trunks": 1, "burst_trunks": 1}
		},
		"PUT " + accountPath + "/restrictions": func(i int) any { return obj{"classes": obj{fmt.Sprint("class", i): "deny"}} },
		"PUT " + connectionPath: func(i int) any {
			return obj{"provider": e.named["{provider}"], "credentials": fmt.Sprint("Secret ", i)}
		},
		"PUT " + permissionsPath + "/draft": func(i int) any {
			return obj{"features": obj{features()[i].name: "hidden", "limits": "shown"}}
		},
		"PUT " + selectionPath:                         func(i int) any { return obj{"plans": plans[i : i+1]} },
		"PUT " + settingsPath:                          func(i int) any { return obj{"call_log_sync": false} },
		"PATCH " + accountPath + "/webhooks/{webhook}": func(i int) any { return obj{"url": fmt.Sprintf("https://192.0.66.2/%d", i)} },
		"PUT " + accountPath + "/configuration": func(i int) any {
			return obj{"numbers": []obj{{"number": "2001", "trunk": e.named["{trunk}"], "label": fmt.Sprint("Configured ", i)}}}
		},
		// Naming an administrator twice is no change.
		"PUT " + administratorPath: nil,
	}
}

// classes are what restrictions deny.
func (s *town) classes() []obj {
	var out []obj
	for i := range editors {
		out = append(out, obj{"name": fmt.Sprint("class", i), "pattern": fmt.Sprintf("08%d.", i)})
	}
	return out
}

// editors is how many edit one object at once.
const editors = 8

// TestOneWinnerPerVersion: of several who edit one version of an object at once,
// one wins and the others are told so; edits of whatever it is now are all done,
// one after the other. It holds for all that the served document lets edit.
func TestOneWinnerPerVersion(t *testing.T) {
	s := newTown(t)
	e := s.estates["brown"]
	s.do(put("/v1/number-classes", obj{"classes": s.classes()})).want(200)
	edits := s.edits(e)
	operations := s.operations()
	for _, op := range slices.Sorted(maps.Keys(operations)) {
		method, template, _ := strings.Cut(op, " ")
		if method != http.MethodPatch && method != http.MethodPut {
			continue
		}
		edit, known := edits[op]
		if !known {
			t.Errorf("%s: there is no edit for it; add one", op)
		}
		if edit == nil {
			continue
		}
		t.Run(op, func(t *testing.T) {
			path := fill(t, method, template, e, e)
			before := s.do(get(path)).want(200)
			statuses := s.compete(func(i int) asked { return requestFor(method, path, edit(i)).match(before.etag()) })
			if want := append([]int{200}, slices.Repeat([]int{412}, editors-1)...); !slices.Equal(statuses, want) {
				t.Errorf("one version: %v", statuses)
			}
			after := s.do(get(path)).want(200)
			if after.etag() == before.etag() {
				t.Error("the winner's edit is not there")
			}
			if op == "PUT "+settingsPath {
				return // the winner's edit is the only one there is
			}
			statuses = s.compete(func(i int) asked { return requestFor(method, path, edit(i)).match("*") })
			if !slices.Equal(statuses, slices.Repeat([]int{200}, editors)) {
				t.Errorf("any version: %v", statuses)
			}
			if v, ok := after.body["version"].(float64); ok && template != accountPath+"/configuration" {
				// One of them may have found its own value there already.
				if got := s.do(get(path)).want(200).body["version"].(float64); got < v+editors-1 || got > v+editors {
					t.Errorf("%d edits made version %v of %v", editors, got, v)
				}
			}
		})
	}
}

// compete sends requests at once and returns the statuses in their order.
func (s *town) compete(ask func(i int) asked) []int {
	statuses := make([]int, editors)
	var all sync.WaitGroup
	for i := range statuses {
		a := ask(i)
		all.Go(func() { statuses[i] = s.do(a).status })
	}
	all.Wait()
	slices.Sort(statuses)
	return statuses
}

// LI3: fifty write into one pool at once: what is given out is never more than
// there is, and the sum that is kept is the sum of what was accepted.
func TestLI3FiftyWritersAtOnce(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	lines := func(n int) obj {
		return obj{"inbound_trunks": 0, "outbound_trunks": 0, "twoway_trunks": n, "burst_trunks": 0}
	}
	const writers, pool = 50, 60
	customers := make([]string, writers)
	for i := range customers {
		customers[i] = "/v1/accounts/" + w.do(post("/v1/accounts", obj{"name": "C", "parent": idIn(reseller), "limits": lines(0)})).want(201).str("id")
	}
	w.do(put(reseller+"/limits", lines(pool))).want(200)
	statuses := make([]int, writers)
	var all sync.WaitGroup
	for i, c := range customers {
		all.Go(func() { statuses[i] = w.do(put(c+"/limits", lines(2))).status })
	}
	all.Wait()
	given := 0
	for i, c := range customers {
		has := int(w.do(get(c + "/limits")).want(200).field("twoway_trunks").(float64))
		if given += has; (statuses[i] == 200) != (has == 2) || statuses[i] != 200 && statuses[i] != 409 {
			t.Errorf("status %d, %d lines", statuses[i], has)
		}
	}
	if kept := w.given(reseller); given != pool || kept.TwoWay.Lines != pool {
		t.Errorf("%d of %d lines are given out, kept is %+v", given, pool, kept)
	}
}
