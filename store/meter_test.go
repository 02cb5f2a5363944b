package store

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// onCredit is a claim of an account with one outbound line that may go on per
// minute.
func onCredit(role routing.Role, owner string, lanes int64, terms routing.Terms) routing.Claim {
	terms.PerMinute = true
	c := claim(role, owner, limitsOf(owner, 1, lanes, lanes, 0, 0))
	c.Terms = terms
	return c
}

// age has a call, and what its account is billed, begin earlier.
func age(t testing.TB, b *backend, s *Store, owner string, l routing.LeaseID, by time.Duration) {
	t.Helper()
	earlier := func(ms string) string {
		n, err := strconv.ParseInt(ms, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return strconv.FormatInt(n-by.Milliseconds(), 10)
	}
	key := s.keys.call(l)
	state := b.client.Get(t.Context(), key).Val()
	b.client.Set(t.Context(), key, state[:1]+earlier(state[1:stateHead])+state[stateHead:], time.Hour)
	for _, m := range []meter{{account: directory.AccountID(owner)}, {directory.AccountID(owner), true}} {
		words := strings.Fields(b.client.HGet(t.Context(), s.keys.tally(m), leaseText(l)).Val())
		for i := 1; i < min(len(words), 3); i++ { // since when it runs, and is answered
			words[i] = earlier(words[i])
		}
		if since, price, ok := strings.Cut(b.client.HGet(t.Context(), s.keys.tally(m), "~").Val(), "/"); ok {
			b.client.HSet(t.Context(), s.keys.tally(m), "~", earlier(since)+"/"+price)
		}
		if len(words) > 0 {
			b.client.HSet(t.Context(), s.keys.tally(m), leaseText(l), strings.Join(words, " "))
		}
	}
}

func spending(t testing.TB, s *Store, owner string) routing.Spending {
	t.Helper()
	out, err := s.Spending(t.Context(), directory.AccountID(owner))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// LI9: a call with no free line goes on per minute while credit lasts, all that
// run looked a minute ahead; what it has cost is booked once.
func TestLI9PerMinuteWhileCreditLasts(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		mine := onCredit(routing.RoleCaller, "acc_a", 1, routing.Terms{Price: 10, Added: 35})
		want := func(l int, v routing.Verdict, perMinute uint64) {
			t.Helper()
			a := admit(t, s, lease(l), mine, claim(routing.RoleCallee, "acc_b", nil))
			if a.Verdict != v || a.PerMinute != perMinute || a.Claim != 0 {
				t.Fatalf("lease %d: %+v", l, a)
			}
		}
		want(1, routing.Admitted, 0) // on the free line
		want(2, routing.Admitted, 1)
		want(2, routing.Duplicate, 0)
		age(t, b, s, "acc_a", lease(2), 30*time.Second)
		want(3, routing.Admitted, 1)
		age(t, b, s, "acc_a", lease(3), 30*time.Second)
		want(4, routing.Unpaid, 0) // 35 less two minutes of two calls is no minute more
		if in, out := lines(t, s, "acc_a"); in != 0 || out != 3 {
			t.Fatalf("%d in, %d out", in, out)
		}
		if got := spending(t, s, "acc_a"); got != (routing.Spending{Running: 40}) {
			t.Fatalf("%+v", got)
		}
		// Never answered: it costs nothing. Answered and up for 75 seconds: two minutes.
		release(t, s, lease(3))
		confirm(t, s, lease(2), 0)
		age(t, b, s, "acc_a", lease(2), 75*time.Second)
		if got := spending(t, s, "acc_a"); got != (routing.Spending{Running: 30}) {
			t.Fatalf("%+v", got)
		}
		want(4, routing.Unpaid, 0)
		release(t, s, lease(2))
		release(t, s, lease(2))
		if got := spending(t, s, "acc_a"); got != (routing.Spending{Spent: 20}) {
			t.Fatalf("%+v", got)
		}
		mine.Terms.Added = 31 // the same credit leaves room for a minute now
		want(5, routing.Admitted, 1)
		// A free line is taken before credit.
		release(t, s, lease(1))
		release(t, s, lease(5))
		want(6, routing.Admitted, 0)
		// Bypass: below zero, to the floor.
		mine.Terms.Added, mine.Terms.Floor = 0, -40
		want(7, routing.Admitted, 1)
		want(8, routing.Unpaid, 0)
		release(t, s, lease(7))
		// Another node releases what it never saw, and an administrator ends a call.
		mine.Terms.Added = 1000
		want(9, routing.Admitted, 1)
		confirm(t, s, lease(9), 0)
		release(t, b.open(t), lease(9))
		want(10, routing.Admitted, 1)
		confirm(t, s, lease(10), 0)
		if err := s.EndCall(t.Context(), lease(10)); err != nil {
			t.Fatal(err)
		}
		release(t, s, lease(10))
		if got := spending(t, s, "acc_a"); got != (routing.Spending{Spent: 40}) {
			t.Fatalf("%+v", got)
		}
		if left := b.client.ZCard(t.Context(), s.keys.metered(meter{account: "acc_a"})).Val(); left != 0 {
			t.Fatalf("%d leases are still paid for", left)
		}
	})
}

