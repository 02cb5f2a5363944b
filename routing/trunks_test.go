package routing

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/pbx-interlink/interlink/directory"
)

const inf = directory.Unlimited

// lim builds limits from the lanes in the order of the table.
func lim(in, out, twoway, burst, maxOutbound int64) *directory.Limits {
	return &directory.Limits{Inbound: in, Outbound: out, TwoWay: twoway, Burst: burst, MaxOutbound: maxOutbound}
}

func TestAsk(t *testing.T) {
	for _, c := range []struct {
		limits   *directory.Limits
		in, out  int
		outbound bool
		want     Method
	}{
		// The arithmetic's published cases.
		{lim(1, 0, 0, 0, inf), 0, 0, false, FlatRate},
		{lim(1, 0, 0, 0, inf), 0, 0, true, NextMethod},
		{lim(1, 0, 1, 0, inf), 1, 0, false, FlatRate},
		{lim(1, 0, 1, 0, inf), 1, 0, true, FlatRate},
		{lim(1, 0, 1, 0, inf), 2, 0, true, NextMethod},
		{lim(1, 0, 1, 1, inf), 2, 0, true, FlatRateBurst},
		{lim(1, 0, 1, 1, inf), 2, 1, true, NextMethod},
		{lim(2, 0, 8, 0, inf), 0, 8, false, FlatRate},
		{lim(2, 0, 8, 0, inf), 1, 8, false, FlatRate},
		{lim(2, 0, 8, 0, inf), 2, 8, false, NextMethod},
		{lim(2, 0, 8, 0, inf), 0, 8, true, NextMethod},
		{lim(2, 0, 8, 0, inf), 2, 7, true, FlatRate},
		{lim(2, 0, 8, 0, inf), 3, 7, true, NextMethod},
		{lim(inf, 0, 0, 0, inf), 50, 0, false, FlatRate},
		{lim(0, 0, inf, 0, inf), 3, 3, true, FlatRate},
		{lim(0, 0, 0, 0, inf), 0, 0, true, NextMethod},
		// Limits lowered while calls were up: own direction has room.
		{lim(1, 2, 0, 0, inf), 9, 1, true, FlatRate},
		{lim(1, 2, 0, 0, inf), 9, 2, true, NextMethod},
		{lim(2, 1, 0, 0, inf), 1, 9, false, FlatRate},
		{lim(2, 1, 0, 0, inf), 2, 9, false, NextMethod},
		// Own direction unlimited, the other one over.
		{lim(0, inf, 0, 0, inf), 5, 100, true, FlatRate},
		// Burst unlimited takes whatever is left.
		{lim(0, 0, 0, inf, inf), 7, 7, false, FlatRateBurst},
		// max_outbound_calls: of 10 two-way lines the 9th outbound call is
		// refused, and two inbound ones still get through (LI2).
		{lim(0, 0, 10, 0, 8), 0, 7, true, FlatRate},
		{lim(0, 0, 10, 0, 8), 0, 8, true, OverMaxOutbound},
		{lim(0, 0, 10, 0, 8), 0, 8, false, FlatRate},
		{lim(0, 0, 10, 0, 8), 1, 8, false, FlatRate},
		{lim(0, 0, 10, 0, 8), 2, 8, false, NextMethod},
		// It also binds where the outbound lane itself has room, and burst.
		{lim(0, inf, inf, inf, 0), 0, 0, true, OverMaxOutbound},
		{lim(0, 5, 0, 0, 3), 0, 3, true, OverMaxOutbound},
		{lim(0, 0, 0, 9, 1), 0, 1, true, OverMaxOutbound},
		// No limits set.
		{nil, 1000, 1000, true, FlatRate},
		{directory.NoLimits("a"), 1000, 1000, false, FlatRate},
	} {
		if got := Ask(c.limits, c.in, c.out, c.outbound); got != c.want {
			t.Errorf("limits %+v, %d in, %d out, outbound %v: %v, want %v", c.limits, c.in, c.out, c.outbound, got, c.want)
		}
	}
}

func TestMethodNames(t *testing.T) {
	for m, want := range map[Method]string{FlatRate: "flat_rate", FlatRateBurst: "flat_rate_burst", NextMethod: "next_method", OverMaxOutbound: "max_outbound_calls"} {
		if m.String() != want || m.Admits() != (m == FlatRate || m == FlatRateBurst) {
			t.Errorf("%d: %q, admits %v", m, m, m.Admits())
		}
	}
}

func drawLimits(t *rapid.T) *directory.Limits {
	lane := rapid.Int64Range(inf, 5)
	return lim(lane.Draw(t, "inbound"), lane.Draw(t, "outbound"), lane.Draw(t, "twoway"), lane.Draw(t, "burst"), lane.Draw(t, "max_outbound"))
}

// One call less never turns an admission into a refusal, nor makes it costlier.
func TestAskMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, outbound := drawLimits(t), rapid.Bool().Draw(t, "direction")
		in, out := rapid.IntRange(0, 20).Draw(t, "in"), rapid.IntRange(0, 20).Draw(t, "out")
		m := Ask(l, in, out, outbound)
		if in > 0 && Ask(l, in-1, out, outbound) > m {
			t.Fatalf("with one inbound call less: %v, was %v", Ask(l, in-1, out, outbound), m)
		}
		if out > 0 && Ask(l, in, out-1, outbound) > m {
			t.Fatalf("with one outbound call less: %v, was %v", Ask(l, in, out-1, outbound), m)
		}
	})
}

