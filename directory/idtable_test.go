package directory

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// The table holds what a map does, whatever was added and removed before.
func TestIDTableAgreesWithMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, want := newIDTable(rapid.SampledFrom([]int{0, 100, 3000}).Draw(t, "room")), map[NumberID]*record{}
		for range rapid.IntRange(0, 400).Draw(t, "steps") {
			id := NumberID(fmt.Sprint("num_", rapid.IntRange(0, 3000).Draw(t, "id")))
			if want[id] == nil {
				want[id] = &record{id: id}
				if table.add(want[id]) != nil || table.add(&record{id: id}) != want[id] {
					t.Fatalf("%s is not added once", id)
				}
			} else {
				delete(want, id)
				table.remove(id)
			}
			table.remove("never there")
		}
		if table.count() != len(want) {
			t.Fatalf("%d of %d", table.count(), len(want))
		}
		for i := range 3001 {
			if id := NumberID(fmt.Sprint("num_", i)); table.get(id) != want[id] {
				t.Fatalf("%s: %v, want %v", id, table.get(id), want[id])
			}
		}
	})
}

// One crowded shard: every removal has to close gaps, at the end and over it.
func TestIDTableClosesGaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := newIDTable(0)
		var ids []NumberID
		for i := 0; len(ids) < 24; i++ {
			id := NumberID(fmt.Sprint("num_", i))
			if table.hash(id)>>56 == 7 {
				ids = append(ids, id)
				table.add(&record{id: id})
			}
		}
		order := rapid.Permutation(ids).Draw(t, "order")
		for i, gone := range order {
			table.remove(gone)
			for j, id := range order {
				if r := table.get(id); (r != nil) != (j > i) || r != nil && r.id != id {
					t.Fatalf("%s after %s went: %v", id, gone, r)
				}
			}
		}
	})
}
