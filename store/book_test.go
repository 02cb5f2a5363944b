package store

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// abandon has the deadlines of a lease in the account's sets go by, all else about
// the call staying as it is: nobody renewed it.
func abandon(t testing.TB, b *backend, s *Store, owner string, l routing.LeaseID) {
	t.Helper()
	by := s.cfg.ConfirmedTTL + 2*callOutlives*time.Millisecond
	age(t, b, s, owner, l, by)
	id := directory.AccountID(owner)
	earlier := func(key, member string) {
		if at, err := b.client.ZScore(t.Context(), key, member).Result(); err == nil {
			b.client.ZAdd(t.Context(), key, redis.Z{Score: at - float64(by.Milliseconds()), Member: member})
		}
	}
	for _, key := range []string{s.keys.inbound(id), s.keys.outbound(id), s.keys.metered(meter{account: id}), s.keys.metered(meter{id, true})} {
		earlier(key, leaseText(l))
	}
	earlier(s.keys.meters(), owner)
}

// licence gives an account minutes that hold for a day.
func licence(owner, id string, minutes int64) directory.Change {
	return directory.Create(&directory.Licence{ID: directory.LicenceID(id), Account: directory.AccountID(owner), ValidFrom: time.Now().Add(-time.Hour), ValidUntil: time.Now().Add(24 * time.Hour), FreeMinutes: minutes})
}

func talked(t fataler, s *Store, owner string) (sum int64) {
	t.Helper()
	used, err := s.Talked(t.Context(), directory.AccountID(owner))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range used {
		sum += n
	}
	return sum
}

// LI9, SU5: a call whose node is gone and that nobody gives back is booked once,
// up to when its lease was last renewed; one never answered costs nothing.
func TestLI9WhatNobodyGivesBackIsBookedOnce(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		gone, s := b.open(t), b.open(t)
		apply(t, gone, directory.Create(account("acc_a")), licence("acc_a", "lic_1", 50))
		eventually(t, "the licence is known", func() bool { return len(s.View().LicencesAt("acc_a", time.Now())) == 1 })
		mine := onCredit(routing.RoleCaller, "acc_a", 0, routing.Terms{Price: 10, Added: 1000})
		mine.Licensed = true
		for n := 1; n <= 4; n++ {
			if a := admit(t, gone, lease(n), mine); a.Verdict != routing.Admitted || a.PerMinute != 1 {
				t.Fatalf("%+v", a)
			}
		}
		for n := 1; n <= 3; n++ {
			confirm(t, gone, lease(n), 0)
			age(t, b, s, "acc_a", lease(n), 90*time.Second)
		}
		due := func() bool { return b.client.ZScore(t.Context(), s.keys.meters(), "acc_a").Val() > 0 }
		if err := s.sweepDue(t.Context()); err != nil || !due() || spending(t, s, "acc_a").Spent != 0 {
			t.Fatal("calls that run are booked, or not looked at again", err)
		}
		abandon(t, b, s, "acc_a", lease(1)) // up for a minute and a half
		abandon(t, b, s, "acc_a", lease(2))
		abandon(t, b, s, "acc_a", lease(4)) // never answered
		// A call whose node is gone may yet be given back, by another node.
		release(t, s, lease(3))
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for _, node := range []*Store{s, gone} {
					if err := node.sweepDue(t.Context()); err != nil {
						t.Error(err)
					}
					if _, err := node.Spending(t.Context(), "acc_a"); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		for n := 1; n <= 4; n++ { // too late
			release(t, s, lease(n))
			release(t, gone, lease(n))
		}
		if got := spending(t, s, "acc_a"); got != (routing.Spending{Spent: 60}) {
			t.Fatalf("%+v", got)
		}
		if n := talked(t, s, "acc_a"); n != 6 {
			t.Fatalf("%d minutes", n)
		}
		for _, m := range []meter{{account: "acc_a"}, {"acc_a", true}} {
			if n, left := b.client.ZCard(t.Context(), s.keys.metered(m)).Val(), b.client.HGetAll(t.Context(), s.keys.tally(m)).Val(); n != 0 || len(left) != 1 {
				t.Errorf("%d leases and %v are left", n, left)
			}
		}
		if due() {
			t.Error("the account is still looked at")
		}
	})
}

