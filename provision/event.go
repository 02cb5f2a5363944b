package provision

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humamux"

	"github.com/pbx-interlink/interlink/directory"
)

// EventsPath is where streams of events are: requests that mostly wait.
const EventsPath = "/v1/events"

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
	Accounts    []directory.AccountID `query:"account" maxItems:"20" doc:"Accounts whose live calls are told, too, up to 20, separated by commas; without, the token's own account, and for staff changes only."`
	LastEventID string                `header:"Last-Event-ID" maxLength:"64" doc:"The id of the last event read: what came after it is told, nothing twice. Without, what happens from now on."`
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
		l := &listener{server: s, sight: v, place: at, accounts: s.followed(v.reader, in.Accounts)}
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

// followed are the accounts whose calls a stream tells: those asked for, or the
// reader's own.
func (s *Server) followed(reader principal, asked []directory.AccountID) []directory.AccountID {
	if len(asked) == 0 && reader.Account != "" && s.may(reader, callsRead, reader.Account) {
		return []directory.AccountID{reader.Account}
	}
	return slices.Compact(slices.Sorted(slices.Values(asked)))
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
