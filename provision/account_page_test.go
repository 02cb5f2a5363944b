package provision

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// sortable is an account as the test knows it.
type sortable struct {
	account             *directory.Account
	provider            string // its name
	providerID          directory.ProviderID
	lastCall, lastLogin int64 // ms; 0 for never
}

// crowd is many accounts of which few differ: in every order many stand at one
// place.
type crowd struct {
	*world
	accounts []sortable
	// readers are tokens by what their principals see; nil sees all.
	readers map[string]*crowdReader
	names   []string // of readers
}

type crowdReader struct {
	token string
	sees  func(*directory.Account) bool
}

func newCrowd(t *testing.T) *crowd {
	c := &crowd{world: newWorld(t), readers: map[string]*crowdReader{}}
	r := rand.New(rand.NewPCG(7, 11))
	parents := map[directory.AccountID]directory.AccountID{}
	under := func(root string) func(*directory.Account) bool {
		return func(a *directory.Account) bool {
			for id := a.ID; id != ""; id = parents[id] {
				if id == idOf(root) {
					return true
				}
			}
			return false
		}
	}
	large, small := c.do(post("/v1/accounts", obj{"name": "Large", "reseller": true})).want(201), c.do(post("/v1/accounts", obj{"name": "small", "reseller": true})).want(201)
	c.readers["staff"] = &crowdReader{testToken, func(*directory.Account) bool { return true }}
	for name, made := range map[string]*reply{"large": large, "small": small} {
		path := "/v1/accounts/" + made.str("id")
		c.readers[name] = &crowdReader{c.admin(path), under(path)}
	}
	c.names = []string{"staff", "large", "small"}
	c.fill(r, directory.AccountID(large.str("id")), directory.AccountID(small.str("id")))
	c.store.view.Accounts("", func(a *directory.Account) bool {
		parents[a.ID] = a.Parent
		return true
	})
	return c
}

// fill makes more accounts below large than are looked up one by one, some of them
// two levels down, and a few below small.
func (c *crowd) fill(r *rand.Rand, large, small directory.AccountID) {
	pick := func(texts ...string) string { return texts[r.IntN(len(texts))] }
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	var deltas []directory.Delta
	put := func(o directory.Object) { deltas = append(deltas, directory.Delta{Ref: o.Ref(), After: o}) }
	providers := []*directory.Provider{{ID: "prv_1", Name: "Zeta", Version: 1}, {ID: "prv_2", Name: "alpha", Version: 1}, {ID: "prv_3", Name: "Ärger", Version: 1}}
	for _, p := range providers {
		put(p)
	}
	above := []directory.AccountID{large, large, large, large, large, large, large, large, large, large, large, large, small, ""}
	for i := range fewAccounts * 5 / 4 {
		id := directory.AccountID(fmt.Sprintf("acc_%026d", i*7919%1_000_003))
		a := &directory.Account{
			ID: id, Parent: above[i%len(above)], Name: pick("Brown", "brown", "BROWN ÄG", "brown äg", "Smith", "miller") + pick("", "", " "+fmt.Sprint(i)),
			Realm: fmt.Sprintf("r%d.crowd.invalid", i), TimeZone: "UTC", Enabled: r.IntN(2) == 0, Reseller: true, Version: 1, CreatedAt: at.Add(time.Duration(r.IntN(50)) * time.Hour),
		}
		put(a)
		if i%100 == 0 && a.Parent == large {
			above[1] = id
		}
		if n := r.IntN(2 * len(providers)); n < len(providers) {
			put(&directory.Connection{Account: id, Provider: providers[n].ID, Version: 1})
		}
		for n := range r.IntN(3) {
			u := &directory.User{ID: directory.UserID(fmt.Sprintf("usr_%d_%d", i, n)), Email: fmt.Sprintf("u%d-%d@crowd.example", i, n), Account: id, Version: 1}
			if r.IntN(3) > 0 {
				u.LastLogin = at.Add(time.Duration(r.IntN(20)) * time.Minute)
			}
			put(u)
		}
		if r.IntN(2) == 0 {
			c.store.records[id] = []routing.Record{{ID: "1", Started: at.Add(time.Duration(r.IntN(30)) * time.Second)}}
		}
	}
	seq, _ := c.store.view.Seq()
	c.store.view.Apply(seq+1, at, deltas)
	c.know()
}

// know reads the directory object by object.
func (c *crowd) know() {
	v := c.store.view
	v.Accounts("", func(a *directory.Account) bool { c.accounts = append(c.accounts, sortable{account: a}); return true })
	for i := range c.accounts {
		l := &c.accounts[i]
		if o := directory.Find[*directory.Connection](v, directory.KindConnection, string(l.account.ID)); o != nil {
			l.providerID, l.provider = o.Provider, directory.Find[*directory.Provider](v, directory.KindProvider, string(o.Provider)).Name
		}
		for _, u := range directory.List[*directory.User](v, directory.KindUser, l.account.ID) {
			if !u.LastLogin.IsZero() {
				l.lastLogin = max(l.lastLogin, u.LastLogin.UnixMilli())
			}
		}
		for _, r := range c.store.records[l.account.ID] {
			l.lastCall = r.Started.UnixMilli()
		}
	}
}

