package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

type object = map[string]any

// estate is a tree of many accounts with ten numbers each, and one account with
// many of everything that there are lists of.
type estate struct {
	*work
	// named says what stands for the parameters of the lists' paths.
	named map[string]string
	made  atomic.Int64
}

// pages measures every list and every kind of write at two sizes.
func pages(ctx context.Context, w *work, small, large int) error {
	e := &estate{work: w, named: map[string]string{}}
	writes := map[string][]string{}
	for _, size := range []int{small, large} {
		if err := e.grow(ctx, size); err != nil {
			return err
		}
		if size == small {
			if err := e.fill(ctx, 1000); err != nil {
				return err
			}
		}
		if err := e.writes(ctx, 200, writes); err != nil {
			return err
		}
	}
	fmt.Printf("| write, ms: median, p99 | at %d accounts | at %d |\n|---|---|---|\n", small, large)
	for _, name := range slices.Sorted(maps.Keys(writes)) {
		fmt.Printf("| %s | %s |\n", name, strings.Join(writes[name], " | "))
	}
	return e.lists(ctx)
}

// post creates something and returns its path and the answer.
func (e *estate) post(ctx context.Context, path string, body any) (string, object, error) {
	answer, err := e.api.Do(ctx, "POST", path, "", body)
	if err != nil {
		return "", nil, err
	}
	out := object{}
	if err := json.Unmarshal(answer.Body, &out); err != nil {
		return "", nil, err
	}
	id, _ := out["id"].(string)
	return path + "/" + id, out, nil
}

// grow creates accounts, each with a trunk and ten numbers, in one request each.
func (e *estate) grow(ctx context.Context, size int) error {
	began, from := time.Now(), len(e.ids)
	ids := make([]string, size-from)
	_, err := e.parallel(size-from, func(i int) error {
		n := from + i
		source := netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}).String()
		numbers := make([]object, 10)
		for d := range numbers {
			numbers[d] = object{"number": fmt.Sprint(2000 + d), "trunk": "PBX"}
		}
		_, out, err := e.post(ctx, "/v1/accounts", object{"name": fmt.Sprintf("Account %06d", n*7919%1_000_003), "configuration": object{
			"trunks":  []object{{"name": "PBX", "addresses": []string{source + ":5060"}, "source_addresses": []string{source}}},
			"numbers": numbers,
		}})
		ids[i], _ = out["id"].(string)
		return err
	})
	e.ids = append(e.ids, ids...)
	fmt.Printf("%d accounts with ten numbers each after %s\n\n", size, time.Since(began).Round(time.Second))
	return err
}

