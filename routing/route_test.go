package routing

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/pbx-interlink/interlink/directory"
)

func mustPlan(t testing.TB, text string) *directory.View {
	t.Helper()
	view, err := parsePlan(text)
	if err != nil {
		t.Fatal(err)
	}
	return view
}

func TestCaller(t *testing.T) {
	view := mustPlan(t, "account Brown\naccount Smith disabled")
	orphan := &directory.Trunk{ID: "orphan", Account: "nobody", Version: 1,
		Sources: []directory.Source{{Prefix: netip.MustParsePrefix("192.0.2.9/32")}}}
	view.Apply(9, view.Account("Brown").CreatedAt, []directory.Delta{{Ref: orphan.Ref(), After: orphan}})
	r := NewRouter(view)
	for _, c := range []struct {
		source string
		trunk  directory.TrunkID
		reason Reason
	}{
		{"192.0.2.1:5060", "Brown-pbx", None},
		{"192.0.2.1:1024", "Brown-pbx", None},
		{"[::ffff:192.0.2.1]:5060", "Brown-pbx", None},
		{"192.0.2.2:5060", "Smith-pbx", AccountDisabled},
		{"192.0.2.3:5060", "", SourceUnknown},
		{"[2001:db8::1]:5060", "", SourceUnknown},
		// A trunk whose account is gone belongs to nobody.
		{"192.0.2.9:5060", "", SourceUnknown},
	} {
		trunk, reason := r.Caller(netip.MustParseAddrPort(c.source))
		var id directory.TrunkID
		if trunk != nil {
			id = trunk.ID
		}
		if id != c.trunk || reason != c.reason {
			t.Errorf("%s: trunk %q, reason %q; want %q, %q", c.source, id, reason, c.trunk, c.reason)
		}
	}
	if trunk, reason := r.Caller(netip.AddrPort{}); trunk != nil || reason != SourceUnknown {
		t.Errorf("no address: %v, %q", trunk, reason)
	}
}

const busyPlan = `
account Jones
account Brown parent=Jones
account Smith parent=Jones
account Andrews
number Brown 2001
number Smith 3001
number Smith 3002 private
number Andrews 30xx
account Clark
account Davis
number Clark 5001
number Clark 52xx
number Clark 5300 private
number Davis 5101
number Clark 5101
federation Ring Brown Clark Davis
limits Jones 5 5 5 5 5
link Brown:priority=1 Smith
link Brown:prefix=9 Andrews
class premium 55.
class long xxxxxxx.
deny Jones premium
`

// busyCases are what Brown dials in busyPlan.
func busyCases() map[string]string {
	return map[string]string{
		"local": "2001", "linked": "3001", "private": "3002", "prefix": "93001", "none": "4444",
		"federation": "5001", "federation_block": "5210", "federation_private": "5300", "federation_ambiguous": "5101",
	}
}

func TestRouteAllocatesNothing(t *testing.T) {
	r := NewRouter(mustPlan(t, busyPlan))
	claims := make([]Claim, 0, 8)
	source := netip.MustParseAddrPort("192.0.2.2:5060")
	for _, dialled := range []string{"2001", "3001", "3002", "93001", "4444", "5001", "5210", "5300", "5101", "", strings.Repeat("9", 10_000)} {
		call := Call{Caller: "Brown", Dialled: dialled}
		if n := testing.AllocsPerRun(200, func() {
			r.Caller(source)
			if d := r.Route(call, nil); d.Reason == None {
				claims = r.Claims(claims[:0], &d.Route)
			}
		}); n != 0 {
			t.Errorf("%.12q: %v allocations", dialled, n)
		}
	}
}

// A trail changes nothing, and its steps stay short whatever is dialled.
func TestRouteTrailIsBounded(t *testing.T) {
	r := NewRouter(mustPlan(t, busyPlan))
	for _, dialled := range []string{"", "2001", "3002", "5001", "5300", "5101", "\x00", "\xff\xfe", "sip:2001@evil", strings.Repeat("2", 13), strings.Repeat("a", 10_000)} {
		var trail Trail
		call := Call{Caller: "Brown", Dialled: dialled}
		if with, without := r.Route(call, &trail), r.Route(call, nil); with != without {
			t.Errorf("%.12q: %+v with a trail, %+v without", dialled, with, without)
		}
		for _, s := range trail.Steps {
			if len(s.Detail) > 200 || s.About == "" {
				t.Errorf("%.12q: step %+v", dialled, s)
			}
		}
	}
}

func TestRouteFromManyGoroutines(t *testing.T) {
	r := NewRouter(mustPlan(t, busyPlan))
	var wg sync.WaitGroup
	for _, q := range [][2]string{{"2001", "Brown"}, {"3001", "Smith"}, {"93001", "Andrews"}, {"4001", ""}} {
		wg.Go(func() {
			for range 500 {
				if d := r.Route(Call{"Brown", q[0]}, nil); string(d.Route.Callee) != q[1] {
					t.Errorf("%s: %+v", q[0], d)
					return
				}
			}
		})
	}
	wg.Wait()
}

