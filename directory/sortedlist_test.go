package directory

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A sortedList is what a sorted slice is, in parts of bounded size.
func TestSortedListAgreesWithSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l sortedList[int]
		var want []int
		for _, x := range rapid.SliceOfNDistinct(rapid.IntRange(0, 1<<16), 0, 3*partSize, rapid.ID).Draw(t, "loaded") {
			l.append(x)
			want = append(want, x)
		}
		slices.Sort(want)
		if len(want) > 1 {
			l = sortedList[int]{}
			for _, x := range want[1:] {
				l.append(x)
			}
			l.append(want[0])
		}
		l.sort(cmp.Compare)
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			low, n := rapid.IntRange(0, 1<<16).Draw(t, "low"), rapid.IntRange(0, 2*partSize).Draw(t, "n")
			adds := rapid.Bool().Draw(t, "adds")
			for x := low; x < low+n; x++ {
				i, found := slices.BinarySearch(want, x)
				switch {
				case adds && !found:
					l.add(x, cmp.Compare)
					want = slices.Insert(want, i, x)
				case !adds:
					l.remove(x, cmp.Compare)
					if found {
						want = slices.Delete(want, i, i+1)
					}
				}
			}
			checkSortedList(t, &l, want)
		}
	})
}

func checkSortedList(t *rapid.T, l *sortedList[int], want []int) {
	var got []int
	l.all(func(x int) bool { got = append(got, x); return true })
	if !slices.Equal(got, want) || l.len() != len(want) {
		t.Fatalf("%d entries, length %d, want %d", len(got), l.len(), len(want))
	}
	for n := range l.parts() {
		if part := l.part(n); len(part) == 0 || len(part) > partSize {
			t.Fatalf("a part of %d entries", len(part))
		}
	}
	place := rapid.IntRange(0, 1<<17).Draw(t, "place")
	got = nil
	l.from(func(x int) bool { return x < place }, func(x int) bool { got = append(got, x); return len(got) < 700 })
	i, _ := slices.BinarySearch(want, place)
	if want := want[i:min(i+700, len(want))]; !slices.Equal(got, want) {
		t.Fatalf("from %d: %v, want %v", place, got, want)
	}
	got = nil
	l.back(func(x int) bool { return x >= place }, func(x int) bool { got = append(got, x); return len(got) < 700 })
	slices.Reverse(got)
	if want := want[max(0, i-700):i]; !slices.Equal(got, want) {
		t.Fatalf("back from %d: %v, want %v", place, got, want)
	}
}

// What an addition compares and moves does not grow with the list.
func TestSortedListStepsPerAddition(t *testing.T) {
	for _, size := range []int{1000, 100_000} {
		var l sortedList[int]
		for x := range size {
			l.append(2 * x)
		}
		l.sort(cmp.Compare)
		steps := 0
		counting := func(a, b int) int { steps++; return cmp.Compare(a, b) }
		const additions = 1000
		for x := range additions {
			l.add(2*(x*7919%size)+1, counting)
		}
		if per := steps / additions; per > 20 {
			t.Errorf("%d comparisons per addition to %d", per, size)
		}
		for n := range l.parts() {
			if moved := len(l.part(n)); moved > partSize {
				t.Errorf("an addition to %d may move %d", size, moved)
			}
		}
	}
}
