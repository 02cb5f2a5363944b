package store

import (
	"context"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/routing"
)

// TestALinkKeepsItsConnection until that fails or was silent for a while.
func TestALinkKeepsItsConnection(t *testing.T) {
	b := realBackend(t)
	k := newLink(b.client)
	id := func() (int64, error) {
		cmd := k.Do(t.Context(), "client", "id")
		_, err := k.Exec(t.Context())
		n, _ := cmd.Val().(int64)
		return n, err
	}
	// A break of the machine's own would be a silence.
	same := func() (n int64) {
		t.Helper()
		eventually(t, "two batches take one connection", func() bool {
			one, err := id()
			two, err2 := id()
			n = two
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			return one == two
		})
		return n
	}
	kill := func(id int64) {
		t.Helper()
		if err := b.client.ClientKillByFilter(t.Context(), "ID", strconv.FormatInt(id, 10)).Err(); err != nil {
			t.Fatal(err)
		}
	}
	first := same()
	kill(first)
	if n, err := id(); err == nil && n == first {
		t.Fatal("a connection that was killed answers")
	}
	second := same()
	if second == first {
		t.Fatal("a connection that failed is used again")
	}
	kill(second)
	k.used = time.Now().Add(-time.Minute)
	if n, err := id(); err != nil || n == second {
		t.Fatalf("after a silence in which the connection went away: %d, %v", n, err)
	}
}

// TestKilledConnectionsLoseNothing: the ledger's connection is killed again and
// again under load. Every admission is answered, and what Redis holds in the end
// is what the answers say.
func TestKilledConnectionsLoseNothing(t *testing.T) {
	b := realBackend(t)
	s := b.open(t)
	limits := limitsOf("acc_a", 1, 1000, 1000, 0, 0)
	answers := newSink()
	admitted := map[routing.LeaseID]bool{}
	for n := range 60 {
		if n%3 == 1 {
			if err := b.client.ClientKillByFilter(t.Context(), "TYPE", "normal", "SKIPME", "yes").Err(); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 10 {
			s.Admit(admission(lease(10*n+i), claim(routing.RoleCaller, "acc_a", limits), claim(routing.RoleCallee, "acc_b", nil)), answers)
		}
		s.Flush()
		for range 10 {
			switch a := answers.next(t); a.Verdict {
			case routing.Admitted:
				admitted[a.Lease] = true
			case routing.Failed:
			default:
				t.Fatalf("%+v", a)
			}
		}
		for i := range 10 {
			l := lease(10*n + i)
			switch {
			case !admitted[l]:
			case i%2 == 0:
				s.Confirm(l, 0, newSink())
			default:
				s.Release(l)
				delete(admitted, l)
			}
		}
	}
	if len(admitted) == 0 {
		t.Fatal("nothing was admitted")
	}
	eventually(t, "Redis holds what was admitted and not released, all of it confirmed", func() bool {
		s.Flush()
		calls, err := s.LiveCalls(t.Context(), "acc_a", 1000)
		if err != nil || len(calls) != len(admitted) {
			return false
		}
		for _, c := range calls {
			if !admitted[c.Lease] || !c.Confirmed {
				return false
			}
		}
		in, _ := lines(t, s, "acc_b")
		return in == len(admitted)
	})
}

// TestABudgetEnds: those who wait for its end are told, those who ask learn of it,
// and it can be used again.
func TestABudgetEnds(t *testing.T) {
	var b budget
	ctx := b.begin(time.Now().Add(time.Hour))
	if at, ok := ctx.Deadline(); !ok || time.Until(at) < time.Minute || ctx.Err() != nil {
		t.Fatal(at, ok, ctx.Err())
	}
	done := ctx.Done()
	b.end()
	<-done // nobody is left waiting
	ctx = b.begin(time.Now().Add(-time.Second))
	if err := ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	<-ctx.Done()
	if err := ctx.Err(); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	b.end()
	ctx = b.begin(time.Now().Add(time.Millisecond))
	<-ctx.Done()
	b.end()
}

// TestABudgetBoundsConnecting: a server that takes no connections costs no more
// than the budget, although the driver would wait longer.
func TestABudgetBoundsConnecting(t *testing.T) {
	enough := make(chan struct{})
	c := redis.NewClient(&redis.Options{
		MaxRetries: -1, ContextTimeoutEnabled: true, DialerRetries: 1, DialTimeout: time.Hour,
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			<-enough
			return nil, errors.New("nobody home")
		},
	})
	defer c.Close()
	k := newLink(c)
	var b budget
	k.Ping(t.Context())
	_, err := k.Exec(b.begin(time.Now().Add(20 * time.Millisecond)))
	b.end()
	close(enough)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v", err)
	}
}