// A call that asks books what nobody gave back, and its credit counts.
func TestLI9AnAdmissionBooksWhatIsLost(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		mine := onCredit(routing.RoleCaller, "acc_a", 0, routing.Terms{Price: 10, Added: 25})
		admit(t, s, lease(1), mine)
		confirm(t, s, lease(1), time.Minute) // with a session timer
		age(t, b, s, "acc_a", lease(1), 61*time.Second)
		abandon(t, b, s, "acc_a", lease(1))
		if a := admit(t, s, lease(2), mine); a.Verdict != routing.Unpaid {
			t.Fatalf("%+v", a) // 25 less two minutes
		}
		mine.Terms.Added = 31
		if a := admit(t, s, lease(2), mine); a.Verdict != routing.Admitted {
			t.Fatalf("%+v", a)
		}
	})
}

// LI1: the ledger tells who took a burst line, whether or not others pay.
func TestLI1BurstLinesAreTold(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		narrow := func(role routing.Role, owner string) routing.Claim {
			return claim(role, owner, limitsOf(owner, 1, 1, 1, 1, 1)) // one of each
		}
		want := func(l int, burst uint64, claims ...routing.Claim) {
			t.Helper()
			if a := admit(t, s, lease(l), claims...); a.Verdict != routing.Admitted || a.Burst != burst {
				t.Fatalf("lease %d: %+v, want %b", l, a, burst)
			}
		}
		a, c := narrow(routing.RoleCaller, "acc_a"), narrow(routing.RoleCallee, "acc_c")
		a.Limits.MaxOutbound = -1
		want(1, 0, a, claim(routing.RoleCallee, "acc_b", nil))
		want(2, 0, a, claim(routing.RoleCallee, "acc_b", nil)) // two-way
		want(3, 1, a, claim(routing.RoleCallee, "acc_b", nil))
		want(4, 0, claim(routing.RoleCaller, "acc_b", nil), c)
		want(5, 0, claim(routing.RoleCaller, "acc_b", nil), c)
		want(6, 2, claim(routing.RoleCaller, "acc_b", nil), c)
		if got := admit(t, s, lease(7), a); got.Verdict != routing.Busy || got.Burst != 0 {
			t.Fatalf("%+v", got)
		}
		release(t, s, lease(3))
		release(t, s, lease(6))
		want(8, 3, a, c)
		release(t, s, lease(8))
		// Where another account pays the ledger is asked in another way.
		pays := onCredit(routing.RoleCalleeParent, "acc_p", 0, routing.Terms{Price: 1, Added: 10})
		pays.Limits = limitsOf("acc_p", 1, 0, 0, 0, 0)
		want(9, 3, a, c, pays)
	})
}

// SU5: minutes of calls that run are set aside, each call looked a minute ahead.
func TestSU5MinutesOfCallsThatRunAreSetAside(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		apply(t, s, directory.Create(account("acc_a")), licence("acc_a", "lic_1", 5))
		mine := claim(routing.RoleCaller, "acc_a", nil)
		mine.Licensed = true
		want := func(l int, v routing.Verdict) {
			t.Helper()
			if a := admit(t, s, lease(l), mine); a.Verdict != v {
				t.Fatalf("lease %d: %+v", l, a)
			}
			if v == routing.Admitted {
				confirm(t, s, lease(l), 0)
				age(t, b, s, "acc_a", lease(l), 30*time.Second)
			}
		}
		want(1, routing.Admitted)
		want(2, routing.Admitted)
		if got := spending(t, s, "acc_a"); got != (routing.Spending{Minutes: 4}) {
			t.Fatalf("%+v", got)
		}
		want(3, routing.Admitted) // the fifth minute
		want(4, routing.Exhausted)
		release(t, s, lease(1))
		want(4, routing.Exhausted) // one used, four set aside
		release(t, s, lease(2))
		want(4, routing.Admitted)
		release(t, s, lease(3))
		release(t, s, lease(4))
		if n := talked(t, s, "acc_a"); n != 4 {
			t.Fatalf("%d minutes", n)
		}
	})
}

