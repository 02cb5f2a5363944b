package directory

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// What has ended comes first by its end, whatever the order it was put in, and
// goes from the list when it is deleted or given another end.
func TestExpired(t *testing.T) {
	v := NewView()
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	token := func(n int, at time.Time, version uint64) *Token {
		return &Token{ID: TokenID(fmt.Sprintf("tok_%04d", n)), Hash: fmt.Sprint(n), ExpiresAt: at, Version: version}
	}
	seq := uint64(0)
	put := func(tokens ...*Token) {
		seq++
		var deltas []Delta
		for _, tok := range tokens {
			deltas = append(deltas, Delta{tok.Ref(), tok})
		}
		v.Apply(seq, start, deltas)
	}
	const many = 2000
	for n := range many {
		put(token(n*7919%many, start.Add(time.Duration(n*7919%many)*time.Second), 1))
	}
	put(token(5000, time.Time{}, 1))
	ids := func(at time.Time, limit int) []string {
		var out []string
		for _, o := range v.Expired(at, limit) {
			out = append(out, o.Ref().ID)
		}
		return out
	}
	if got := ids(start.Add(-time.Nanosecond), 10); len(got) != 0 {
		t.Fatalf("ended before the first end: %v", got)
	}
	if got, want := ids(start.Add(2*time.Second), 10), []string{"tok_0000", "tok_0001", "tok_0002"}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	if got := ids(start.Add(time.Hour), 5); len(got) != 5 || got[4] != "tok_0004" {
		t.Fatalf("the bound does not hold: %v", got)
	}
	put(token(1, start.Add(48*time.Hour), 2))
	seq++
	v.Apply(seq, start, []Delta{{token(0, start, 1).Ref(), nil}})
	if got, want := ids(start.Add(2*time.Second), 10), []string{"tok_0002"}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	if got := len(ids(start.AddDate(10, 0, 0), 1<<20)); got != many-1 {
		t.Fatalf("%d of %d ended, the one without an end must not", got, many-1)
	}
}