// drawPlan makes a plan of four accounts with a few numbers that get into each
// other's way, and links of Brown to some of the others.
func drawPlan(t *rapid.T) string {
	accounts := []string{"Brown", "Smith", "Andrews", "Clark"}
	var b strings.Builder
	for _, a := range accounts {
		fmt.Fprintf(&b, "account %s%s\n", a, rapid.SampledFrom([]string{"", "", "", " disabled"}).Draw(t, "account"))
	}
	for _, a := range accounts {
		for _, n := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"1", "2", "11", "12", "1x", "11-13"}), 0, 4, rapid.ID).Draw(t, "numbers of "+a) {
			fmt.Fprintf(&b, "number %s %s%s\n", a, n, rapid.SampledFrom([]string{"", "", " private", " disabled"}).Draw(t, "number"))
		}
	}
	for _, a := range accounts[1:] {
		switch rapid.IntRange(0, 4).Draw(t, "link") {
		case 0, 1:
			fmt.Fprintf(&b, "link Brown:priority=%d %s\n", rapid.IntRange(0, 2).Draw(t, "priority"), a)
		case 2:
			fmt.Fprintf(&b, "link Brown:prefix=%s %s\n", rapid.SampledFrom([]string{"1", "2", "9"}).Draw(t, "prefix"), a)
		case 3:
			fmt.Fprintf(&b, "link %s:suspended Brown\n", a)
		}
	}
	members := rapid.SliceOfNDistinct(rapid.SampledFrom(accounts), 0, 4, rapid.ID).Draw(t, "members")
	fmt.Fprintf(&b, "federation Ring %s\n", strings.Join(members, " "))
	for _, a := range accounts {
		if !slices.Contains(members, a) && rapid.Bool().Draw(t, "asks") {
			fmt.Fprintf(&b, "request Ring %s\n", a)
		}
	}
	return b.String()
}

func drawDialled(t *rapid.T) string {
	return rapid.SampledFrom([]string{"1", "2", "11", "12", "13", "111", "91", "911", "912", "211", "x"}).Draw(t, "dialled")
}

// openDirectory is a directory in which the private numbers of all accounts but
// one do not exist.
type openDirectory struct {
	*directory.View
	but directory.AccountID
}

func (d openDirectory) Number(a directory.AccountID, dialled string) (directory.Match, bool) {
	n, ok := d.View.Number(a, dialled)
	if ok && n.Private && a != d.but {
		return directory.Match{}, false
	}
	return n, ok
}

func (d openDirectory) Fellows(a directory.AccountID, dialled string, yield func(directory.Fellow) bool) *directory.Federation {
	return d.View.Fellows(a, dialled, func(f directory.Fellow) bool { return f.Match.Private || yield(f) })
}

// What the caller can learn of a decision, its trail included, is the same
// whether others' private numbers are private or are not there (IN4).
func TestPrivateIsAsIfNotThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		view, err := parsePlan(drawPlan(t))
		if err != nil {
			t.Fatal(err)
		}
		call := Call{Caller: "Brown", Dialled: drawDialled(t)}
		asCaller := func(d Directory) (Decision, []Step) {
			var trail Trail
			decision := NewRouter(d).Route(call, &trail)
			decision.Hidden, decision.Owner = None, ""
			return decision, slices.DeleteFunc(trail.Steps, func(s Step) bool { return s.About != call.Caller })
		}
		got, gotSteps := asCaller(view)
		want, wantSteps := asCaller(openDirectory{view, "Brown"})
		if got != want || !slices.Equal(gotSteps, wantSteps) {
			t.Fatalf("private: %+v %v\nnot there: %+v %v", got, gotSteps, want, wantSteps)
		}
	})
}

// Nobody is called who is not linked, disabled, or private to somebody else; and
// the hidden reason names a linked owner, and only where nothing was found.
func TestRouteReachesOnlyWhatIsOffered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		view, err := parsePlan(drawPlan(t))
		if err != nil {
			t.Fatal(err)
		}
		joined := func(id directory.AccountID) bool {
			member := func(a directory.AccountID) bool {
				m, _ := view.ObjectByClaim(directory.MembershipClaim(a)).(*directory.Membership)
				return m != nil && !m.Pending()
			}
			return member("Brown") && member(id) && view.Account(id).Enabled
		}
		linked := func(id directory.AccountID) (found bool) {
			if joined(id) {
				return true
			}
			view.Links("Brown", func(l directory.Link) bool {
				found = l.Peer == id && view.Account(id).Enabled
				return !found
			})
			return found
		}
		d := NewRouter(view).Route(Call{Caller: "Brown", Dialled: drawDialled(t)}, nil)
		if (d.Hidden == None) != (d.Owner == "") || d.Hidden != None && (d.Reason != NumberNotFound || d.Hidden != NumberPrivate || !linked(d.Owner)) {
			t.Fatalf("hidden: %+v", d)
		}
		if d.Reason != None {
			return
		}
		n := view.InternalNumber(d.Route.Number)
		own := d.Route.Callee == "Brown"
		if !n.Enabled || n.Account != d.Route.Callee || !own && (n.Private || !linked(d.Route.Callee)) || !view.Account("Brown").Enabled {
			t.Fatalf("route %+v to %+v", d.Route, n)
		}
	})
}

func BenchmarkRoute(b *testing.B) {
	r := NewRouter(mustPlan(b, busyPlan))
	for name, dialled := range busyCases() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Route(Call{"Brown", dialled}, nil)
			}
		})
	}
}
