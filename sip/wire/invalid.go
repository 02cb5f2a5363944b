package wire

import (
	"errors"
	"strconv"
)

// ErrNotSIP is returned by Parse for a datagram without a SIP start line: a
// keep-alive (RFC 5626 §3.5.1), another protocol, noise. Nothing can be
// answered; drop it.
var ErrNotSIP = errors.New("wire: not a SIP message")

// Invalid says why a message is refused. A request gets Status; a response is
// discarded (RFC 3261 §18.1.2, §8.1.3).
type Invalid struct {
	// Status is the status code to answer: 400, 416, 501, 505 or 513.
	Status int
	// Field is the name of the header to blame, "Request-Line",
	// "Request-URI" or "Status-Line", or empty for the message as a whole.
	Field string
	// Detail is one short phrase. It holds no text of the message and is safe
	// in a reason phrase or a Warning.
	Detail string
}

func (e *Invalid) Error() string {
	s := strconv.Itoa(e.Status)
	if e.Field != "" {
		s += " " + e.Field
	}
	return s + ": " + e.Detail
}

// bad is a 400.
func bad(field, detail string) *Invalid {
	return &Invalid{Status: 400, Field: field, Detail: detail}
}
