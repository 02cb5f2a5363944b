package store

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pbx-interlink/interlink/directory"
)

// What a block is made of comes out of it.
func TestViewBlockHoldsObjects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w blockWriter
		var numbers []directory.InternalNumber
		var others []directory.Object
		for range rapid.IntRange(0, 8).Draw(t, "objects") {
			o := drawObject(t)
			if n, ok := o.(*directory.InternalNumber); ok {
				if rapid.Bool().Draw(t, "elsewhere") {
					n.CreatedAt = n.CreatedAt.In(time.FixedZone("", 3600))
				}
				numbers = append(numbers, *n)
			} else {
				others = append(others, o)
			}
			if err := w.add(o); err != nil {
				t.Fatal(err)
			}
		}
		if w.objects != len(numbers)+len(others) || w.numbers != len(numbers) {
			t.Fatalf("%d objects, %d numbers", w.objects, w.numbers)
		}
		block := w.take()
		if len(block) == 0 {
			return
		}
		var got decoded
		if err := got.decodeBlock(string(block[viewBlockFrame:])); err != nil {
			t.Fatal(err)
		}
		for i := range got.numbers {
			g, want := got.numbers[i], numbers[i]
			if !g.CreatedAt.Equal(want.CreatedAt) {
				t.Fatalf("made at %v, want %v", g.CreatedAt, want.CreatedAt)
			}
			g.CreatedAt = want.CreatedAt
			if g != want {
				t.Fatalf("%+v, want %+v", g, want)
			}
		}
		if len(got.numbers) != len(numbers) || len(got.others) != len(others) {
			t.Fatalf("%d numbers, %d others", len(got.numbers), len(got.others))
		}
		for i, o := range got.others {
			if o.Ref() != others[i].Ref() || o.ObjectVersion() != others[i].ObjectVersion() {
				t.Fatalf("%+v, want %+v", o, others[i])
			}
		}
	})
}

// Whatever a block holds, it is read or refused: nothing panics, and no room is
// made for what is not there.
func FuzzViewBlock(f *testing.F) {
	var w blockWriter
	for _, o := range []directory.Object{account("acc_a"), trunk("trk_a", "acc_a", "192.0.2.1"), number("num_a", "acc_a", "trk_a", "2001"), number("num_b", "acc_a", "trk_a", "30xx")} {
		if err := w.add(o); err != nil {
			f.Fatal(err)
		}
	}
	whole := string(w.take()[viewBlockFrame:])
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add("\x02\xff\xff\xff\xff\xff\xff\xff\xff\x7f")
	f.Add(strings.Repeat("\x80", 20))
	f.Fuzz(func(t *testing.T, body string) {
		var d, again decoded
		if err := d.decodeBlock(body); err != nil {
			return
		}
		var w blockWriter
		for _, o := range d.others {
			if err := w.add(o); err != nil {
				return // a time no JSON can tell
			}
		}
		for i := range d.numbers {
			if err := w.add(&d.numbers[i]); err != nil {
				t.Fatal(err)
			}
		}
		if block := w.take(); block != nil {
			if err := again.decodeBlock(string(block[viewBlockFrame:])); err != nil {
				t.Fatal(err)
			}
		}
		for i, n := range d.numbers {
			if got := again.numbers[i]; n.CreatedAt.Year() >= 0 && n.CreatedAt.Year() < 10_000 && !reflect.DeepEqual(got.Number, n.Number) {
				t.Fatalf("%+v, want %+v", got, n)
			}
		}
	})
}
