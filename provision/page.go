package provision

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"net/http"
)

// Paging is how a list is asked for.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The most items in one answer."`
	Cursor string `query:"cursor" maxLength:"2048" doc:"The next of an earlier answer to the same question, to go on behind it."`
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T     `json:"items" nullable:"false" doc:"The items, in the list's order."`
	Next  *string `json:"next" doc:"The cursor of the items that follow; null when there are none."`
}

// Listing answers with a Page.
type Listing[T any] struct{ Body Page[T] }

// position is what a cursor holds: where in a list the next page begins.
type position struct {
	// Keys are the sort keys of the last item, ID is its id or, for the call
	// log, the store's own cursor.
	Keys []string `json:"k,omitempty"`
	ID   string   `json:"i"`
}

const cursorMAC = 12

// cursor makes a position opaque. list names the list and all that selects and
// orders its items: the cursor of one question does not fit another.
func (s *Server) cursor(list string, p position) *string {
	payload, err := json.Marshal(p)
	if err != nil {
		return nil // strings always encode
	}
	c := base64.RawURLEncoding.EncodeToString(append(sum(s.secrets.cursor, list, string(payload))[:cursorMAC], payload...))
	return &c
}

// position reads a cursor; the zero position for none.
func (s *Server) position(list, cursor string) (position, error) {
	var p position
	if cursor == "" {
		return p, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) < cursorMAC || !hmac.Equal(raw[:cursorMAC], sum(s.secrets.cursor, list, string(raw[cursorMAC:]))[:cursorMAC]) {
		return p, badCursor()
	}
	d := json.NewDecoder(bytes.NewReader(raw[cursorMAC:]))
	if d.Decode(&p) != nil {
		return p, badCursor()
	}
	return p, nil
}

func badCursor() *Problem {
	return badParameter("cursor", "cursor_invalid", "The cursor does not belong to this question.")
}

// pageOf cuts a page out of items sorted by id; all of them are at hand.
func pageOf[T, V any](s *Server, list string, ask Paging, items []T, id func(T) string, render func(T) V) (*Listing[V], error) {
	at, err := s.position(list, ask.Cursor)
	if err != nil {
		return nil, err
	}
	page := &Listing[V]{Body: Page[V]{Items: []V{}}}
	for _, it := range items {
		if at.ID != "" && id(it) <= at.ID {
			continue
		}
		if len(page.Body.Items) == ask.Limit {
			page.Body.Next = s.cursor(list, at)
			return page, nil
		}
		page.Body.Items = append(page.Body.Items, render(it))
		at.ID = id(it)
	}
	return page, nil
}

// Reading answers a read of one object.
type Reading[T any] struct {
	ETag string `header:"ETag" doc:"The object's version, for If-Match."`
	Body T
}

// Creation answers a POST: 201, or 200 to a dry run, which creates nothing.
type Creation[T any] struct {
	Status   int
	Location string `header:"Location" doc:"Where the object is."`
	ETag     string `header:"ETag" doc:"The object's version, for If-Match."`
	Body     T
}

// created builds a Creation.
func created[T any](dry Rehearsal, location string, version uint64, body T) *Creation[T] {
	if dry.DryRun {
		return &Creation[T]{Status: http.StatusOK, Body: body}
	}
	return &Creation[T]{Status: http.StatusCreated, Location: location, ETag: etag(version), Body: body}
}
