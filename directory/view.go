package directory

import (
	"context"
	"sync"
	"time"
)

// View is the whole directory in memory, with the indexes routing and the API
// read. One writer (the store's watch) applies changes; any number of readers
// look things up. A lookup takes no allocation.
type View struct {
	mu sync.RWMutex
	index
	seq       uint64
	changedAt time.Time
	// advanced is closed and replaced whenever seq moves.
	advanced chan struct{}
}

// NewView returns an empty view at sequence 0.
func NewView() *View { return &View{index: newIndex(Room{}), advanced: make(chan struct{})} }

// Delta is one object's new state in a change stream entry.
type Delta struct {
	Ref Ref
	// After is nil when the object was deleted.
	After Object
}

// Apply carries out one change stream entry: all of its deltas, in whatever
// order, become visible to readers together. Entries come in the order of their
// numbers; one that the view has already is skipped whole, so that an entry may
// be applied twice. A put not newer than what the view holds is skipped too: what
// was loaded may be ahead of the entries that follow it.
func (v *View) Apply(seq uint64, at time.Time, deltas []Delta) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if seq <= v.seq {
		return
	}
	for _, d := range deltas {
		v.put(d)
	}
	v.advance(seq, at)
}

// Load replaces everything by the objects given, as of sequence seq.
func (v *View) Load(seq uint64, at time.Time, objects []Object) {
	var room Room
	for _, o := range objects {
		room.Add(o.Ref().Kind, 1)
	}
	l := NewLoader(room)
	for _, k := range kinds {
		for _, o := range objects {
			if o.Ref().Kind == k {
				l.Put(o)
			}
		}
	}
	v.Replace(seq, at, l)
}

// Replace takes over what a loader has gathered, as of sequence seq. Lookups
// wait for no more than the exchange. The loader must not be used again.
func (v *View) Replace(seq uint64, at time.Time, l *Loader) {
	l.finish()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.index = l.index
	v.advance(seq, at)
}

func (v *View) advance(seq uint64, at time.Time) {
	v.seq, v.changedAt = seq, at
	close(v.advanced)
	v.advanced = make(chan struct{})
}

// Seq returns the sequence number of the last entry applied, and when that was
// written.
func (v *View) Seq() (uint64, time.Time) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.seq, v.changedAt
}

// WaitFor returns once the view has applied the entry seq, or with the
// context's error.
func (v *View) WaitFor(ctx context.Context, seq uint64) error {
	for {
		v.mu.RLock()
		have, advanced := v.seq, v.advanced
		v.mu.RUnlock()
		if have >= seq {
			return nil
		}
		select {
		case <-advanced:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
