package store

import (
	"context"
	"sync"
	"time"
)

// budget is a context that ends at a deadline. It can be used again, and costs a
// timer only where somebody waits for its end: the driver does so while it
// connects, and goes by the deadline otherwise.
type budget struct {
	mu     sync.Mutex
	at     time.Time
	waited context.Context // nil while nobody has asked for Done
	cancel context.CancelFunc
}

// begin sets the deadline; end lets go of what was needed for it.
func (b *budget) begin(at time.Time) context.Context {
	b.mu.Lock()
	b.at = at
	b.mu.Unlock()
	return b
}

func (b *budget) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waited != nil {
		b.cancel()
		b.waited, b.cancel = nil, nil
	}
}

// Deadline implements context.Context.
func (b *budget) Deadline() (time.Time, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at, true
}

// Done implements context.Context.
func (b *budget) Done() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waited == nil {
		b.waited, b.cancel = context.WithDeadline(context.Background(), b.at)
	}
	return b.waited.Done()
}

// Err implements context.Context.
func (b *budget) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.waited != nil:
		return b.waited.Err()
	case !time.Now().Before(b.at):
		return context.DeadlineExceeded
	}
	return nil
}

// Value implements context.Context.
func (b *budget) Value(any) any { return nil }
