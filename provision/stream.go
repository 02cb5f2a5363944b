package provision

import (
	"sync"
)

// streams are the event streams that are open.
type streams struct {
	mu    sync.Mutex
	count map[string]int
	all   int
	// done is closed when the server drains.
	done   chan struct{}
	closed bool
}

func newStreams() *streams { return &streams{count: map[string]int{}, done: make(chan struct{})} }

// open counts a stream; nil when there are too many. The caller must call what
// is returned when it ends.
func (s *streams) open(who string) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= maxStreams || s.count[who] >= maxOwnStreams {
		return nil
	}
	s.all++
	s.count[who]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.count[who]--; s.count[who] == 0 {
			delete(s.count, who)
		}
	}
}

// streamOwner is whose streams are counted together: an account can make itself
// any number of tokens.
func streamOwner(p principal) string {
	if p.Account != "" {
		return string(p.Account)
	}
	return p.ID
}

// EndStreams ends all event streams, those that begin later, too, as soon as they
// have told what there is: a server that shuts down would wait for them.
func (s *Server) EndStreams() {
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	if !s.streams.closed {
		s.streams.closed = true
		close(s.streams.done)
	}
}
