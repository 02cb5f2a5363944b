package directory

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The report names what trying every number of the account finds.
func TestOverlapsOfAnAccount(t *testing.T) {
	character := rapid.SampledFrom([]byte("00112589*#xx"))
	pattern := rapid.Custom(func(t *rapid.T) Pattern {
		text := string(rapid.SliceOfN(character, 1, 4).Draw(t, "text"))
		if rapid.IntRange(0, 3).Draw(t, "range") == 0 {
			lo := rapid.IntRange(0, 999).Draw(t, "lo")
			text = fmt.Sprintf("%03d-%03d", lo, rapid.IntRange(lo, min(999, lo+300)).Draw(t, "hi"))
		}
		p, err := ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		return p
	})
	rapid.Check(t, func(t *rapid.T) {
		patterns := rapid.SliceOfNDistinct(pattern, 1, 60, rapid.ID).Draw(t, "numbers")
		objects := []Object{&Account{ID: "acc", Version: 1}, &Trunk{ID: "trk", Account: "acc", Version: 1}}
		for i, p := range patterns {
			objects = append(objects, &InternalNumber{ID: NumberID(fmt.Sprintf("num_%02d", i)), Account: "acc", Number: p, Trunk: "trk", Version: 1})
		}
		v := NewView()
		v.Load(1, time.Time{}, objects)
		asked := append(rapid.SliceOfN(pattern, 1, 5).Draw(t, "asked"), patterns[0])
		for _, p := range asked {
			var want, got []string
			self := NumberID("none")
			for i, q := range patterns {
				if q == p {
					self = NumberID(fmt.Sprintf("num_%02d", i))
				} else if p.Overlaps(q) {
					want = append(want, q.String())
				}
				if taken := v.taken(&InternalNumber{ID: "new", Account: "acc", Number: q}, nil); taken != "number" {
					t.Fatalf("%s is not taken", q)
				}
			}
			for _, q := range v.Overlaps("acc", self, p, 100) {
				got = append(got, q.String())
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Fatalf("%s overlaps %v, want %v of %v", p, got, want, patterns)
			}
			if few := v.Overlaps("acc", self, p, 2); len(few) != min(2, len(want)) {
				t.Fatalf("%d of %d overlaps", len(few), len(want))
			}
		}
	})
}

// accountOf returns a view with one account that has so many single numbers.
func accountOf(numbers int) *View {
	objects := []Object{&Account{ID: "acc", Version: 1}, &Trunk{ID: "trk", Account: "acc", Version: 1}}
	for i := range numbers {
		// Not in the order of the ids.
		p, _ := ParsePattern(fmt.Sprintf("%08d", (i*7919+13)%10_000_000))
		objects = append(objects, &InternalNumber{ID: numberName(0, i), Account: "acc", Number: p, Trunk: "trk", Enabled: true, Version: 1})
	}
	v := NewView()
	v.Load(1, time.Time{}, objects)
	return v
}

// What a report of overlaps takes does not grow with the account.
func TestOverlapsAllocations(t *testing.T) {
	allocations := func(numbers int) float64 {
		v := accountOf(numbers)
		p, _ := ParsePattern("0000001x")
		return testing.AllocsPerRun(50, func() { v.Overlaps("acc", "", p, 20) })
	}
	if few, many := allocations(100), allocations(20_000); many > few+4 {
		t.Errorf("%v allocations among 100 numbers, %v among 20,000", few, many)
	}
}

// BenchmarkViewCreate adds numbers to one account that has many, in no order,
// and reports their overlaps as the API does.
func BenchmarkViewCreate(b *testing.B) {
	for _, size := range []int{100, 1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			v := accountOf(size)
			seq, i := uint64(1), 0
			b.ReportAllocs()
			for b.Loop() {
				p, _ := ParsePattern(fmt.Sprintf("%08d", 10_000_000+i*7919%80_000_000))
				n := &InternalNumber{ID: NumberID(fmt.Sprintf("num_%030d", i%1000)), Account: "acc", Number: p, Trunk: "trk", Enabled: true, Version: 1}
				seq += 2
				if err := v.Check(Create(n)); err != nil {
					b.Fatal(err)
				}
				v.Apply(seq, time.Time{}, []Delta{{n.Ref(), n}})
				v.Overlaps("acc", n.ID, p, 20)
				// The size stays.
				v.Apply(seq+1, time.Time{}, []Delta{{n.Ref(), nil}})
				i++
			}
		})
	}
}
