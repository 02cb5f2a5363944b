package provision

import (
	"fmt"
	"strings"
	"testing"
)

// bounded makes one more of what a bound counts; n is another one each time.
type bounded func(p plot, n int) asked

// plot is an account with what is needed to make more.
type plot struct {
	*world
	account, trunk string
	ring           ring
}

// boundedWays has a way for every bound there is.
func boundedWays() map[string]bounded {
	into := func(path string, body func(n int) obj) bounded {
		return func(p plot, n int) asked { return post(p.account+path, body(n)) }
	}
	named := func(n int) obj { return obj{"name": fmt.Sprint("No. ", n)} }
	return map[string]bounded{
		"accounts": func(p plot, n int) asked {
			return post("/v1/accounts", obj{"name": fmt.Sprint("No. ", n), "parent": idIn(p.account)})
		},
		"trunks": into("/trunks", func(n int) obj {
			at := fmt.Sprintf("192.0.2.%d", n)
			return obj{"name": "PBX", "addresses": []string{at + ":5060"}, "source_addresses": []string{at}}
		}),
		"numbers": func(p plot, n int) asked {
			return post(p.account+"/numbers", obj{"number": fmt.Sprint(2000 + n), "trunk": p.trunk})
		},
		"pending_interlinks": into("/interlinks", named),
		"users": into("/users", func(n int) obj {
			return obj{"email": fmt.Sprintf("u%d@example.com", n), "first_name": "U", "last_name": "U", "role": "user"}
		}),
		"tokens":   into("/tokens", named),
		"webhooks": into("/webhooks", func(int) obj { return obj{"url": "https://192.0.66.2/hook"} }),
		"federations": func(p plot, n int) asked {
			return post("/v1/federations", obj{"name": fmt.Sprint("Ring ", n), "owner": idIn(p.account)})
		},
		"pending_join_requests": func(p plot, n int) asked {
			return post(p.world.account(fmt.Sprint("Asks ", n))+"/federation/join", obj{"access_code": p.ring.code})
		},
		"credit_entries": into("/credit/entries", func(n int) obj { return obj{"amount": n, "currency": "EUR"} }),
		"licences":       into("/licences", func(n int) obj { return licence("2099-12-31", n, 1) }),
	}
}

// No account fills the store by requests of its own: of everything it can make
// there is a bound, the refusal says which and how many, others are not concerned,
// and what goes leaves its place.
func TestBounds(t *testing.T) {
	ways := boundedWays()
	for _, b := range Bounds() {
		if b.kind == rememberedKind {
			continue // TestBoundOfRememberedAnswers
		}
		t.Run(b.Name, func(t *testing.T) {
			make := ways[b.Name]
			if make == nil {
				t.Fatal("the test has no way to make one")
			}
			const most = 3
			w := newWorld(t, func(c *Config) { c.Bounds = map[string]int{b.Name: most} })
			var plots []plot
			for i, name := range []string{"Brown", "Smith"} {
				p := plot{world: w, account: w.account(name)}
				if b.Name != "trunks" {
					p.trunk = w.trunk(p.account, fmt.Sprintf("198.51.100.%d", i+1))
				}
				if b.Name != "federations" {
					p.ring = w.federate(p.account)
				}
				plots = append(plots, p)
			}
			brown, smith := plots[0], plots[1]
			var made []*reply
			for n := range most {
				made = append(made, w.do(make(brown, n+1)).want(201))
			}
			refused := make(brown, most+1)
			w.do(refused).want(409, "bound_reached").is("bound.name", b.Name).is("bound.most", most)
			w.do(refused.rehearsed()).want(409, "bound_reached")
			w.do(make(smith, 50)).want(201)
			if b.Name == "credit_entries" || b.Name == "licences" {
				return // they are never taken back
			}
			w.do(del(made[1].header.Get("Location"))).want(204)
			w.do(refused).want(201)
			w.do(make(brown, most+2)).want(409, "bound_reached")
		})
	}
}

// What no longer counts makes room: a key that was redeemed, a request that was
// accepted. Sessions never count.
func TestBoundsCountWhatIsOpen(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Bounds = map[string]int{"pending_interlinks": 1, "pending_join_requests": 1, "tokens": 1}
	})
	brown, smith, andrews := w.account("Brown"), w.account("Smith"), w.account("Andrews")
	for _, peer := range []string{smith, andrews} {
		w.link(brown, peer)
	}
	w.do(post(brown+"/interlinks", obj{"name": "open"})).want(201)
	w.do(post(brown+"/interlinks", obj{"name": "one more"})).want(409, "bound_reached")
	w.federate(brown, smith, andrews) // each asks and is accepted
	for range 5 {
		w.admin(brown) // with a session
	}
	w.do(post(brown+"/tokens", obj{"name": "T"})).want(201)
	w.do(post(brown+"/tokens", obj{"name": "T"})).want(409, "bound_reached")
	w.do(post(brown+"/access", obj{"reason": "R"})).want(409, "bound_reached")
	w.admin(brown)
}

// A configuration that takes as many as it adds is none too many; one that adds
// is refused whole.
func TestBoundsOfAConfiguration(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Bounds = map[string]int{"numbers": 2} })
	brown := w.account("Brown")
	w.trunk(brown, "192.0.2.1")
	numbers := func(list ...string) asked {
		var entries []obj
		for _, n := range list {
			entries = append(entries, obj{"number": n, "trunk": "PBX"})
		}
		return put(brown+"/configuration", obj{"numbers": entries})
	}
	w.do(numbers("2001", "2002")).want(200)
	w.do(numbers("2003", "2004")).want(200)
	w.do(numbers("2003", "2004", "2005")).want(409, "bound_reached")
	if left := w.do(get(brown + "/numbers")).want(200).ids("number"); len(left) != 2 {
		t.Errorf("numbers %v", left)
	}
}

// Answers remembered for an Idempotency-Key are bounded for each account,
// whatever token asks; the platform's own are not.
func TestBoundOfRememberedAnswers(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Bounds = map[string]int{"idempotency_keys": 2} })
	brown, smith := w.account("Brown"), w.account("Smith")
	one, other := w.admin(brown), w.admin(brown)
	key := func(account, token, key string) asked {
		return post(account+"/interlinks", obj{"name": "x"}).as(token).with("Idempotency-Key", key)
	}
	first := w.do(key(brown, one, "1")).want(201)
	w.do(key(brown, other, "2")).want(201)
	w.do(key(brown, one, "3")).want(409, "bound_reached").is("bound.name", "idempotency_keys").is("bound.most", 2)
	if again := w.do(key(brown, one, "1")).want(201); again.text != first.text {
		t.Error("what was remembered is not told any more")
	}
	w.do(post(brown+"/interlinks", obj{"name": "without a key"}).as(one)).want(201)
	w.do(key(smith, w.admin(smith), "1")).want(201)
	for n := range 3 {
		w.do(key(brown, testToken, fmt.Sprint(n))).want(201)
	}
}

// A bound that is none, or of nothing, is refused at the start.
func TestBoundsAreChecked(t *testing.T) {
	for _, bad := range []map[string]int{{"trunks": 0}, {"numbers": -1}, {"nonsense": 5}} {
		if _, err := newBounds(bad); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	names := map[string]bool{}
	for _, b := range Bounds() {
		if names[b.Name] || b.Most < 1 || b.Text == "" || strings.ToLower(b.Name) != b.Name {
			t.Errorf("%+v", b)
		}
		names[b.Name] = true
	}
}