// max_outbound_calls holds whatever the credit, a claim without terms stays busy,
// and several accounts pay each for itself.
func TestLI9EachByItsOwnMeans(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		capped := onCredit(routing.RoleCaller, "acc_a", 0, routing.Terms{Price: 1, Added: 100})
		capped.Limits.MaxOutbound = 1
		if a := admit(t, s, lease(1), capped); a.Verdict != routing.Admitted {
			t.Fatalf("%+v", a)
		}
		if a := admit(t, s, lease(2), capped); a.Verdict != routing.Busy || a.Claim != 0 {
			t.Fatalf("over max_outbound_calls: %+v", a)
		}
		caller := onCredit(routing.RoleCaller, "acc_c", 0, routing.Terms{Price: 2, Added: 100})
		parent := onCredit(routing.RoleCallerParent, "acc_p", 0, routing.Terms{Price: 5, Added: 6})
		full := claim(routing.RoleCallee, "acc_d", limitsOf("acc_d", 1, 0, 0, 0, 0))
		if a := admit(t, s, lease(3), caller, full, parent); a.Verdict != routing.Busy || a.Claim != 1 {
			t.Fatalf("a callee without lines: %+v", a)
		}
		free := claim(routing.RoleCallee, "acc_e", nil)
		if a := admit(t, s, lease(4), caller, free, parent); a.Verdict != routing.Admitted || a.PerMinute != 0b101 {
			t.Fatalf("%+v", a)
		}
		if a := admit(t, s, lease(5), caller, free, parent); a.Verdict != routing.Unpaid || a.Claim != 2 {
			t.Fatalf("a parent without credit: %+v", a)
		}
		confirm(t, s, lease(4), 0)
		release(t, s, lease(4))
		if c, p := spending(t, s, "acc_c"), spending(t, s, "acc_p"); c.Spent != 2 || p.Spent != 5 || c.Running+p.Running != 0 {
			t.Fatalf("caller %+v, parent %+v", c, p)
		}
		// A call inside one account pays once.
		in := caller
		in.Role = routing.RoleCallee
		if a := admit(t, s, lease(6), caller, in); a.Verdict != routing.Admitted {
			t.Fatalf("%+v", a)
		}
		confirm(t, s, lease(6), 0)
		release(t, s, lease(6))
		if got := spending(t, s, "acc_c"); got != (routing.Spending{Spent: 4}) {
			t.Fatalf("%+v", got)
		}
	})
}

// TestLI9Model plays random calls of one account against a sum of their own: the
// verdicts, what was spent and the lines are those of the model at every step.
func TestLI9Model(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		for round := range 6 {
			r := rand.New(rand.NewPCG(uint64(round), 9))
			m := &creditModel{owner: fmt.Sprint("acc_", round), lines: r.IntN(3), price: int64(r.IntN(4)), added: int64(r.IntN(40)), calls: map[int]*paidCall{}}
			if r.IntN(2) == 0 {
				m.floor = -int64(r.IntN(20))
			}
			for step := range 120 {
				m.step(t, b, s, r, round*1000+step)
			}
			for id := range m.calls {
				m.end(t, s, id)
			}
			m.check(t, s)
		}
	})
}

type paidCall struct {
	paid, up bool
	minutes  int64
}

type creditModel struct {
	owner               string
	lines               int
	price, added, floor int64
	spent               int64
	calls               map[int]*paidCall
}

func (m *creditModel) running() (n int64) {
	for _, c := range m.calls {
		if c.paid {
			n += m.price * (c.minutes + 1 + 1)
		}
	}
	return n
}

func (m *creditModel) step(t *testing.T, b *backend, s *Store, r *rand.Rand, id int) {
	ids := make([]int, 0, len(m.calls))
	for c := range m.calls {
		ids = append(ids, c)
	}
	switch pick := r.IntN(10); {
	case pick < 4 || len(ids) == 0:
		want, paid := routing.Admitted, len(m.calls) >= m.lines
		if paid && m.price > 0 && m.added-m.spent-m.running()-m.price <= m.floor {
			want = routing.Unpaid
		}
		a := admit(t, s, lease(id), onCredit(routing.RoleCaller, m.owner, int64(m.lines), routing.Terms{Price: m.price, Added: m.added, Floor: m.floor}))
		if a.Verdict != want || want == routing.Admitted && (a.PerMinute != 0) != paid {
			t.Fatalf("call %d: %+v, want verdict %d, paid %t: %+v", id, a, want, paid, m)
		}
		if want == routing.Admitted {
			m.calls[id] = &paidCall{paid: paid}
			// Half a minute old, so that the test's own time does not count.
			age(t, b, s, m.owner, lease(id), 30*time.Second)
		}
	case pick < 6:
		c := m.calls[ids[r.IntN(len(ids))]]
		for id, at := range m.calls {
			if at == c && !c.up && c.minutes == 0 {
				confirm(t, s, lease(id), 0)
				age(t, b, s, m.owner, lease(id), 10*time.Second)
				c.up = true
			}
		}
	case pick < 8:
		id := ids[r.IntN(len(ids))]
		age(t, b, s, m.owner, lease(id), time.Minute)
		m.calls[id].minutes++
	default:
		m.end(t, s, ids[r.IntN(len(ids))])
	}
	m.check(t, s)
}

func (m *creditModel) end(t *testing.T, s *Store, id int) {
	release(t, s, lease(id))
	if c := m.calls[id]; c.paid && c.up {
		m.spent += m.price * (c.minutes + 1)
	}
	delete(m.calls, id)
}

func (m *creditModel) check(t *testing.T, s *Store) {
	t.Helper()
	if _, out := lines(t, s, m.owner); out != len(m.calls) {
		t.Fatalf("%d lines of %d calls", out, len(m.calls))
	}
	if got := spending(t, s, m.owner); got != (routing.Spending{Spent: m.spent, Running: m.running()}) {
		t.Fatalf("%+v, want %d and %d of %+v", got, m.spent, m.running(), m)
	}
}
