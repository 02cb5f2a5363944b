package provision

import (
	"context"
	"hash/maphash"
)

// turns lets the writers of one thing follow each other on this node, where they
// would overtake each other and begin anew until their attempts run out: the
// customers of one reseller's pool, the additions to one account's credit. What
// other nodes write is found out by the versions all the same.
type turns struct {
	seed  maphash.Seed
	slots [256]chan struct{}
}

func newTurns() *turns {
	t := &turns{seed: maphash.MakeSeed()}
	for i := range t.slots {
		t.slots[i] = make(chan struct{}, 1)
	}
	return t
}

// take carries do out when no other one of the same key runs. Keys may share a
// slot: do must not take a turn itself.
func (t *turns) take(ctx context.Context, key string, do func() error) error {
	slot := t.slots[maphash.String(t.seed, key)%uint64(len(t.slots))]
	select {
	case slot <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-slot }()
	return do()
}
