package store

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// storedRecord is a call record in an account's log. A field's name never
// changes its meaning; times are Unix ms, 0 for none.
type storedRecord struct {
	Lease    string              `json:"l"`
	Inbound  bool                `json:"i,omitempty"`
	Peer     directory.AccountID `json:"p,omitempty"`
	From     string              `json:"f,omitempty"`
	To       string              `json:"t,omitempty"`
	Started  int64               `json:"s,omitempty"`
	Answered int64               `json:"a,omitempty"`
	Ended    int64               `json:"e,omitempty"`
	Result   routing.Result      `json:"r"`
	Reason   string              `json:"w,omitempty"`
	Status   int                 `json:"c,omitempty"`
	// PerMinute: the account's credit paid for each minute.
	PerMinute bool `json:"m,omitempty"`
	// Burst: the call was on a burst line of the account.
	Burst bool `json:"b,omitempty"`
}

// eachLog calls file for the logs a call record belongs into:
//
//   - the caller's;
//   - the callee's, when the attempt reached it or failed for its own sake. A
//     call inside one account stands in its log once;
//   - the owner's of a private number that was dialled, with the truth.
func eachLog(c *routing.CDR, file func(account directory.AccountID, side recordSide, reason routing.Reason)) {
	hidden := c.Hidden != routing.None
	if c.Caller != "" {
		peer := c.Callee
		if hidden || c.Reason == routing.NumberNotFound {
			peer = ""
		}
		file(c.Caller, recordSide{false, c.CallerMethod, peer}, c.Reason)
	}
	if c.Callee != "" && c.Callee != c.Caller && !hidden && calleeMayKnow(c.Reason) {
		file(c.Callee, recordSide{true, c.CalleeMethod, c.Caller}, c.Reason)
	}
	if hidden && c.Owner != "" {
		file(c.Owner, recordSide{true, 0, c.Caller}, c.Hidden)
	}
}

// recordSide is what a record says from one account's side.
type recordSide struct {
	inbound bool
	method  routing.Method
	peer    directory.AccountID
}

// appendRecord writes the JSON of a storedRecord. It is written by hand because
// it is the one document that every call costs twice; a test holds it to the type.
func appendRecord(b []byte, c *routing.CDR, side recordSide, reason routing.Reason) []byte {
	b = append(b, `{"l":"`...)
	b = append(appendLease(b, c.Lease), '"')
	if side.inbound {
		b = append(b, `,"i":true`...)
	}
	b = appendTextField(b, `,"p":`, string(side.peer))
	b = appendTextField(b, `,"f":`, c.From)
	b = appendTextField(b, `,"t":`, c.To)
	b = appendNumberField(b, `,"s":`, millis(c.Started))
	b = appendNumberField(b, `,"a":`, millis(c.Answered))
	b = appendNumberField(b, `,"e":`, millis(c.Ended))
	b = append(b, `,"r":`...)
	b = appendJSON(b, string(c.Result))
	b = appendTextField(b, `,"w":`, reason.String())
	b = appendNumberField(b, `,"c":`, int64(c.SIPStatus))
	switch side.method {
	case routing.PerMinute:
		b = append(b, `,"m":true`...)
	case routing.FlatRateBurst:
		b = append(b, `,"b":true`...)
	}
	return append(b, '}')
}

// appendTextField and appendNumberField leave out what is empty.
func appendTextField(b []byte, name, s string) []byte {
	if s == "" {
		return b
	}
	return appendJSON(append(b, name...), s)
}

func appendNumberField(b []byte, name string, n int64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendInt(append(b, name...), n, 10)
}

// appendJSON writes a string; one that holds anything but plain text, which a
// peer may have sent, is left to the JSON package.
func appendJSON(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			text, err := json.Marshal(s)
			if err != nil {
				text = []byte(`""`) // a string always encodes
			}
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// calleeMayKnow: the attempt reached the callee's account, or failed because of
// its lines or its PBX.
func calleeMayKnow(r routing.Reason) bool {
	switch r {
	case routing.None, routing.CalleeLinesFull, routing.CalleeParentLinesFull, routing.TrunkDown:
		return true
	}
	return false
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// record reads a stored record back.
func parseRecord(account directory.AccountID, id, body string) (routing.Record, error) {
	var r storedRecord
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		return routing.Record{}, fmt.Errorf("store: the call record %s does not decode: %w", id, err)
	}
	return routing.Record{
		ID: id, Account: account, Inbound: r.Inbound, Peer: r.Peer, From: r.From, To: r.To,
		Started: fromMillis(r.Started), Answered: fromMillis(r.Answered), Ended: fromMillis(r.Ended),
		Result: r.Result, Reason: r.Reason, SIPStatus: r.Status, Method: r.method(),
	}, nil
}

func (r *storedRecord) method() routing.Method {
	switch {
	case r.PerMinute:
		return routing.PerMinute
	case r.Burst:
		return routing.FlatRateBurst
	case r.Answered != 0:
		return routing.FlatRate
	}
	return 0
}
