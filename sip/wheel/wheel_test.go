package wheel_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pbx-interlink/interlink/sip/wheel"
)

// model is the same wheel as a plain list.
type model struct {
	now    int64 // ticks
	due    map[int]int64
	fired  []int
	rearm  map[int]time.Duration
	stops  map[int]int
	wheel  *wheel.Wheel[int]
	timers []*wheel.Timer[int]
}

func ticksUp(d time.Duration) int64 {
	return int64((max(d, 0) + wheel.Tick - 1) / wheel.Tick)
}

func (m *model) set(i int, at time.Duration) {
	m.wheel.Set(m.timers[i], at)
	m.due[i] = max(ticksUp(at), m.now+1)
}

func (m *model) stop(t *rapid.T, i int) {
	_, armed := m.due[i]
	if got := m.wheel.Stop(m.timers[i]); got != armed {
		t.Fatalf("Stop(%d) = %v, want %v", i, got, armed)
	}
	delete(m.due, i)
}

// fire is called by the wheel: the timer has to be one of the earliest in the
// model, and due.
func (m *model) fire(t *rapid.T, target int64, timer *wheel.Timer[int]) {
	i := timer.Value
	due, ok := m.due[i]
	if !ok || due > target || timer.Armed() {
		t.Fatalf("timer %d fired: armed in the model %v, due %d, advancing to %d, Armed %v", i, ok, due, target, timer.Armed())
	}
	for j, d := range m.due {
		if d < due {
			t.Fatalf("timer %d of tick %d fired before timer %d of tick %d", i, due, j, d)
		}
	}
	m.now = due
	delete(m.due, i)
	m.fired = append(m.fired, i)
	if at, ok := m.rearm[i]; ok {
		delete(m.rearm, i)
		m.set(i, at)
	}
	if j, ok := m.stops[i]; ok {
		delete(m.stops, i)
		m.stop(t, j)
	}
}

func (m *model) advance(t *rapid.T, to time.Duration) {
	target := int64(to / wheel.Tick)
	m.wheel.Advance(to, func(timer *wheel.Timer[int]) { m.fire(t, target, timer) })
	m.now = max(m.now, target)
	for i, d := range m.due {
		if d <= m.now {
			t.Fatalf("timer %d of tick %d has not fired at tick %d", i, d, m.now)
		}
	}
}

func (m *model) check(t *rapid.T) {
	next, ok := m.wheel.Next()
	if ok != (len(m.due) > 0) || m.wheel.Len() != len(m.due) {
		t.Fatalf("Next ok %v and Len %d with %d timers armed", ok, m.wheel.Len(), len(m.due))
	}
	for i, d := range m.due {
		if next > time.Duration(d)*wheel.Tick {
			t.Fatalf("Next %v is after timer %d at tick %d", next, i, d)
		}
		if !m.timers[i].Armed() {
			t.Fatalf("timer %d is not armed", i)
		}
	}
	if ok && next <= time.Duration(m.now)*wheel.Tick {
		t.Fatalf("Next %v is not after the clock, tick %d", next, m.now)
	}
}

// TestModel compares the wheel with a plain list over random histories.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span := rapid.OneOf(
			rapid.Int64Range(-int64(20*time.Millisecond), int64(2*time.Second)),
			rapid.Int64Range(0, int64(time.Minute)),
			rapid.Int64Range(0, int64(24*time.Hour)),
		)
		clock := time.Duration(rapid.Int64Range(0, int64(40*24*time.Hour)).Draw(t, "start"))
		const n = 12
		m := &model{now: int64(clock / wheel.Tick), due: map[int]int64{}, rearm: map[int]time.Duration{}, stops: map[int]int{}, wheel: wheel.New[int](clock)}
		for i := range n {
			m.timers = append(m.timers, &wheel.Timer[int]{Value: i})
		}
		which := rapid.IntRange(0, n-1)
		t.Repeat(map[string]func(*rapid.T){
			"set":     func(t *rapid.T) { m.set(which.Draw(t, "timer"), clock+time.Duration(span.Draw(t, "in"))) },
			"stop":    func(t *rapid.T) { m.stop(t, which.Draw(t, "timer")) },
			"rearm":   func(t *rapid.T) { m.rearm[which.Draw(t, "timer")] = clock + time.Duration(span.Draw(t, "in")) },
			"stopper": func(t *rapid.T) { m.stops[which.Draw(t, "timer")] = which.Draw(t, "victim") },
			"advance": func(t *rapid.T) {
				clock += max(0, time.Duration(span.Draw(t, "by")))
				m.advance(t, clock)
			},
			"to next": func(t *rapid.T) {
				if next, ok := m.wheel.Next(); ok && next > clock {
					clock = next
				}
				m.advance(t, clock)
			},
			"": m.check,
		})
	})
}

