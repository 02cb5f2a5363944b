package directory

import (
	"bytes"
	"slices"
	"strings"
)

// accountTable is all accounts in the order of their ids, with what lists look at
// side by side: the objects themselves lie all over the memory, and to fetch
// 100,000 of them takes ten times as long as to look at them.
type accountTable struct{ chunks []*accountChunk }

// accountChunk is at most partSize accounts.
type accountChunk struct {
	rows []AccountRow
	ends []int // where each account's text ends
	text []byte
}

// searchText is an account's name in lower case and its realm. No name has a zero.
func searchText(r *AccountRow) string { return r.Name + "\x00" + r.Account.Realm + "\x00" }

// begin is where the text of the account at i begins.
func (c *accountChunk) begin(i int) int {
	if i == 0 {
		return 0
	}
	return c.ends[i-1]
}

// put replaces the accounts from i to j.
func (c *accountChunk) put(i, j int, rows ...AccountRow) {
	begin, end := c.begin(i), c.begin(j)
	var text []byte
	ends := make([]int, 0, len(rows))
	for i := range rows {
		text = append(text, searchText(&rows[i])...)
		ends = append(ends, begin+len(text))
	}
	c.text = slices.Replace(c.text, begin, end, text...)
	c.rows = slices.Replace(c.rows, i, j, rows...)
	c.ends = slices.Replace(c.ends, i, j, ends...)
	for k := i + len(rows); k < len(c.ends); k++ {
		c.ends[k] += len(text) - (end - begin)
	}
}

// place returns the chunk that an id belongs into.
func (t *accountTable) place(id AccountID) int {
	return max(0, firstNot(len(t.chunks), func(n int) bool { return t.chunks[n].rows[0].ID <= id })-1)
}

// find returns where in a chunk an id belongs.
func (c *accountChunk) find(id AccountID) (int, bool) {
	i := firstNot(len(c.rows), func(i int) bool { return c.rows[i].ID < id })
	return i, i < len(c.rows) && c.rows[i].ID == id
}

// at returns where an account is.
func (t *accountTable) at(id AccountID) (n, i int, found bool) {
	if len(t.chunks) == 0 {
		return 0, 0, false
	}
	n = t.place(id)
	i, found = t.chunks[n].find(id)
	return n, i, found
}

func (t *accountTable) add(r AccountRow) {
	if len(t.chunks) == 0 {
		t.fresh(r)
		return
	}
	n, i, _ := t.at(r.ID)
	c := t.chunks[n]
	if n == len(t.chunks)-1 && i == partSize {
		// Most accounts are newer than all others: full chunks stay full.
		t.fresh(r)
		return
	}
	if len(c.rows) == partSize {
		later := new(accountChunk)
		later.put(0, 0, c.rows[partSize/2:]...)
		c.put(partSize/2, len(c.rows))
		t.chunks = slices.Insert(t.chunks, n+1, later)
		if i > partSize/2 {
			c, i = later, i-partSize/2
		}
	}
	c.put(i, i, r)
}

// fresh adds a chunk at the end.
func (t *accountTable) fresh(rows ...AccountRow) {
	c := new(accountChunk)
	c.put(0, 0, rows...)
	t.chunks = append(t.chunks, c)
}

// remove takes an account out, whatever its text has become.
func (t *accountTable) remove(id AccountID) {
	n, i, found := t.at(id)
	if !found {
		return
	}
	if c := t.chunks[n]; len(c.rows) > 1 {
		c.put(i, i+1)
		return
	}
	t.chunks = slices.Delete(t.chunks, n, n+1)
}

// set replaces what is known of an account, if it is there; its text stays.
func (t *accountTable) set(r AccountRow) {
	if n, i, found := t.at(r.ID); found {
		t.chunks[n].rows[i] = r
	}
}

// fill makes the table of accounts in the order of their ids.
func (t *accountTable) fill(list *sortedList[*plan]) {
	var some []AccountRow
	t.chunks = nil
	cut := func() {
		if len(some) > 0 {
			t.fresh(some...)
			some = some[:0]
		}
	}
	list.all(func(p *plan) bool {
		if some = append(some, p.row()); len(some) == partSize*3/4 {
			cut()
		}
		return true
	})
	cut()
}

// from fills rows with the accounts from an id on, or from behind it.
func (t *accountTable) from(id AccountID, behind bool, rows []AccountRow) []AccountRow {
	n, i, found := t.at(id)
	if found && behind {
		i++
	}
	for ; n < len(t.chunks) && len(rows) < cap(rows); n, i = n+1, 0 {
		some := t.chunks[n].rows[i:]
		rows = append(rows, some[:min(len(some), cap(rows)-len(rows))]...)
	}
	return rows
}

// matches calls yield for the accounts of a chunk whose text contains part, until it
// returns false.
func (c *accountChunk) matches(part []byte, yield func(*AccountRow) bool) {
	for at := 0; at < len(c.text); {
		found := bytes.Index(c.text[at:], part)
		if found < 0 {
			return
		}
		i := firstNot(len(c.ends), func(i int) bool { return c.ends[i] <= at+found }) // whose text that is in
		if !yield(&c.rows[i]) {
			return
		}
		at = c.ends[i]
	}
}

// chunksAtOnce is how many chunks are searched while the view is held: some 2,000
// accounts, in a tenth of a millisecond.
const chunksAtOnce = 4

// AccountsContaining returns the accounts whose name in lower case, or whose realm,
// contains a part, in the order of their ids; false: there are more than most, and
// what it returns is nothing. An empty part is in all.
func (v *View) AccountsContaining(part string, most int) (rows []AccountRow, whole bool) {
	if strings.ContainsRune(part, 0) {
		return nil, true
	}
	text, next := []byte(part), AccountID("")
	for more := true; more; {
		if rows, next, more = v.containing(text, next, rows, most+1); len(rows) > most {
			return nil, false
		}
	}
	return rows, true
}

// containing searches some chunks, from that of an id on, until there are enough
// rows, and returns the id to go on with; false: there are no more.
func (v *View) containing(part []byte, from AccountID, rows []AccountRow, enough int) ([]AccountRow, AccountID, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	n := v.table.place(from)
	for last := n + chunksAtOnce; n < last && n < len(v.table.chunks); n++ {
		v.table.chunks[n].matches(part, func(r *AccountRow) bool {
			if r.ID >= from && len(rows) < enough {
				rows = append(rows, *r)
			}
			return len(rows) < enough
		})
	}
	if n == len(v.table.chunks) {
		return rows, "", false
	}
	return rows, v.table.chunks[n].rows[0].ID, true
}