// TestSU5Model plays random calls: one is admitted exactly where the minutes left,
// less those set aside, last for one more. So calls no longer than what was looked
// ahead never use more than there is, and each longer one overruns by no more than
// what it talked beyond that.
func TestSU5Model(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		for round := range 5 {
			r := rand.New(rand.NewPCG(uint64(round), 5))
			owner, minutes := fmt.Sprint("acc_", round), int64(r.IntN(20))
			longest := int64(r.IntN(4)) // whole minutes a call may grow older
			apply(t, s, directory.Create(account(owner)), licence(owner, "lic_"+owner, minutes))
			mine := claim(routing.RoleCaller, owner, nil)
			mine.Licensed = true
			calls, used, beyond := map[int]int64{}, int64(0), int64(0)
			aside := func() (n int64) {
				for _, old := range calls {
					n += old + 2
				}
				return n
			}
			for step := range 100 {
				id, pick := round*1000+step, -1
				for c := range calls {
					pick = c
				}
				switch kind := r.IntN(10); {
				case kind < 5 || pick < 0:
					want := routing.Exhausted
					if minutes-used-aside() > 0 {
						want = routing.Admitted
						calls[id] = 0
					}
					if a := admit(t, s, lease(id), mine); a.Verdict != want {
						t.Fatalf("%+v, want %d: %d minutes, %d used, %v", a, want, minutes, used, calls)
					}
					if want == routing.Admitted {
						confirm(t, s, lease(id), 0)
						age(t, b, s, owner, lease(id), 30*time.Second)
					}
				case kind < 7 && calls[pick] < longest:
					age(t, b, s, owner, lease(pick), time.Minute)
					calls[pick]++
				default:
					if kind == 9 {
						abandon(t, b, s, owner, lease(pick))
						spending(t, s, owner)
					}
					release(t, s, lease(pick))
					used += calls[pick] + 1
					beyond += calls[pick]
					delete(calls, pick)
				}
				if got := talked(t, s, owner); got != used {
					t.Fatalf("%d minutes used, want %d", got, used)
				}
				if got := spending(t, s, owner); got != (routing.Spending{Minutes: aside()}) {
					t.Fatalf("%+v, want %d set aside", got, aside())
				}
				if used > minutes+beyond {
					t.Fatalf("%d of %d minutes used; calls talked %d beyond their first", used, minutes, beyond)
				}
			}
			for id := range calls {
				release(t, s, lease(id))
			}
		}
	})
}

// termless are what the scripts of a call without terms may send to Redis: an
// INVITE with limits of three accounts, its answer and its end.
var termless = map[string]int64{
	"exists": 1, "time": 2, "hget": 3, "hset": 0, "zcard": 3, "zadd": 6, "zrem": 3, "zscore": 0, "zremrangebyscore": 0,
	"sadd": 1, "srem": 1, "mget": 1, "set": 2, "setrange": 1, "pexpireat": 1, "get": 0, "hgetall": 0, "hincrby": 0, "hdel": 0, "del": 0,
}