// TestExactWhenFollowed: who advances whenever Next says, fires every timer on
// its own tick, with few wake-ups in between.
func TestExactWhenFollowed(t *testing.T) {
	start := 3*time.Hour + 3*time.Millisecond
	w := wheel.New[time.Duration](start)
	waits := []time.Duration{time.Millisecond, 500 * time.Millisecond, 32 * time.Second, 3 * time.Minute, 24 * time.Hour}
	for _, d := range waits {
		w.Set(&wheel.Timer[time.Duration]{Value: start + d}, start+d)
	}
	var fired []time.Duration
	turns := 0
	for next, ok := w.Next(); ok; next, ok = w.Next() {
		turns++
		w.Advance(next, func(tm *wheel.Timer[time.Duration]) {
			fired = append(fired, tm.Value-start)
			if next < tm.Value || next >= tm.Value+wheel.Tick {
				t.Errorf("a timer for %v fired at %v", tm.Value, next)
			}
		})
	}
	if !slices.Equal(fired, waits) {
		t.Errorf("fired %v, want %v", fired, waits)
	}
	if turns > 7*len(waits) {
		t.Errorf("%d turns for %d timers", turns, len(waits))
	}
}

// TestClockBackwards: a clock that stands still or goes back fires nothing twice.
func TestClockBackwards(t *testing.T) {
	w := wheel.New[int](time.Second)
	var tm wheel.Timer[int]
	fired := 0
	fire := func(*wheel.Timer[int]) { fired++ }
	w.Set(&tm, 0)
	w.Advance(0, fire)
	w.Advance(time.Second, fire)
	if fired != 0 || !tm.Armed() {
		t.Fatalf("fired %d times before the next tick", fired)
	}
	w.Advance(time.Second+wheel.Tick, fire)
	w.Advance(time.Second, fire)
	if fired != 1 {
		t.Fatalf("fired %d times, want once", fired)
	}
}

func TestNoAllocation(t *testing.T) {
	w := wheel.New[int](0)
	timers := make([]wheel.Timer[int], 100)
	var now time.Duration
	fire := func(tm *wheel.Timer[int]) { w.Set(tm, now+time.Duration(tm.Value)*time.Second) }
	got := testing.AllocsPerRun(100, func() {
		for i := range timers {
			timers[i].Value = i
			w.Set(&timers[i], now+time.Duration(i)*37*time.Millisecond)
		}
		now += time.Second
		w.Advance(now, fire)
		for i := range timers {
			w.Stop(&timers[i])
		}
	})
	if got != 0 {
		t.Errorf("%v allocations per round", got)
	}
}

// BenchmarkSetStop is the life of most transaction timers: set, then stopped by
// the answer, among 100,000 others.
func BenchmarkSetStop(b *testing.B) {
	w := wheel.New[int](0)
	others := make([]wheel.Timer[int], 100_000)
	for i := range others {
		w.Set(&others[i], time.Duration(i)*320*time.Microsecond)
	}
	var tm wheel.Timer[int]
	b.ReportAllocs()
	for b.Loop() {
		w.Set(&tm, 500*time.Millisecond)
		w.Stop(&tm)
	}
}

// BenchmarkRun lets 100,000 timers of 32 s fire and be set again.
func BenchmarkRun(b *testing.B) {
	w := wheel.New[int](0)
	timers := make([]wheel.Timer[int], 100_000)
	for i := range timers {
		w.Set(&timers[i], time.Duration(i)*320*time.Microsecond)
	}
	var now time.Duration
	fired := 0
	fire := func(tm *wheel.Timer[int]) {
		fired++
		w.Set(tm, now+32*time.Second)
	}
	b.ReportAllocs()
	for b.Loop() {
		now += wheel.Tick
		w.Advance(now, fire)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(fired), "ns/timer")
}
