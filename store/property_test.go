package store

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// world is what the ledger must hold, told by the answers it gave.
type world struct {
	t      *rapid.T
	b      *backend
	nodes  []*Store
	now    time.Duration
	limits map[string]*directory.Limits
	leases []routing.LeaseID
	up     map[routing.LeaseID]standing
	tombs  map[routing.LeaseID]time.Duration // until when
}

type standing struct {
	claims   []routing.Claim
	deadline time.Duration
}

// TestLedgerInvariants lets two nodes do anything to a handful of leases, late,
// twice and out of order, while limits change and, where the clock can be moved,
// time goes by, and holds the ledger to:
//
//	admitted ≤ cap at every instant, and no refusal with a line free;
//	a script that comes again or late leaves the state of one execution;
//	a call is in all of its sets or in none;
//	the count is the size of a list of calls.
func TestLedgerInvariants(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		nodes := []*Store{b.open(t), b.open(t)}
		serial := 0
		rapid.Check(t, func(r *rapid.T) {
			if err := b.client.FlushAll(t.Context()).Err(); err != nil {
				r.Fatal(err)
			}
			w := &world{t: r, b: b, nodes: nodes, limits: map[string]*directory.Limits{}, up: map[routing.LeaseID]standing{}, tombs: map[routing.LeaseID]time.Duration{}}
			for range 6 {
				serial++
				w.leases = append(w.leases, lease(serial))
			}
			for _, a := range []string{"acc_a", "acc_b", "acc_p"} {
				w.setLimits(a)
			}
			actions := map[string]func(*rapid.T){
				"admit": w.admit, "confirm": w.confirm, "release": w.release, "limits": func(*rapid.T) { w.setLimits(w.account()) }, "": w.check,
			}
			if b.advance != nil {
				actions["time"] = w.pass
			}
			r.Repeat(actions)
			// A node forgets a lease that expired when it is told of its end.
			for _, n := range nodes {
				for _, id := range w.leases {
					n.Release(id)
				}
				barrier(t, n)
				barrier(t, n)
			}
			w.up = nil
			w.check(r)
			if left := b.client.Keys(t.Context(), "*:own:*").Val(); len(left) != 0 {
				r.Fatalf("leases with an owner and no call: %v", left)
			}
		})
	})
}

func (w *world) account() string {
	return rapid.SampledFrom([]string{"acc_a", "acc_b", "acc_p"}).Draw(w.t, "account")
}

func (w *world) node() *Store { return w.nodes[rapid.IntRange(0, len(w.nodes)-1).Draw(w.t, "node")] }

func (w *world) lease() routing.LeaseID {
	return w.leases[rapid.IntRange(0, len(w.leases)-1).Draw(w.t, "lease")]
}

func (w *world) setLimits(a string) {
	version := uint64(1)
	if w.limits[a] != nil {
		version += w.limits[a].Version
	}
	lane := rapid.Int64Range(-1, 2)
	w.limits[a] = limitsOf(a, version, lane.Draw(w.t, "in"), lane.Draw(w.t, "out"), lane.Draw(w.t, "two-way"), lane.Draw(w.t, "burst"), lane.Draw(w.t, "max out"))
	// As Apply does.
	l := w.limits[a]
	s := w.nodes[0]
	if err := s.scripts.caps.run(w.t.Context(), w.b.client, []string{s.keys.limits(l.Account)},
		l.Version, l.Inbound, l.Outbound, l.TwoWay, l.Burst, l.MaxOutbound, capsKept).Err(); err != nil {
		w.t.Fatal(err)
	}
}

// used counts the calls that are up, by account.
func (w *world) used(a string) (in, out int) {
	for _, c := range w.up {
		if c.deadline <= w.now {
			continue
		}
		for _, cl := range c.claims {
			if string(cl.Account) != a {
				continue
			}
			if cl.Outbound() {
				out++
			} else {
				in++
			}
		}
	}
	return in, out
}

func (w *world) admit(r *rapid.T) {
	id := w.lease()
	parties := []string{"acc_a", "acc_b"}
	caller, callee := rapid.SampledFrom(parties).Draw(r, "caller"), rapid.SampledFrom(parties).Draw(r, "callee")
	var claims []routing.Claim
	for i, a := range []string{caller, callee, "acc_p", "acc_p"} {
		shown := w.limits[a]
		if rapid.IntRange(0, 3).Draw(r, "knows") == 0 {
			shown = nil // a node whose view is behind
		}
		claims = append(claims, claim(routing.Role(i), a, shown))
	}
	want, busy := routing.Admitted, 0
	c, known := w.up[id]
	switch {
	case w.tombs[id] > w.now:
		want = routing.Ended
	case known && c.deadline > w.now:
		want = routing.Duplicate
	default:
		extra := map[string][2]int{}
		for i, cl := range claims {
			a := string(cl.Account)
			in, out := w.used(a)
			if !routing.Ask(w.limits[a], in+extra[a][0], out+extra[a][1], cl.Outbound()).Admits() {
				want, busy = routing.Busy, i
				break
			}
			e := extra[a]
			if cl.Outbound() {
				e[1]++
			} else {
				e[0]++
			}
			extra[a] = e
		}
	}
	got := ask(r, w.node(), admission(id, claims...))
	if known && c.deadline <= w.now && w.now < c.deadline+callOutlives*time.Millisecond && got.Verdict == routing.Duplicate {
		return // its hash outlives it a little
	}
	if got.Verdict != want || got.Claim != busy {
		r.Fatalf("admit answers %+v, want %d at claim %d", got, want, busy)
	}
	if want == routing.Admitted {
		w.up[id] = standing{claims, w.now + 240*time.Second}
	}
}

