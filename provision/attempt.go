package provision

import (
	"net/netip"
	"sync"
	"time"
)

// attempts counts failures by key in buckets: each holds burst of them and one
// more every while. Who begins pays, and who succeeds is paid back, so that many
// at once cannot slip past the count.
type attempts struct {
	burst float64
	every time.Duration
	// most keys are remembered; beyond, one that owes little is forgotten.
	most int
	mu   sync.Mutex
	keys map[string]*bucket
}

// bucket is what a key had left at a time.
type bucket struct {
	left float64
	at   time.Time
}

// maxAttempted bounds the memory of each count: about 5 MB.
const maxAttempted = 50_000

func newAttempts(burst int, every time.Duration) *attempts {
	return &attempts{burst: float64(burst), every: every, most: maxAttempted, keys: map[string]*bucket{}}
}

// begin takes one attempt of a key, or tells how long until there is one.
func (a *attempts) begin(key string, at time.Time) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.keys[key]
	if b == nil {
		a.makeRoom(at)
		b = &bucket{left: a.burst, at: at}
		a.keys[key] = b
	}
	b.left, b.at = a.now(b, at), at
	if b.left < 1 {
		return time.Duration((1 - b.left) * float64(a.every))
	}
	b.left--
	return 0
}

// succeed gives an attempt back.
func (a *attempts) succeed(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b := a.keys[key]; b != nil {
		b.left = min(a.burst, b.left+1)
	}
}

func (a *attempts) now(b *bucket, at time.Time) float64 {
	return min(a.burst, b.left+max(0, float64(at.Sub(b.at)))/float64(a.every))
}

// makeRoom forgets the keys that owe nothing, or else the one of a few that owes
// least.
func (a *attempts) makeRoom(at time.Time) {
	if len(a.keys) < a.most {
		return
	}
	const few = 64
	least, most, seen := "", -1.0, 0
	for key, b := range a.keys {
		left := a.now(b, at)
		if left >= a.burst {
			delete(a.keys, key)
		} else if left > most {
			least, most = key, left
		}
		if seen++; seen == few {
			break
		}
	}
	if len(a.keys) >= a.most {
		delete(a.keys, least)
	}
}

// sourceOf names where a request comes from: an IPv4 address, or the /64 that one
// customer of a network usually has (RFC 6177).
func sourceOf(remote string) string {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	addr := at.Addr().Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return addr.String()
	}
	return prefix.String()
}