// TestCallsWithoutTermsSendNoMore counts what Redis is asked for a call that has
// nothing to do with credit or licences.
func TestCallsWithoutTermsSendNoMore(t *testing.T) {
	r := startRedis(t)
	b := (&backend{url: r.url}).dial(t)
	s := b.open(t)
	claims := []routing.Claim{
		claim(routing.RoleCaller, "acc_a", limitsOf("acc_a", 1, 2, 2, 2, 2)), claim(routing.RoleCallee, "acc_b", limitsOf("acc_b", 1, 2, 2, 2, 2)),
		claim(routing.RoleCallerParent, "acc_p", limitsOf("acc_p", 1, 5, 5, 5, 5)),
	}
	admit(t, s, lease(0), claims...) // Redis knows the limits and scripts
	release(t, s, lease(0))
	count := func() map[string]int64 {
		out := map[string]int64{}
		for line := range strings.Lines(b.client.Info(t.Context(), "commandstats").Val()) {
			name, rest, _ := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
			n, _, _ := strings.Cut(rest, ",")
			out[name], _ = strconv.ParseInt(n, 10, 64)
		}
		return out
	}
	const calls = 20
	before := count()
	for n := 1; n <= calls; n++ {
		if a := admit(t, s, lease(n), claims...); a.Verdict != routing.Admitted {
			t.Fatalf("%+v", a)
		}
		if v := confirm(t, s, lease(n), 0); v != routing.Done {
			t.Fatalf("verdict %d", v)
		}
		s.Release(lease(n))
	}
	barrier(t, s)
	after := count()
	for name, want := range termless {
		// What waiting for the last release takes is less than one a call.
		if n := after[name] - before[name]; n/calls != want {
			t.Errorf("%s: %d for %d calls, want %d each", name, n, calls, want)
		}
	}
}

// LI9: a lease that its owner finds lost is still there to be booked.
func TestLI9ALostLeaseIsBooked(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t, func(c *Config) { c.EarlyTTL, c.ConfirmedTTL = time.Hour, 400*time.Millisecond })
		mine := onCredit(routing.RoleCaller, "acc_a", 0, routing.Terms{Price: 10, Added: 100})
		admit(t, s, lease(1), mine)
		confirm(t, s, lease(1), 0)
		paid := s.keys.metered(meter{account: "acc_a"})
		b.client.ZRem(t.Context(), s.keys.outbound("acc_a"), leaseText(lease(1)))
		eventually(t, "the lease is found to be lost", func() bool {
			return b.client.Exists(t.Context(), s.keys.call(lease(1))).Val() == 0
		})
		if b.client.ZScore(t.Context(), paid, leaseText(lease(1))).Val() == 0 {
			t.Fatal("its meter has forgotten it")
		}
		b.client.ZAdd(t.Context(), paid, redis.Z{Score: 1, Member: leaseText(lease(1))}) // long ago
		if got := spending(t, s, "acc_a"); got != (routing.Spending{Spent: 10}) {
			t.Fatalf("%+v", got)
		}
	})
}

// Where there is plenty a call is admitted without a look at every other, with the
// same outcome as with one.
func TestLI9PlentyAndScarcity(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		cheap := onCredit(routing.RoleCaller, "acc_a", 0, routing.Terms{Price: 1, Added: 10_000})
		dear := cheap
		dear.Terms.Price = 100
		for n := range 10 {
			c := cheap
			if n == 4 {
				c = dear
			}
			if a := admit(t, s, lease(n), c); a.Verdict != routing.Admitted {
				t.Fatalf("%+v", a)
			}
			age(t, b, s, "acc_a", lease(n), 30*time.Second)
		}
		// The bound is by the dearest call; the sum is by each.
		want := routing.Spending{Running: 9*2 + 200}
		if got := spending(t, s, "acc_a"); got != want {
			t.Fatalf("%+v", got)
		}
		last := cheap
		last.Terms.Added = want.Running + 1 // a minute more leaves nothing
		if a := admit(t, s, lease(100), last); a.Verdict != routing.Unpaid {
			t.Fatalf("%+v", a)
		}
		last.Terms.Added++
		if a := admit(t, s, lease(100), last); a.Verdict != routing.Admitted {
			t.Fatalf("%+v", a)
		}
	})
}
