package main

import (
	"net/http"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/pbx-interlink/interlink/provision"
)

const (
	// spreadBy is how many more threads run Go code while several clients ask the
	// API at once.
	spreadBy = 8
	// spreadCalm is how long that goes on after the last time they did.
	spreadCalm = 2 * time.Second
	// crowded is how many requests at once are several.
	crowded = 2
)

// spread keeps the API from holding up calls. With as few threads as calls alone
// do best with, a call's next message waits until requests before it have had
// their time slices; with more, the system lets the thread that slept go first.
// That costs processor time for each call, so it is only while the API is busy.
type spread struct {
	set          func(threads int)
	narrow, wide int

	mu    sync.Mutex
	asked int
	wider bool
	calm  *time.Timer
}

// newSpread is nil, which does nothing, where the operator has said how many
// threads there are.
func newSpread() *spread {
	if os.Getenv("GOMAXPROCS") != "" {
		return nil
	}
	narrow := runtime.GOMAXPROCS(0)
	return &spread{narrow: narrow, wide: narrow + spreadBy, set: func(threads int) { runtime.GOMAXPROCS(threads) }}
}

// over counts the requests that a handler has under way. A stream of events
// mostly waits: it counts for none.
func (s *spread) over(next http.Handler) http.Handler {
	if s == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != provision.EventsPath {
			s.begin()
			defer s.end()
		}
		next.ServeHTTP(w, r)
	})
}

func (s *spread) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked++; s.asked < crowded {
		return
	}
	if s.calm != nil {
		s.calm.Stop()
	}
	if !s.wider {
		s.wider = true
		s.set(s.wide)
	}
}

func (s *spread) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked--; s.asked == crowded-1 {
		s.calm = time.AfterFunc(spreadCalm, s.gather)
	}
}

// gather goes back to as many threads as there were, unless requests came since.
func (s *spread) gather() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wider && s.asked < crowded {
		s.wider = false
		s.set(s.narrow)
	}
}

// close ends what waits.
func (s *spread) close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calm != nil {
		s.calm.Stop()
	}
	if s.wider {
		s.wider = false
		s.set(s.narrow)
	}
}
