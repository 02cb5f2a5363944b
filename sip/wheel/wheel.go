// Package wheel is a hierarchical timing wheel for the many short timers of SIP
// transactions (RFC 3261 §17, Table 4). Arming, re-arming and stopping a timer
// cost a few nanoseconds and no allocation: a Timer is a field of what it times.
//
// A wheel belongs to one goroutine, which also tells it the time; it has no
// goroutine, lock or clock of its own.
package wheel

import (
	"math/bits"
	"time"
)

// Tick is the wheel's grain: a timer fires at the first multiple of Tick that
// is not before its time, so never early and less than one Tick late. A coarse
// grain lets timers set close to each other share one wake-up.
const Tick = 5 * time.Millisecond

const (
	slotBits = 6
	slots    = 1 << slotBits // one word of the occupancy map
	// levels × slotBits = 42 bits of ticks: seven hundred years of clock.
	levels  = 7
	maxTick = 1<<(levels*slotBits) - 1
)

// Timer is one timer; its zero value is stopped. It must not be copied while it
// is armed.
type Timer[T any] struct {
	// Value is what the timer belongs to, usually a pointer; Kind tells apart
	// the timers of one owner. The wheel reads neither.
	Value T
	Kind  uint8

	armed       bool
	level, slot uint8
	tick        uint64
	next, prev  *Timer[T]
}

// Armed reports whether the timer is going to fire.
func (t *Timer[T]) Armed() bool { return t.armed }

// Wheel holds armed timers. Times are on the caller's monotonic clock, from 0;
// a wheel keeps its order for any time between 0 and 300 years.
//
// Every armed timer lies on the level of the highest group of six bits in which
// its tick differs from the current one. So no level wraps round, all of a
// level's timers are due before those of the next, and the first slot taken on
// the first level that has one bounds everything else.
type Wheel[T any] struct {
	now   uint64 // the current tick: everything due by it has fired
	count int
	taken [levels]uint64 // one bit per slot that has timers
	heads [levels][slots]*Timer[T]
}

// New returns an empty wheel whose clock stands at now.
func New[T any](now time.Duration) *Wheel[T] {
	return &Wheel[T]{now: floor(now)}
}

// Set arms the timer to fire at the time given, whether or not it was armed. A
// time that is not after the wheel's clock means the next tick, also from
// inside fire: a timer that re-arms itself cannot hold Advance up.
func (w *Wheel[T]) Set(t *Timer[T], at time.Duration) {
	w.Stop(t)
	t.tick = min(max(ceil(at), w.now+1), maxTick)
	t.armed = true
	w.count++
	w.insert(t)
}

// Stop disarms the timer and reports whether it was armed.
func (w *Wheel[T]) Stop(t *Timer[T]) bool {
	if !t.armed {
		return false
	}
	w.remove(t)
	t.armed = false
	w.count--
	return true
}

// Len is how many timers are armed.
func (w *Wheel[T]) Len() int { return w.count }

// Next returns a time before which no timer fires, and false when none is
// armed. It is exact within the next 64 ticks; for a timer further away it may
// be earlier than the timer, and Advance at that time makes it more exact.
func (w *Wheel[T]) Next() (time.Duration, bool) {
	level, slot, ok := w.first()
	if !ok {
		return 0, false
	}
	return time.Duration(w.start(level, slot)) * Tick, true
}

// Advance moves the clock to now and calls fire for every timer due by then, in
// the order of their ticks; within one tick in no certain order. The timer is
// disarmed when fire is called; fire may set and stop any timers, this one
// included. A now before the wheel's clock does nothing.
func (w *Wheel[T]) Advance(now time.Duration, fire func(*Timer[T])) {
	target := min(floor(now), maxTick)
	for {
		level, slot, ok := w.first()
		if !ok {
			break
		}
		start := w.start(level, slot)
		if start > target {
			break
		}
		w.now = start
		if level == 0 {
			w.expire(slot, fire)
		} else {
			w.cascade(level, slot)
		}
	}
	w.now = max(w.now, target)
}

// expire fires what lies in a slot of the lowest level. Nothing is added to the
// slot meanwhile: Set goes to a later tick.
func (w *Wheel[T]) expire(slot int, fire func(*Timer[T])) {
	for t := w.heads[0][slot]; t != nil; t = w.heads[0][slot] {
		w.Stop(t)
		fire(t)
	}
}

// cascade spreads a slot whose time has begun over the levels below.
func (w *Wheel[T]) cascade(level, slot int) {
	for t := w.heads[level][slot]; t != nil; t = w.heads[level][slot] {
		w.remove(t)
		w.insert(t)
	}
}

// first finds the earliest slot that has timers.
func (w *Wheel[T]) first() (level, slot int, ok bool) {
	for level = range levels {
		if m := w.taken[level]; m != 0 {
			return level, bits.TrailingZeros64(m), true
		}
	}
	return 0, 0, false
}

// start is the first tick that a slot covers.
func (w *Wheel[T]) start(level, slot int) uint64 {
	shift := level * slotBits
	upper := w.now >> (shift + slotBits) << (shift + slotBits)
	return upper | uint64(slot)<<shift
}

func (w *Wheel[T]) insert(t *Timer[T]) {
	// A tick equal to now happens in cascade only: it is due in this Advance.
	level := (bits.Len64((t.tick^w.now)|1) - 1) / slotBits
	slot := int(t.tick>>(level*slotBits)) & (slots - 1)
	t.level, t.slot = uint8(level), uint8(slot)
	// At the front: what was set just before is still in a cache.
	head := &w.heads[level][slot]
	t.next, t.prev = *head, nil
	if t.next != nil {
		t.next.prev = t
	}
	*head = t
	w.taken[level] |= 1 << slot
}

func (w *Wheel[T]) remove(t *Timer[T]) {
	if t.next != nil {
		t.next.prev = t.prev
	}
	if t.prev != nil {
		t.prev.next = t.next
	} else if w.heads[t.level][t.slot] = t.next; t.next == nil {
		w.taken[t.level] &^= 1 << t.slot
	}
	t.next, t.prev = nil, nil
}

func floor(d time.Duration) uint64 { return uint64(max(d, 0) / Tick) }

func ceil(d time.Duration) uint64 {
	n := floor(d)
	if time.Duration(n)*Tick < d {
		n++
	}
	return n
}
