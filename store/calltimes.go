package store

import (
	"maps"
	"slices"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

// callTimes is when each account's latest call began, in ms since 1970. It is made
// to be read in the order of ids, a list's, and so holds them side by side: 100,000
// lookups in a map take five times as long.
type callTimes struct {
	ids   []directory.AccountID // sorted
	times []int64
	// fresh are accounts that are not among ids yet.
	fresh map[directory.AccountID]int64
}

// freshMost is how many accounts may wait to be sorted in, at least: as long as
// they are few, to sort them in costs more than to look them up.
const freshMost = 512

func (c *callTimes) set(id directory.AccountID, ms int64) {
	if i, found := slices.BinarySearch(c.ids, id); found {
		c.times[i] = ms
		return
	}
	if c.fresh == nil {
		c.fresh = map[directory.AccountID]int64{}
	}
	c.fresh[id] = ms
}

// settle sorts the fresh ones in where they have become many.
func (c *callTimes) settle() {
	if len(c.fresh) <= max(freshMost, len(c.ids)/16) {
		return
	}
	octets, count := 0, len(c.ids)+len(c.fresh)
	for _, id := range c.ids {
		octets += len(id)
	}
	for id := range c.fresh {
		octets += len(id)
	}
	var text strings.Builder
	text.Grow(octets)
	merged := callTimes{ids: make([]directory.AccountID, 0, count), times: make([]int64, 0, count)}
	add := func(id directory.AccountID, ms int64) {
		from := text.Len()
		text.WriteString(string(id))
		merged.ids, merged.times = append(merged.ids, directory.AccountID(text.String()[from:])), append(merged.times, ms)
	}
	next := 0
	for _, id := range slices.Sorted(maps.Keys(c.fresh)) {
		for ; next < len(c.ids) && c.ids[next] < id; next++ {
			add(c.ids[next], c.times[next])
		}
		add(id, c.fresh[id])
	}
	for ; next < len(c.ids); next++ {
		add(c.ids[next], c.times[next])
	}
	*c = merged
}

// get returns an account's time, 0 for none. at is where the last one was found:
// of accounts in order each is the next, or is not there.
func (c *callTimes) get(id directory.AccountID, at *int) int64 {
	i, found := min(*at, len(c.ids)), false
	switch {
	case i < len(c.ids) && c.ids[i] == id:
		found = true
	case (i == 0 || c.ids[i-1] < id) && (i == len(c.ids) || id < c.ids[i]):
	default:
		i, found = slices.BinarySearch(c.ids, id)
	}
	if *at = i; !found {
		return c.fresh[id]
	}
	*at = i + 1
	return c.times[i]
}
