package provision

import (
	"context"
	"sync"
)

// turns lets the writers of one thing follow each other on this node, where they
// would overtake each other and begin anew until their attempts run out: the
// customers of one reseller's pool, the additions to one account's credit. What
// other nodes write is found out by the versions all the same.
type turns struct {
	mu sync.Mutex
	// slots are of the keys that somebody has or waits for.
	slots map[string]*slot
}

// slot is full while somebody has the turn.
type slot struct {
	taken chan struct{}
	users int
}

func newTurns() *turns { return &turns{slots: map[string]*slot{}} }

// take carries do out when no other one of the same key runs. do must not take
// the same turn itself.
func (t *turns) take(ctx context.Context, key string, do func() error) error {
	mine := t.enter(key)
	defer t.leave(key, mine)
	select {
	case mine.taken <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-mine.taken }()
	return do()
}

func (t *turns) enter(key string) *slot {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slots[key]
	if s == nil {
		s = &slot{taken: make(chan struct{}, 1)}
		t.slots[key] = s
	}
	s.users++
	return s
}

func (t *turns) leave(key string, s *slot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.users--; s.users == 0 {
		delete(t.slots, key)
	}
}