// fill gives one account, and the platform, n of everything that is listed.
func (e *estate) fill(ctx context.Context, n int) error {
	big, _, err := e.post(ctx, "/v1/accounts", object{"name": "Big", "reseller": true})
	if err != nil {
		return err
	}
	trunk, _, err := e.post(ctx, big+"/trunks", object{"name": "PBX", "addresses": []string{"172.16.0.1:5060"}, "source_addresses": []string{"172.16.0.1"}})
	if err != nil {
		return err
	}
	ring, federation, err := e.post(ctx, "/v1/federations", object{"name": "Ring", "owner": filepath.Base(big)})
	if err != nil {
		return err
	}
	hook, _, err := e.post(ctx, big+"/webhooks", object{"url": "https://192.0.66.2/hook", "enabled": false})
	if err != nil {
		return err
	}
	e.named = map[string]string{"{account}": filepath.Base(big), "{federation}": filepath.Base(ring), "{webhook}": filepath.Base(hook)}
	_, err = e.parallel(n, func(i int) error {
		at := netip.AddrFrom4([4]byte{172, 17, byte(i >> 8), byte(i)}).String()
		for path, body := range map[string]object{
			big + "/numbers":        {"number": fmt.Sprintf("%07d", i), "trunk": filepath.Base(trunk)},
			big + "/trunks":         {"name": fmt.Sprint("PBX ", i), "addresses": []string{at + ":5060"}, "source_addresses": []string{at}},
			big + "/interlinks":     {"name": fmt.Sprint("Link ", i)},
			big + "/tokens":         {"name": fmt.Sprint("Token ", i)},
			big + "/credit/entries": {"amount": 1, "currency": "EUR"},
			big + "/licences":       {"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2099-01-01T00:00:00Z", "free_minutes": i, "addon_minutes": 1},
			"/v1/tokens":            {"name": fmt.Sprint("Token ", i)},
			"/v1/providers":         {"name": fmt.Sprint("Carrier ", i)},
			"/v1/plans":             {"name": fmt.Sprint("Plan ", i), "currency": "EUR"},
			"/v1/federations":       {"name": fmt.Sprint("Ring ", i), "owner": e.ids[i]},
		} {
			if _, _, err := e.post(ctx, path, body); err != nil {
				return err
			}
		}
		// One half are members, the other has asked.
		_, request, err := e.post(ctx, "/v1/accounts/"+e.ids[i]+"/federation/join", object{"access_code": federation["access_code"]})
		if err != nil || i%2 == 1 {
			return err
		}
		_, _, err = e.post(ctx, ring+"/join-requests/"+request["id"].(string)+"/accept", nil)
		return err
	})
	if err != nil {
		return err
	}
	_, err = e.parallel(n/10, func(i int) error {
		for _, path := range []string{big + "/users", "/v1/users"} {
			_, _, err := e.post(ctx, path, object{"email": fmt.Sprintf("user%d@%d.example", i, len(path)), "first_name": "P", "last_name": "B", "role": "admin"})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// times are how long requests took.
type times []time.Duration

func (t times) at(q float64) float64 {
	slices.Sort(t)
	return float64(t[min(len(t)-1, int(q*float64(len(t))))].Microseconds()) / 1000
}

// writes measures each kind of write, one at a time, somewhere among the accounts.
func (e *estate) writes(ctx context.Context, n int, into map[string][]string) error {
	var account, number, trunk, link string
	kinds := []struct {
		name string
		do   func(i int) error
	}{
		{"create an account", func(int) (err error) {
			account, _, err = e.post(ctx, "/v1/accounts", object{"name": "Fresh"})
			return err
		}},
		{"create a trunk", func(i int) (err error) {
			at := netip.AddrFrom4([4]byte{172, 20 + byte(len(into["create a trunk"])), byte(i >> 8), byte(i)}).String()
			trunk, _, err = e.post(ctx, account+"/trunks", object{"name": "PBX", "addresses": []string{at + ":5060"}, "source_addresses": []string{at}})
			return err
		}},
		{"create a number", func(int) (err error) {
			number, _, err = e.post(ctx, account+"/numbers", object{"number": fmt.Sprint(e.made.Add(1)), "trunk": filepath.Base(trunk)})
			return err
		}},
		{"change a number", func(int) error {
			_, err := e.api.Do(ctx, "PATCH", number, "*", object{"private": true})
			return err
		}},
		{"generate a key", func(int) error {
			_, out, err := e.post(ctx, account+"/interlinks", object{"name": "N"})
			link, _ = out["authorization_key"].(string)
			return err
		}},
		{"redeem a key", func(i int) error {
			_, _, err := e.post(ctx, "/v1/accounts/"+e.ids[(i*7919+13)%len(e.ids)]+"/interlinks/redeem", object{"name": "N", "authorization_key": link})
			return err
		}},
		{"set limits", func(int) error {
			_, err := e.api.Do(ctx, "PUT", account+"/limits", "*", object{"inbound_trunks": 1, "outbound_trunks": 1, "twoway_trunks": 1, "burst_trunks": 1})
			return err
		}},
		{"add credit", func(int) error {
			_, _, err := e.post(ctx, account+"/credit/entries", object{"amount": 1, "currency": "EUR"})
			return err
		}},
		{"make a token", func(int) error {
			_, _, err := e.post(ctx, account+"/tokens", object{"name": "T"})
			return err
		}},
		{"save settings", func(int) error {
			_, err := e.api.Do(ctx, "PUT", account+"/settings", "*", object{"call_log_sync": false})
			return err
		}},
		{"delete the account", func(int) error {
			_, err := e.api.Do(ctx, "DELETE", account, "*", nil)
			return err
		}},
	}
	took := map[string]times{}
	for i := range n {
		for _, k := range kinds {
			began := time.Now()
			if err := k.do(i); err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
			took[k.name] = append(took[k.name], time.Since(began))
		}
	}
	for name, t := range took {
		into[name] = append(into[name], fmt.Sprintf("%.1f, %.1f", t.at(0.5), t.at(0.99)))
	}
	return nil
}

// lists walks through every list the served document has, to its end or for 400
// pages of 50, and once more in each order and with each filter of accounts.
func (e *estate) lists(ctx context.Context) error {
	answer, err := e.api.Do(ctx, "GET", "/openapi.json", "", nil)
	if err != nil {
		return err
	}
	var doc struct {
		Paths map[string]map[string]struct{ Parameters []struct{ Name string } }
	}
	if err := json.Unmarshal(answer.Body, &doc); err != nil {
		return err
	}
	var paths []string
	for path, item := range doc.Paths {
		op, ok := item["get"]
		if ok && slices.ContainsFunc(op.Parameters, func(p struct{ Name string }) bool { return p.Name == "cursor" }) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	for _, query := range []string{
		"sort=name", "sort=-name", "sort=-last_call", "sort=last_call,name", "sort=last_login", "sort=-last_login", "sort=-created_at", "sort=status,name", "sort=-provider",
		"status=active", "status=inactive", "q=Account%200012", "q=Account%200012&sort=-name", "q=99", "q=99&sort=name",
	} {
		paths = append(paths, "/v1/accounts?"+query)
	}
	fmt.Printf("\n| list, pages of 50 | pages | ms: median | p99 | most |\n|---|---|---|---|---|\n")
	for _, path := range paths {
		if err := e.walk(ctx, path); err != nil {
			fmt.Printf("| %s | %v |\n", path, err)
		}
	}
	return ctx.Err()
}

// walk follows a list's cursors. A short list is asked for again and again.
func (e *estate) walk(ctx context.Context, path string) error {
	filled := path
	for parameter, id := range e.named {
		filled = strings.ReplaceAll(filled, parameter, id)
	}
	joint := "?"
	if strings.Contains(filled, "?") {
		joint = "&"
	}
	var took times
	count := 0
	for next := ""; len(took) < 400; {
		began := time.Now()
		answer, err := e.api.Do(ctx, "GET", filled+joint+"limit=50"+next, "", nil)
		if err != nil {
			return err
		}
		took = append(took, time.Since(began))
		var page struct{ Next *string }
		if err := json.Unmarshal(answer.Body, &page); err != nil {
			return err
		}
		if next = ""; page.Next != nil {
			next = "&cursor=" + url.QueryEscape(*page.Next)
		}
		if count = max(count, len(took)); next == "" && len(took) >= 200 {
			break
		}
	}
	fmt.Printf("| %s | %d | %.1f | %.1f | %.1f |\n", path, count, took.at(0.5), took.at(0.99), took.at(1))
	return nil
}
