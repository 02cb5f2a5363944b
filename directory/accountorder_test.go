package directory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var orders = []AccountOrder{AccountsByID, AccountsByName, AccountsByCreation}

// moment is one of few, so that many things happen at the same.
func moment(t *rapid.T, what string) time.Time {
	n := rapid.IntRange(-1, 4).Draw(t, what)
	if n < 0 {
		return time.Time{}
	}
	return time.UnixMilli(1_700_000_000_000 + int64(n)).UTC()
}

var names = rapid.SampledFrom([]string{"brown", "Brown", "BROWN Ltd", "Ärzte", "ärzte", "smith"})

// edit gives an account another name and time of creation, which no request does.
func (w *world) edit(t *rapid.T, before *Account) {
	after := *before
	after.Name, after.CreatedAt = names.Draw(t, "name"), moment(t, "created")
	w.entry(t, Replace(before, &after))
}

// logIn makes a user, or lets one log in, move or go.
func (w *world) logIn(t *rapid.T, a *Account) {
	users := w.all(KindUser)
	if len(users) == 0 || rapid.IntRange(0, 2).Draw(t, "new user") == 0 {
		w.entry(t, Create(&User{ID: UserID(w.id("usr")), Account: a.ID, LastLogin: moment(t, "login")}))
		return
	}
	before := rapid.SampledFrom(users).Draw(t, "user").(*User)
	if rapid.IntRange(0, 2).Draw(t, "user goes") == 0 {
		w.entry(t, Delete(before))
		return
	}
	after := *before
	after.LastLogin = moment(t, "login")
	if rapid.IntRange(0, 4).Draw(t, "user moves") == 0 {
		after.Account = a.ID
	}
	w.entry(t, Replace(before, &after))
}

// connect gives an account a voice provider, or takes it.
func (w *world) connect(t *rapid.T, a *Account) {
	before, ok := w.objects[Ref{KindConnection, string(a.ID)}]
	c := &Connection{Account: a.ID, Provider: ProviderID(rapid.SampledFrom([]string{"prv_1", "prv_2"}).Draw(t, "provider"))}
	switch {
	case !ok:
		w.entry(t, Create(c))
	case rapid.Bool().Draw(t, "disconnect"):
		w.entry(t, Delete(before))
	default:
		w.entry(t, Replace(before, c))
	}
}

