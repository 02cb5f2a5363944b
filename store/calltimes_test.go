package store

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/pbx-interlink/interlink/directory"
)

// callTimes is what a map is, in whatever order it is asked.
func TestCallTimesAgreeWithAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c callTimes
		want := map[directory.AccountID]int64{}
		id := func(n int) directory.AccountID { return directory.AccountID(fmt.Sprintf("acc_%05d", n)) }
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			first, many := rapid.IntRange(0, 2000).Draw(t, "first"), rapid.IntRange(0, 2*freshMost).Draw(t, "many")
			step := rapid.IntRange(1, 3).Draw(t, "step")
			for n := range many {
				ms := int64(1 + len(want) + n)
				c.set(id(first+n*step), ms)
				want[id(first+n*step)] = ms
			}
			if c.settle(); len(c.fresh) > max(freshMost, len(c.ids)/16) || !slices.IsSorted(c.ids) || len(c.ids)+len(c.fresh) != len(want) {
				t.Fatalf("%d accounts sorted and %d fresh, of %d", len(c.ids), len(c.fresh), len(want))
			}
			at := rapid.IntRange(0, 6000).Draw(t, "at")
			for n := range 6000 {
				if got := c.get(id(n), &at); got != want[id(n)] {
					t.Fatalf("%s: %d, want %d", id(n), got, want[id(n)])
				}
			}
			for _, n := range rapid.SliceOfN(rapid.IntRange(0, 6000), 0, 50).Draw(t, "in no order") {
				if got := c.get(id(n), &at); got != want[id(n)] {
					t.Fatalf("%s: %d, want %d", id(n), got, want[id(n)])
				}
			}
		}
	})
}

// BenchmarkCallTimes asks for 100,000 accounts in order, beside a map.
func BenchmarkCallTimes(b *testing.B) {
	const many = 100_000
	var c callTimes
	asMap := map[directory.AccountID]int64{}
	ids := make([]directory.AccountID, many)
	for i := range ids {
		// Each has memory of its own, as what is read one by one.
		ids[i] = directory.AccountID(fmt.Sprintf("acc_%026d", i))
		c.set(directory.AccountID(fmt.Sprintf("acc_%026d", i)), int64(i))
		asMap[directory.AccountID(fmt.Sprintf("acc_%026d", i))] = int64(i)
	}
	c.settle()
	b.Run("table", func(b *testing.B) {
		for b.Loop() {
			at := 0
			for i, id := range ids {
				if c.get(id, &at) != int64(i) {
					b.Fatal(id)
				}
			}
		}
	})
	b.Run("map", func(b *testing.B) {
		for b.Loop() {
			for i, id := range ids {
				if asMap[id] != int64(i) {
					b.Fatal(id)
				}
			}
		}
	})
}