func ask(r *rapid.T, s *Store, a *routing.Admission) routing.Answer {
	answers := newSink()
	s.Admit(a, answers)
	s.Flush()
	return answers.next(r)
}

func (w *world) confirm(r *rapid.T) {
	id := w.lease()
	expires := time.Duration(rapid.SampledFrom([]int{0, 90}).Draw(r, "expires")) * time.Second
	lasts := 15 * time.Minute
	if expires > 0 {
		lasts = expires * 3 / 2
	}
	got := confirm(r, w.node(), id, expires)
	c, known := w.up[id]
	switch {
	case w.tombs[id] > w.now:
		if got != routing.Ended {
			r.Fatalf("confirm of an ended lease answers %d", got)
		}
	case !known || c.deadline <= w.now && got == routing.Lost:
		if got != routing.Lost {
			r.Fatalf("confirm of a lease that is not up answers %d", got)
		}
		delete(w.up, id)
	case got != routing.Done:
		r.Fatalf("confirm answers %d", got)
	default:
		// An expired lease that nobody needed the line of lives on.
		w.up[id] = standing{c.claims, w.now + lasts}
	}
}

func (w *world) release(r *rapid.T) {
	id := w.lease()
	s := w.node()
	release(r, s, id)
	barrier(r, s) // a lease that moved since the node knew it takes one round more
	delete(w.up, id)
	w.tombs[id] = w.now + tombKept*time.Millisecond
}

func (w *world) pass(r *rapid.T) {
	d := time.Duration(rapid.SampledFrom([]int{1, 100, 239, 241, 899}).Draw(r, "seconds")) * time.Second
	w.b.advance(d)
	w.now += d
}

// check compares what Redis holds with what must be there.
func (w *world) check(r *rapid.T) {
	ctx := r.Context()
	sets := map[string]map[string]float64{}
	for _, key := range w.b.client.Keys(ctx, "*:leases:*").Val() {
		sets[key] = map[string]float64{}
		for _, z := range w.b.client.ZRangeWithScores(ctx, key, 0, -1).Val() {
			sets[key][z.Member.(string)] = z.Score
		}
	}
	want := map[string][]string{}
	for id, c := range w.up {
		scores := map[float64]bool{}
		for _, cl := range c.claims {
			key := w.nodes[0].keys.leaseSet(cl)
			if c.deadline <= w.now {
				continue
			}
			if score, held := sets[key][leaseText(id)]; held {
				scores[score] = true
			} else {
				r.Fatalf("lease %s is not in %s", leaseText(id), key)
			}
			want[key] = append(want[key], leaseText(id))
		}
		if len(scores) > 1 {
			r.Fatalf("lease %s has several deadlines", leaseText(id))
		}
	}
	counted, err := w.nodes[1].Lines(ctx, []directory.AccountID{"acc_a", "acc_b", "acc_p"})
	if err != nil {
		r.Fatal(err)
	}
	for _, got := range counted {
		a := string(got.Account)
		if in, out := w.used(a); got.Inbound != in || got.Outbound != out {
			r.Fatalf("%+v; want %d in, %d out", got, in, out)
		}
		calls, err := w.nodes[1].LiveCalls(ctx, directory.AccountID(a), 100)
		if err != nil {
			r.Fatal(err)
		}
		listed := map[routing.LeaseID]bool{}
		for _, c := range calls {
			listed[c.Lease] = true
		}
		for id, c := range w.up {
			touches := slices.ContainsFunc(c.claims, func(cl routing.Claim) bool { return string(cl.Account) == a })
			if touches && c.deadline > w.now && !listed[id] {
				r.Fatalf("%s: lease %s is counted and not listed: %v", a, leaseText(id), slices.Collect(maps.Keys(listed)))
			}
		}
	}
	for key, members := range want {
		if !strings.Contains(key, ":leases:") || len(members) > len(sets[key]) {
			r.Fatalf("%s holds %d of %d", key, len(sets[key]), len(members))
		}
	}
}
