package store

import (
	"encoding/json"
	"fmt"
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
}

// filing is one record on its way into one account's log.
type filing struct {
	account directory.AccountID
	body    string
	started int64 // Unix ms
	// tried: an attempt was sent and may have arrived.
	tried bool
}

// filings are the logs a call record belongs into:
//
//   - the caller's;
//   - the callee's, when the attempt reached it or failed for its own sake. A
//     call inside one account stands in its log once;
//   - the owner's of a private number that was dialled, with the truth.
func filings(c *routing.CDR) ([]filing, error) {
	base := storedRecord{
		Lease: leaseText(c.Lease), From: c.From, To: c.To,
		Started: millis(c.Started), Answered: millis(c.Answered), Ended: millis(c.Ended),
		Result: c.Result, Reason: c.Reason.String(), Status: c.SIPStatus,
	}
	var out []filing
	add := func(account directory.AccountID, r storedRecord) error {
		body, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("store: a call record does not encode: %w", err)
		}
		out = append(out, filing{account: account, body: string(body), started: r.Started})
		return nil
	}
	hidden := c.Hidden != routing.None
	if c.Caller != "" {
		r := base
		if !hidden && c.Reason != routing.NumberNotFound {
			r.Peer = c.Callee
		}
		if err := add(c.Caller, r); err != nil {
			return nil, err
		}
	}
	if c.Callee != "" && c.Callee != c.Caller && !hidden && calleeMayKnow(c.Reason) {
		r := base
		r.Inbound, r.Peer = true, c.Caller
		if err := add(c.Callee, r); err != nil {
			return nil, err
		}
	}
	if hidden && c.Owner != "" {
		r := base
		r.Inbound, r.Peer, r.Reason = true, c.Caller, c.Hidden.String()
		if err := add(c.Owner, r); err != nil {
			return nil, err
		}
	}
	return out, nil
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
		Result: r.Result, Reason: r.Reason, SIPStatus: r.Status,
	}, nil
}