// rows is what an AccountRow of every account must be.
func (w *world) rows() (rows []AccountRow) {
	for _, a := range w.all(KindAccount) {
		row := AccountRow{ID: a.(*Account).ID, Account: a.(*Account), Name: strings.ToLower(a.(*Account).Name), Enabled: a.(*Account).Enabled}
		if c, ok := w.objects[Ref{KindConnection, a.Ref().ID}]; ok {
			row.Connection = c.(*Connection)
		}
		for _, o := range w.all(KindUser) {
			if u := o.(*User); u.Account == row.Account.ID && !u.LastLogin.IsZero() {
				row.LastLogin = max(row.LastLogin, u.LastLogin.UnixMilli())
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// checkRows holds the orders against sorting.
func (w *world) checkRows(t *rapid.T, v *View) {
	byOrder := map[AccountOrder]func(a, b AccountRow) int{
		AccountsByID: func(a, b AccountRow) int { return 0 },
		AccountsByName: func(a, b AccountRow) int {
			return strings.Compare(strings.ToLower(a.Account.Name), strings.ToLower(b.Account.Name))
		},
		AccountsByCreation: func(a, b AccountRow) int {
			return cmp.Compare(a.Account.CreatedAt.UnixNano(), b.Account.CreatedAt.UnixNano())
		},
	}
	all := w.rows()
	for _, by := range orders {
		key := byOrder[by]
		want := slices.Clone(all) // in the order of ids
		slices.SortStableFunc(want, key)
		if got := walked(v, AccountWalk{By: by}); !slices.Equal(got, want) {
			t.Fatalf("order %d: %s\nwant %s", by, showRows(got), showRows(want))
		}
		backward := slices.Clone(want)
		slices.Reverse(backward)
		if got := walked(v, AccountWalk{By: by, Descending: true}); !slices.Equal(got, backward) {
			t.Fatalf("order %d back: %s\nwant %s", by, showRows(got), showRows(backward))
		}
		if len(all) == 0 {
			continue
		}
		from := rapid.SampledFrom(all).Draw(t, "from")
		if by == AccountsByID {
			key = func(a, b AccountRow) int { return cmp.Compare(a.Account.ID, b.Account.ID) }
		}
		want = slices.DeleteFunc(want, func(r AccountRow) bool { return key(r, from) < 0 })
		backward = slices.DeleteFunc(backward, func(r AccountRow) bool { return key(r, from) > 0 })
		if got := walked(v, AccountWalk{By: by, From: &from}); !slices.Equal(got, want) {
			t.Fatalf("order %d from %s: %s\nwant %s", by, showRows([]AccountRow{from}), showRows(got), showRows(want))
		}
		if got := walked(v, AccountWalk{By: by, Descending: true, From: &from}); !slices.Equal(got, backward) {
			t.Fatalf("order %d back from %s: %s\nwant %s", by, showRows([]AccountRow{from}), showRows(got), showRows(backward))
		}
	}
	for _, part := range []string{"", "br", "n", "ä", "acc_1", "n\x00R", "\x00", "est", "smith"} {
		want := slices.DeleteFunc(slices.Clone(all), func(r AccountRow) bool {
			return !strings.Contains(strings.ToLower(r.Account.Name), part) && !strings.Contains(r.Account.Realm, part)
		})
		got, whole := v.AccountsContaining(part, len(all))
		if !whole || !slices.Equal(got, want) {
			t.Fatalf("%q in %v, %s\nwant %s", part, whole, showRows(got), showRows(want))
		}
		if got, whole := v.AccountsContaining(part, len(want)-1); len(want) > 0 && (whole || got != nil) {
			t.Fatalf("%q in more than %d: %s", part, len(want)-1, showRows(got))
		}
	}
	for _, r := range all {
		if got, ok := v.AccountRow(r.Account.ID); !ok || got != r {
			t.Fatalf("row %s, want %s", showRows([]AccountRow{got}), showRows([]AccountRow{r}))
		}
		var below []*Account
		for _, c := range all {
			if c.Account.Parent == r.Account.ID {
				below = append(below, c.Account)
			}
		}
		if got := v.ChildAccounts(r.Account.ID, "", 1000); !slices.Equal(got, below) {
			t.Fatalf("%d accounts below %s, want %d", len(got), r.Account.ID, len(below))
		}
	}
	if _, ok := v.AccountRow("acc_none"); ok {
		t.Fatal("the row of an account that is not there")
	}
}

func walked(v *View, w AccountWalk) (all []AccountRow) {
	v.AccountRows(w, func(rows []AccountRow) bool { all = append(all, rows...); return true })
	return all
}

func showRows(rows []AccountRow) string {
	s := ""
	for _, r := range rows {
		s += fmt.Sprintf("%s %q %d %d; ", r.Account.ID, r.Account.Name, r.Account.CreatedAt.UnixNano(), r.LastLogin)
	}
	return s
}

// However many accounts there are, each is met once, and the walk ends where it
// is told to.
func TestAccountRowsOfMany(t *testing.T) {
	const many = 3*rowsAtOnce + 7
	v := NewView()
	deltas := make([]Delta, many)
	for i := range deltas {
		a := &Account{ID: accountName(i), Name: fmt.Sprint("Same ", i%3), Version: 1, CreatedAt: time.Unix(int64(i%5), 0)}
		deltas[i] = Delta{a.Ref(), a}
	}
	v.Apply(1, time.Time{}, deltas)
	for _, by := range orders {
		for _, descending := range []bool{false, true} {
			seen := map[AccountID]bool{}
			all := walked(v, AccountWalk{By: by, Descending: descending})
			for i := range all {
				seen[all[i].Account.ID] = true
				if c := by.Compare(&all[max(0, i-1)], &all[i]); descending && c < 0 || !descending && c > 0 {
					t.Errorf("order %d: %s stands behind %s", by, all[i].Account.ID, all[i-1].Account.ID)
				}
			}
			if len(all) != many || len(seen) != many {
				t.Errorf("order %d: %d accounts, %d of them different", by, len(all), len(seen))
			}
			calls := 0
			v.AccountRows(AccountWalk{By: by, Descending: descending}, func([]AccountRow) bool { calls++; return false })
			if calls != 1 {
				t.Errorf("order %d: %d calls", by, calls)
			}
		}
	}
	if page := v.ChildAccounts(accountName(0), "", 10); page != nil {
		t.Errorf("%d accounts below one without", len(page))
	}
}

// Of however many accounts, in whatever order they come and go, those are found
// that contain what is looked for.
func TestAccountsContainingOfMany(t *testing.T) {
	const many = 5*partSize + 3
	v := NewView()
	seq, there := uint64(0), map[AccountID]bool{}
	apply := func(from, to, step int, created bool) {
		var deltas []Delta
		for i := range to - from {
			n := from + i*step%(to-from)
			d := Delta{Ref: Ref{KindAccount, string(accountName(n))}}
			if created {
				d.After = &Account{ID: accountName(n), Name: fmt.Sprint("Same ", n), Realm: fmt.Sprintf("r%d.test", n), Version: seq + 1}
			}
			there[accountName(n)] = created
			deltas = append(deltas, d)
		}
		seq++
		v.Apply(seq, time.Time{}, deltas)
	}
	check := func() {
		for _, part := range []string{"same", "77", "9.t", "nothing"} {
			var want, got []AccountID
			for n := range many {
				if id := accountName(n); there[id] && strings.Contains(fmt.Sprintf("same %d r%d.test", n, n), part) {
					want = append(want, id)
				}
			}
			rows, whole := v.AccountsContaining(part, many)
			for _, r := range rows {
				got = append(got, r.Account.ID)
			}
			if !whole || !slices.Equal(got, want) {
				t.Errorf("%q in %d accounts, want %d", part, len(got), len(want))
			}
		}
		for n, c := range v.table.chunks {
			if len(c.rows) == 0 || len(c.rows) > partSize || len(c.ends) != len(c.rows) || c.ends[len(c.ends)-1] != len(c.text) {
				t.Errorf("chunk %d holds %d accounts, %d ends and %d octets", n, len(c.rows), len(c.ends), len(c.text))
			}
		}
	}
	apply(0, partSize+1, 1, true)     // at the end
	apply(partSize+1, many, 97, true) // among others
	check()
	apply(partSize/2, 4*partSize, 1, false)
	check()
	apply(partSize, 2*partSize, 13, true)
	check()
	apply(0, many, 1, false)
	check()
	if n := len(v.table.chunks); n != 0 {
		t.Errorf("%d chunks without accounts", n)
	}
}

// A walk through all accounts takes no more memory than one through few.
func TestAccountRowsAllocations(t *testing.T) {
	v := NewView()
	v.Load(1, time.Time{}, benchObjects(8*rowsAtOnce))
	for _, by := range orders {
		count := 0
		n := testing.AllocsPerRun(10, func() {
			v.AccountRows(AccountWalk{By: by, Descending: true}, func(rows []AccountRow) bool { count += len(rows); return true })
		})
		if n > 4 {
			t.Errorf("order %d: %v allocations", by, n)
		}
	}
}
