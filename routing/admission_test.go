package routing

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

func TestClaims(t *testing.T) {
	view := mustPlan(t, `
account Platform
account Jones parent=Platform
account Miller parent=Platform
account Agency parent=Jones
account Brown parent=Agency
account Smith parent=Jones
account Clark parent=Miller
account Alone
limits Platform 9 9 9 9 9
limits Jones 1 2 3 4 5
limits Smith 1 1 1 1 1
`)
	limits := view.LimitsOf
	for _, c := range []struct {
		caller, callee directory.AccountID
		want           []Claim
	}{
		// Own accounts always, with or without limits; above them only where
		// limits are set; the common ones in both directions.
		{"Brown", "Smith", []Claim{
			{"Brown", RoleCaller, nil, Terms{}, false}, {"Smith", RoleCallee, limits("Smith"), Terms{}, false},
			{"Jones", RoleCallerParent, limits("Jones"), Terms{}, false}, {"Platform", RoleCallerParent, limits("Platform"), Terms{}, false},
			{"Jones", RoleCalleeParent, limits("Jones"), Terms{}, false}, {"Platform", RoleCalleeParent, limits("Platform"), Terms{}, false}}},
		{"Brown", "Clark", []Claim{
			{"Brown", RoleCaller, nil, Terms{}, false}, {"Clark", RoleCallee, nil, Terms{}, false},
			{"Jones", RoleCallerParent, limits("Jones"), Terms{}, false}, {"Platform", RoleCallerParent, limits("Platform"), Terms{}, false},
			{"Platform", RoleCalleeParent, limits("Platform"), Terms{}, false}}},
		// Inside one account: both lines, also above it.
		{"Smith", "Smith", []Claim{
			{"Smith", RoleCaller, limits("Smith"), Terms{}, false}, {"Smith", RoleCallee, limits("Smith"), Terms{}, false},
			{"Jones", RoleCallerParent, limits("Jones"), Terms{}, false}, {"Platform", RoleCallerParent, limits("Platform"), Terms{}, false},
			{"Jones", RoleCalleeParent, limits("Jones"), Terms{}, false}, {"Platform", RoleCalleeParent, limits("Platform"), Terms{}, false}}},
		{"Alone", "Alone", []Claim{{"Alone", RoleCaller, nil, Terms{}, false}, {"Alone", RoleCallee, nil, Terms{}, false}}},
		// A parent calls its own sub-account.
		{"Jones", "Smith", []Claim{
			{"Jones", RoleCaller, limits("Jones"), Terms{}, false}, {"Smith", RoleCallee, limits("Smith"), Terms{}, false},
			{"Platform", RoleCallerParent, limits("Platform"), Terms{}, false},
			{"Jones", RoleCalleeParent, limits("Jones"), Terms{}, false}, {"Platform", RoleCalleeParent, limits("Platform"), Terms{}, false}}},
	} {
		kept := []Claim{{Account: "before"}}
		got := NewRouter(view).Claims(kept, &Route{Caller: c.caller, Callee: c.callee})
		if !slices.Equal(got, append(kept, c.want...)) {
			t.Errorf("%s calls %s:\n got %v\nwant %v", c.caller, c.callee, got[1:], c.want)
		}
	}
}

func TestClaimsDirections(t *testing.T) {
	for role, want := range map[Role]struct {
		outbound bool
		reason   Reason
	}{
		RoleCaller:       {true, CallerLinesFull},
		RoleCallee:       {false, CalleeLinesFull},
		RoleCallerParent: {true, CallerParentLinesFull},
		RoleCalleeParent: {false, CalleeParentLinesFull},
	} {
		if got := (Claim{Role: role}).Outbound(); got != want.outbound || role.Reason() != want.reason {
			t.Errorf("role %d: outbound %v, reason %q", role, got, role.Reason())
		}
	}
}

// Parents that run in a circle end, and claim each account once a direction.
func TestClaimsInACircle(t *testing.T) {
	view := mustPlan(t, `
account Brown parent=Jones
account Jones parent=Miller
account Miller parent=Jones
account Smith parent=Clark
account Clark parent=Smith
limits Jones 1 1 1 1 1
limits Miller 1 1 1 1 1
limits Smith 1 1 1 1 1
limits Clark 1 1 1 1 1
`)
	got := NewRouter(view).Claims(nil, &Route{Caller: "Brown", Callee: "Smith"})
	var accounts []directory.AccountID
	for _, c := range got {
		accounts = append(accounts, c.Account)
	}
	if want := []directory.AccountID{"Brown", "Smith", "Jones", "Miller", "Clark"}; !slices.Equal(accounts, want) {
		t.Errorf("claims on %v, want %v", accounts, want)
	}
}

// A tree deeper than any is looked at as far as MaxDepth.
func TestClaimsAreBounded(t *testing.T) {
	plan := "account A0\nlimits A0 1 1 1 1 1\n"
	for i := 1; i < 50; i++ {
		plan += fmt.Sprintf("account A%d parent=A%d\nlimits A%d 1 1 1 1 1\n", i, i-1, i)
	}
	got := NewRouter(mustPlan(t, plan)).Claims(nil, &Route{Caller: "A49", Callee: "A49"})
	if len(got) != 2+2*MaxDepth {
		t.Errorf("%d claims, want %d", len(got), 2+2*MaxDepth)
	}
}

// LI9: an account with prepaid or postpaid credit is asked on the terms of its
// plan; SU5: the caller's account alone needs minutes, and not inside itself.
func TestClaimsOnTerms(t *testing.T) {
	view := mustPlan(t, "account Brown\naccount Smith\nlimits Brown 1 1 1 1 1\nlimits Smith 1 1 1 1 1\n")
	put := func(seq uint64, objects ...directory.Object) {
		var deltas []directory.Delta
		for _, o := range objects {
			deltas = append(deltas, directory.Delta{Ref: o.Ref(), After: o})
		}
		view.Apply(seq, time.Time{}, deltas)
	}
	route := &Route{Caller: "Brown", Callee: "Smith"}
	ask := func(want Terms, licensed bool) {
		t.Helper()
		got := NewRouter(view).Claims(nil, route)
		if got[0].Terms != want || got[0].Licensed != licensed || got[1].Terms != (Terms{}) || got[1].Licensed {
			t.Fatalf("%+v", got)
		}
	}
	limits := *view.LimitsOf("Brown")
	limits.AllowPrepay, limits.MaxPostpay, limits.Version = true, 500, 2
	put(100, &limits)
	ask(Terms{}, false) // no plan
	put(101, &directory.PricePlan{ID: "pln", PerMinute: 7, Currency: "EUR", Version: 1},
		&directory.PlanSelection{Account: "Brown", Plans: []directory.PricePlanID{"pln"}, Version: 1}, &directory.Credit{Account: "Brown", Currency: "EUR", Added: 40, Version: 1})
	ask(Terms{PerMinute: true, Price: 7, Added: 40}, false)
	bypass := limits
	bypass.AllowPrepay, bypass.AllowPostpay, bypass.Version = false, true, 3
	put(102, &bypass, &directory.Licence{ID: "lic_1", Account: "Brown", Version: 1}, &directory.Licence{ID: "lic_2", Account: "Smith", Version: 1})
	ask(Terms{PerMinute: true, Price: 7, Added: 40, Floor: -500}, true)
	route.Callee = "Brown"
	if got := NewRouter(view).Claims(nil, route); got[0].Licensed || got[1].Licensed {
		t.Fatalf("a call inside the account: %+v", got)
	}
}