// compareSortable is what the keys mean, written down once more.
func compareSortable(key string, a, b sortable) int {
	switch key {
	case "name":
		return strings.Compare(strings.ToLower(a.account.Name), strings.ToLower(b.account.Name))
	case "status":
		return strings.Compare(accountStatus(a.account), accountStatus(b.account))
	case "provider":
		return strings.Compare(strings.ToLower(a.provider), strings.ToLower(b.provider))
	case "created_at":
		return cmp.Or(a.account.CreatedAt.Compare(b.account.CreatedAt), cmp.Compare(a.account.ID, b.account.ID))
	case "last_call":
		return cmp.Compare(a.lastCall, b.lastCall)
	case "last_login":
		return cmp.Compare(a.lastLogin, b.lastLogin)
	}
	panic(key)
}

// question is one that can be asked of the list of accounts.
type question struct {
	reader, query, status string
	parent                directory.AccountID
	provider              directory.ProviderID
	sort                  []string
	limit                 int
}

func (c *crowd) question(t *rapid.T) question {
	q := question{reader: rapid.SampledFrom(c.names).Draw(t, "reader"), limit: rapid.SampledFrom([]int{23, 50, 200}).Draw(t, "limit")}
	sometimes := func(what string) bool { return rapid.IntRange(0, 3).Draw(t, what) == 0 }
	if sometimes("search") {
		q.query = rapid.SampledFrom([]string{"BROWN", "äg", "ÄG 1", "99", "r12", "nobody", "miller 3"}).Draw(t, "query")
	}
	if sometimes("by status") {
		q.status = rapid.SampledFrom([]string{"active", "inactive"}).Draw(t, "status")
	}
	if sometimes("by provider") {
		q.provider = rapid.SampledFrom([]directory.ProviderID{"prv_1", "prv_2", "prv_9"}).Draw(t, "provider")
	}
	if sometimes("by parent") {
		q.parent = rapid.SampledFrom(c.accounts).Draw(t, "sibling").account.Parent
	}
	keys := []string{"name", "status", "provider", "created_at", "last_call", "last_login"}
	for range rapid.IntRange(0, 4).Draw(t, "keys") {
		q.sort = append(q.sort, rapid.SampledFrom([]string{"", "-"}).Draw(t, "direction")+rapid.SampledFrom(keys).Draw(t, "key"))
	}
	return q
}

func (q question) path() string {
	v := url.Values{"limit": {fmt.Sprint(q.limit)}}
	for name, value := range map[string]string{"q": q.query, "status": q.status, "parent": string(q.parent), "provider": string(q.provider), "sort": strings.Join(q.sort, ",")} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return "/v1/accounts?" + v.Encode()
}

// answer sorts all there is.
func (c *crowd) answer(q question) (ids []string) {
	var all []sortable
	query := strings.ToLower(q.query)
	for _, l := range c.accounts {
		a := l.account
		if c.readers[q.reader].sees(a) && (q.status == "" || q.status == accountStatus(a)) && (q.parent == "" || q.parent == a.Parent) &&
			(q.provider == "" || q.provider == l.providerID) && (strings.Contains(strings.ToLower(a.Name), query) || strings.Contains(a.Realm, query)) {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b sortable) int {
		for _, key := range q.sort {
			name, descending := strings.CutPrefix(key, "-")
			switch c := compareSortable(name, a, b); {
			case c != 0 && descending:
				return -c
			case c != 0:
				return c
			}
		}
		return cmp.Compare(a.account.ID, b.account.ID)
	})
	for _, l := range all {
		ids = append(ids, string(l.account.ID))
	}
	return ids
}

// Page by page, every question is answered as if all accounts had been sorted.
func TestAccountPagesAgreeWithSorting(t *testing.T) {
	c := newCrowd(t)
	rapid.Check(t, func(t *rapid.T) {
		q := c.question(t)
		want := c.answer(q)
		var got []string
		for path := q.path(); ; {
			r := c.do(get(path).as(c.readers[q.reader].token)).want(200)
			ids := r.ids("id")
			got = append(got, ids...)
			next := r.field("next")
			if next == nil {
				break
			}
			if len(ids) != q.limit || len(got) >= len(want) {
				t.Fatalf("%s: %d items and more to come, %d of %d so far", path, len(ids), len(got), len(want))
			}
			path = q.path() + "&cursor=" + next.(string)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s as %s: %d accounts, want %d\n%v\n%v", q.path(), q.reader, len(got), len(want), got, want)
		}
	})
}