// fits reports whether calls can be laid onto trunks one by one, tried in every
// way there is: it knows nothing of the arithmetic.
func fits(l *directory.Limits, in, out int) bool {
	room := func(limit int64, n int) bool { return limit == inf || int64(n) <= limit }
	if !room(l.MaxOutbound, out) {
		return false
	}
	for ownIn := 0; ownIn <= in; ownIn++ {
		for ownOut := 0; ownOut <= out; ownOut++ {
			for two := 0; two <= in+out-ownIn-ownOut; two++ {
				burst := in + out - ownIn - ownOut - two
				if room(l.Inbound, ownIn) && room(l.Outbound, ownOut) && room(l.TwoWay, two) && room(l.Burst, burst) {
					return true
				}
			}
		}
	}
	return false
}

// Starting from nothing and with limits left alone, a call is admitted exactly
// when a free trunk can be found for it: never one over, never one refused with
// a line free (LI4).
func TestAskIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLimits(t)
		in, out := 0, 0
		for _, outbound := range rapid.SliceOfN(rapid.Bool(), 0, 12).Draw(t, "calls") {
			wantIn, wantOut := in+1, out
			if outbound {
				wantIn, wantOut = in, out+1
			}
			want := fits(l, wantIn, wantOut)
			if got := Ask(l, in, out, outbound).Admits(); got != want {
				t.Fatalf("%d in, %d out, outbound %v: admitted %v, a trunk free %v", in, out, outbound, got, want)
			}
			if want {
				in, out = wantIn, wantOut
			}
		}
	})
}

// Whatever is up, room on the own direction's trunks is enough.
func TestAskOwnDirection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLimits(t)
		in, out := rapid.IntRange(0, 20).Draw(t, "in"), rapid.IntRange(0, 20).Draw(t, "out")
		if (l.Inbound == inf || int64(in) < l.Inbound) && Ask(l, in, out, false) != FlatRate {
			t.Fatalf("inbound has room: %v", Ask(l, in, out, false))
		}
		if (l.Outbound == inf || int64(out) < l.Outbound) && (l.MaxOutbound == inf || int64(out) < l.MaxOutbound) && Ask(l, in, out, true) != FlatRate {
			t.Fatalf("outbound has room: %v", Ask(l, in, out, true))
		}
	})
}

func TestLanes(t *testing.T) {
	for _, c := range []struct {
		limits  *directory.Limits
		in, out int
		want    []Lane
	}{
		{lim(2, 0, 8, 0, 8), 3, 4, []Lane{{"inbound", 2, 2, 0}, {"outbound", 0, 0, 0}, {"twoway", 8, 5, 3}, {"burst", 0, 0, 0}, {"max_outbound", 8, 4, 4}}},
		{lim(1, 1, 1, 4, inf), 3, 2, []Lane{{"inbound", 1, 1, 0}, {"outbound", 1, 1, 0}, {"twoway", 1, 1, 0}, {"burst", 4, 2, 2}, {"max_outbound", inf, 2, inf}}},
		// Lowered limits: what is over everything is seen, and frees nothing.
		{lim(1, 0, 1, 1, 1), 5, 2, []Lane{{"inbound", 1, 1, 0}, {"outbound", 0, 0, 0}, {"twoway", 1, 1, 0}, {"burst", 1, 5, 0}, {"max_outbound", 1, 2, 0}}},
		{nil, 3, 1, []Lane{{"inbound", inf, 3, inf}, {"outbound", inf, 1, inf}, {"twoway", inf, 0, inf}, {"burst", inf, 0, inf}, {"max_outbound", inf, 1, inf}}},
	} {
		if got := Lanes(c.limits, c.in, c.out); !slices.Equal(got, c.want) {
			t.Errorf("limits %+v, %d in, %d out:\n got %v\nwant %v", c.limits, c.in, c.out, got, c.want)
		}
	}
}

// The lanes account for every call once, and show room wherever Ask finds some.
func TestLanesAgreeWithAsk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLimits(t)
		in, out := rapid.IntRange(0, 12).Draw(t, "in"), rapid.IntRange(0, 12).Draw(t, "out")
		lanes := Lanes(l, in, out)
		var used int64
		for _, lane := range lanes[:4] {
			used += lane.Used
		}
		if used != int64(in+out) {
			t.Fatalf("%d calls up, the lanes show %d", in+out, used)
		}
		free := func(i int) bool { return lanes[i].Free != 0 }
		if fits(l, in, out) {
			room := (free(0) || free(2) || free(3))
			if got := Ask(l, in, out, false).Admits(); got != room {
				t.Fatalf("inbound admitted %v, lanes show room %v: %v", got, room, lanes)
			}
			room = (free(1) || free(2) || free(3)) && free(4)
			if got := Ask(l, in, out, true).Admits(); got != room {
				t.Fatalf("outbound admitted %v, lanes show room %v: %v", got, room, lanes)
			}
		}
	})
}
