package provision

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humamux"

	"github.com/pbx-interlink/interlink/directory"
)

const eventsPath = "/v1/events"

// Bounds of event streams.
const (
	// maxStreams is how many streams a node serves, maxOwnStreams how many of
	// one account, or of one principal of the platform's.
	maxStreams, maxOwnStreams = 512, 16
	// eventChunk is how many entries of the trail are read at a time.
	eventChunk = 200
	// heartbeat is how often a quiet stream says that it is alive, streamWrite
	// how long a reader may take for what it is sent before it is cut off.
	heartbeat   = 15 * time.Second
	streamWrite = 10 * time.Second
	// gather is how long changes are gathered before they are read: a stream
	// costs the store a bounded number of reads whatever is written.
	gather = 100 * time.Millisecond
	// callsEvery is how often live calls are looked at while somebody follows.
	callsEvery = time.Second
)

// Event is a change as streams and webhooks tell it: what changed, not to what.
type Event struct {
	// Type is the kind and what became of it, for example "number.created".
	Type    string               `json:"type" doc:"The kind of object and what became of it." example:"number.created"`
	Kind    directory.Kind       `json:"kind" doc:"The sort of object." example:"number"`
	ID      string               `json:"id" doc:"The object's id." example:"num_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Account *directory.AccountID `json:"account" doc:"The account it concerns; null: the platform."`
	Action  string               `json:"action" enum:"created,changed,deleted" doc:"What became of it."`
	Version *uint64              `json:"version" doc:"The version it has now; null where it was deleted."`
	At      time.Time            `json:"at" doc:"When."`
}

type listenInput struct {
	Accounts    []directory.AccountID `query:"account" maxItems:"20" doc:"Accounts whose live calls are told, too, up to 20, separated by commas; without, changes only."`
	LastEventID string                `header:"Last-Event-ID" maxLength:"64" doc:"The id of the last event read: what came after it is told, nothing twice. Without, what happens from now on."`
}

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

// listen answers with a stream of server-sent events (the HTML standard's
// text/event-stream).
func (s *Server) listen(ctx context.Context, in *listenInput) (*huma.StreamResponse, error) {
	v, err := s.sight(ctx, "", eventsRead)
	if err != nil {
		return nil, err
	}
	for _, id := range in.Accounts {
		if _, err := s.account(ctx, id, callsRead); err != nil {
			return nil, err
		}
	}
	at, err := s.resume(ctx, in.LastEventID)
	if err != nil {
		return nil, err
	}
	release := s.streams.open(streamOwner(v.reader))
	if release == nil {
		return nil, newProblem(http.StatusTooManyRequests, "too_many_streams", "Too many event streams are open; try again later.").with("Retry-After", "10")
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer release()
		_, w := humamux.Unwrap(hctx)
		l := &listener{server: s, sight: v, place: at, accounts: slices.Compact(slices.Sorted(slices.Values(in.Accounts)))}
		l.out, l.control = bufio.NewWriter(w), http.NewResponseController(w)
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Accel-Buffering", "no")
		w.WriteHeader(http.StatusOK)
		if requestOf(ctx).method == http.MethodHead {
			return
		}
		// A stream lasts longer than reading or answering a request may. A writer
		// without deadlines is no network connection.
		_ = l.control.SetReadDeadline(time.Time{})
		l.serve(ctx)
	}}, nil
}

// place is where a stream stands: behind an entry of the trail, or behind the
// first events of the one that follows.
type place struct {
	at   directory.AuditPosition
	skip int
	// reset: what followed the last event read is not there any more, or that
	// event never was.
	reset bool
}

// id is what the reader of events repeats to go on from there; of an entry's
// events the nth was told, -1 for all.
func (p place) id(n int) string {
	if n < 0 {
		return eventID(p.at)
	}
	return fmt.Sprintf("%s.%d", eventID(p.at), n)
}

// resume finds where a stream begins.
func (s *Server) resume(ctx context.Context, last string) (place, error) {
	_, newest, err := s.cfg.Trail.AuditEnd(ctx)
	if err != nil || last == "" {
		return place{at: newest}, err
	}
	text, part, partly := strings.Cut(last, ".")
	at := auditPosition(text)
	told, err := strconv.Atoi(part)
	if at.Number == 0 || partly && (err != nil || told < 0) {
		return place{at: newest, reset: true}, nil
	}
	// The entry itself must be there still, and be the one that was read.
	before := directory.AuditPosition{Ms: at.Ms, Number: at.Number - 1}
	entries, err := s.cfg.Trail.AuditEntries(ctx, directory.AuditQuery{Beyond: before, From: at.Time(), Ascending: true, Limit: 1})
	switch {
	case err != nil:
		return place{}, err
	case len(entries) == 0 || entries[0].AuditPosition != at:
		return place{at: newest, reset: true}, nil
	case partly:
		return place{at: before, skip: told + 1}, nil
	}
	return place{at: at}, nil
}

// listener is one stream.
type listener struct {
	server *Server
	sight  sight
	place
	accounts []directory.AccountID
	calls    map[string]streamedCall
	out      *bufio.Writer
	control  *http.ResponseController
}

// serve tells what happens until the reader goes, is too slow, or the server
// drains.
func (l *listener) serve(ctx context.Context) {
	if l.reset {
		l.tell("reset", l.id(-1), struct{}{})
	} else if l.skip == 0 {
		// A reader that loses the stream before the first change has a place, too.
		l.tell("ready", l.id(-1), struct{}{})
	}
	if len(l.accounts) > 0 {
		l.snapshot(ctx)
	}
	if l.flush(": listening\n\n") != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	var look <-chan time.Time
	if len(l.accounts) > 0 {
		every := time.NewTicker(callsEvery)
		defer every.Stop()
		look = every.C
	}
	moved, stop := l.server.moves(ctx)
	defer stop()
	for {
		tell := l.changes
		select {
		case <-ctx.Done():
			return
		case <-l.server.streams.done:
			return
		case <-beat.C:
			if l.flush(": here\n\n") != nil {
				return
			}
			// Changes, too: what a store that was away left out.
		case <-look:
			tell = l.compare
		case <-moved:
		}
		if !l.allowed() || tell(ctx) != nil {
			return
		}
	}
}

// moves tells, at most every gather, that the directory has changed; once at the
// beginning in any case.
func (s *Server) moves(ctx context.Context) (<-chan struct{}, func()) {
	ctx, cancel := context.WithCancel(ctx)
	moved, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			seq, _ := s.view.Seq()
			select {
			case moved <- struct{}{}:
			default:
			}
			if s.view.WaitFor(ctx, seq+1) == nil {
				select {
				case <-ctx.Done():
				case <-time.After(gather):
				}
			}
		}
	}()
	return moved, func() { cancel(); <-ended }
}

// allowed reports whether the reader may still listen: the token may have ended,
// or its rights.
func (l *listener) allowed() bool {
	if old := l.sight.reader.Token; old != nil {
		t := directory.Find[*directory.Token](l.server.view, directory.KindToken, string(old.ID))
		p, ok := l.server.principalOf(t, time.Now())
		if !ok {
			return false
		}
		l.sight.reader = p // its role may be another
	}
	return l.server.may(l.sight.reader, eventsRead, l.sight.account)
}

// changes tells what the trail has beyond where the stream stands.
func (l *listener) changes(ctx context.Context) error {
	oldest, newest, err := l.server.cfg.Trail.AuditEnd(ctx)
	if err != nil {
		return nil // the store is away; what happens meanwhile is told when it is back
	}
	if newest.Number < l.at.Number || oldest > l.at.Number+1 {
		l.place = place{at: newest}
		l.tell("reset", l.id(-1), struct{}{})
	}
	for {
		entries, err := l.server.cfg.Trail.AuditEntries(ctx, directory.AuditQuery{
			Account: l.sight.account, Beyond: l.at, Ascending: true, Limit: eventChunk,
		})
		if err != nil {
			return nil
		}
		for _, e := range entries {
			l.tellEntry(e)
		}
		if l.out.Buffered() > 0 {
			if err := l.flush(""); err != nil {
				return err
			}
		}
		if len(entries) < eventChunk {
			return nil
		}
	}
}

// tellEntry tells what the reader may know of an entry and has not been told.
func (l *listener) tellEntry(e directory.AuditEntry) {
	skip := l.skip
	l.at, l.skip = e.AuditPosition, 0
	events := l.sight.events(e)
	for i, event := range events {
		switch {
		case i < skip:
		case i == len(events)-1:
			l.tell(event.Type, l.id(-1), event)
		default:
			l.tell(event.Type, l.id(i), event)
		}
	}
}

// events lists what the reader may be told of an entry.
func (v sight) events(e directory.AuditEntry) (events []Event) {
	for _, c := range e.Changes {
		account, ok := v.of(c.Paths)
		if !ok || !v.shown(c.Kind, account) || v.unseen(c, account) {
			continue
		}
		event := Event{Kind: c.Kind, ID: c.ID, Account: nullable(account), Action: changeAction(c), At: e.Time()}
		event.Type = string(event.Kind) + "." + event.Action
		var after struct{ Version uint64 }
		if len(c.After) > 0 && json.Unmarshal(v.told(c, account), &after) == nil {
			event.Version = &after.Version
		}
		events = append(events, event)
	}
	return events
}

// tell puts an event into the buffer.
func (l *listener) tell(name, id string, data any) {
	body, err := json.Marshal(data)
	if err != nil {
		return // events always encode
	}
	if id != "" {
		fmt.Fprintf(l.out, "id: %s\n", id)
	}
	fmt.Fprintf(l.out, "event: %s\ndata: %s\n\n", strings.ReplaceAll(name, "\n", ""), body)
}

// flush sends what is buffered and more; a reader that does not take it in time
// is cut off.
func (l *listener) flush(more string) error {
	_ = l.control.SetWriteDeadline(time.Now().Add(streamWrite))
	if _, err := l.out.WriteString(more); err != nil {
		return err
	}
	if err := l.out.Flush(); err != nil {
		return err
	}
	return l.control.Flush()
}
