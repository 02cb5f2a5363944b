package sip

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// chaosTrace is what happened, call by call, for the report on a fault.
type chaosTrace struct {
	mu    sync.Mutex
	calls map[string][]chaosEvent
}

type chaosEvent struct {
	at        time.Time
	who, what string
	m         *message // or nil
}

// note adds an event; it may come from any goroutine, so the time may be
// earlier than that of the event before it.
func (t *chaosTrace) note(callID string, e chaosEvent) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls[callID] = append(t.calls[callID], e)
}

// chaosTraced bounds the calls a report tells of.
const chaosTraced = 3

// report tells the story of the first few calls that went wrong.
func (t *chaosTrace) report(tb testing.TB, ids []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var told []string
	for _, id := range ids {
		if slices.Contains(told, id) || len(told) == chaosTraced {
			continue
		}
		told = append(told, id)
		events := slices.Clone(t.calls[id])
		slices.SortStableFunc(events, func(a, b chaosEvent) int { return a.at.Compare(b.at) })
		var b strings.Builder
		for _, e := range events {
			fmt.Fprintf(&b, "%9.3f ms  %-10s %s\n", float64(e.at.Sub(events[0].at))/1e6, e.who, e)
		}
		tb.Logf("%s:\n%s", id, &b)
	}
}

func (e chaosEvent) String() string {
	if e.m == nil {
		return e.what
	}
	branch := param(e.m.get("Via"), "branch")
	return fmt.Sprintf("%s %s (%s) To tag %q, branch …%s", e.what, e.m.what(), e.m.get("CSeq"), param(e.m.get("To"), "tag"), branch[max(0, len(branch)-12):])
}
