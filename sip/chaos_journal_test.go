package sip

import (
	"sync"
	"time"

	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/transport"
)

// chaosClock tells how far a loop's clock is behind: it is read once a turn, and
// on a busy machine a turn can take longer than a transaction may live here.
type chaosClock struct {
	begun time.Time // before the loops' clocks
	mu    sync.Mutex
	least time.Duration // how far the loops' clocks began later, as far as one knows
	known bool
}

// behind may be called on the loop's goroutine only.
func (k *chaosClock) behind(l *transport.Loop) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	d := time.Since(k.begun) - l.Now()
	if !k.known || d < k.least {
		k.known, k.least = true, d
	}
	return d - k.least
}

// chaosJournal keeps the call records.
type chaosJournal struct {
	world   *chaos
	mu      sync.Mutex
	records []chaosRecord
}

// chaosRecord is a record and how far the gateway's clock was behind when it
// was written.
type chaosRecord struct {
	routing.CDR
	behind time.Duration
}

func (j *chaosJournal) Write(c *routing.CDR) {
	r := chaosRecord{*c, j.world.clock.behind(j.world.shardOf(c.CallID).loop)}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records = append(j.records, r)
}

func (j *chaosJournal) written() []chaosRecord {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.records
}
