// Package wire reads, checks and writes SIP messages (RFC 3261 §7, §25).
//
// A Message is a view: offsets over the octets that arrived. What the gateway
// does not own is passed on as it came, octet for octet; what it owns is
// written anew. Nothing is allocated for an ordinary request from Parse over
// Validate to AppendForward.
//
// The steps are Parse (the guard: framing, line ends, limits), Validate
// (RFC 3261 §16.3 and §8.2: syntax of what a proxy acts on, with the status to
// answer) and one of the Append functions. A header is known by its HeaderID,
// so its spelling, its compact form and the number of its copies change
// nothing.
//
// A Message and every slice taken from it are valid until the next Parse or
// until the datagram's buffer is reused, whichever is first. A Message is for
// one goroutine.
package wire
