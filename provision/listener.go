package provision

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

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
