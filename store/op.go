package store

import (
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

type opKind uint8

const (
	opAdmit opKind = iota
	opConfirm
	opRelease
)

// op is one operation on the ledger, from hand-over until Redis has answered.
// Ops are pooled; what they send is built into memory they keep.
type op struct {
	kind  opKind
	lease routing.LeaseID
	// sink is nil for a release, and once the answer has been given: then the
	// op goes on for the sake of the ledger only.
	sink    routing.Sink
	expires time.Duration
	// due is when the answer must have been given.
	due time.Time
	// loc tells where the lease is held; see location.
	loc   string
	terms terms
	// burst has a bit for each of the first claims that an admission put on a
	// burst line.
	burst uint64
	// asked counts how often Redis named another loc.
	asked int
	// refused counts how often Redis answered with an error.
	refused int
	// reply and err are what the last round brought.
	reply any
	err   error

	text   []byte
	ends   []int
	pieces []string
	args   []any
	// keys is how many of the words are keys; they come first, that of the call
	// before all.
	keys int
	// letter is the operation's in round.lua.
	letter byte
}

func newOpPool() *sync.Pool { return &sync.Pool{New: func() any { return new(op) }} }

func (o *op) reset() {
	text, ends, pieces, args := o.text[:0], o.ends[:0], o.pieces[:0], o.args[:0]
	clear(pieces[:cap(pieces)])
	*o = op{text: text, ends: ends, pieces: pieces, args: args}
}

// begin starts the text of an operation; end finishes one of its words.
func (o *op) begin(letter byte) { o.letter, o.text, o.ends = letter, o.text[:0], o.ends[:0] }

func (o *op) end() { o.ends = append(o.ends, len(o.text)) }

func (o *op) word(parts ...string) {
	for _, p := range parts {
		o.text = append(o.text, p...)
	}
	o.end()
}

func (o *op) number(n int64) {
	o.text = strconv.AppendInt(o.text, n, 10)
	o.end()
}

// words cuts the text into words. They point into the op's own memory, which
// stays as it is until the op is reset or built anew.
func (o *op) words() []any {
	n := len(o.ends)
	if cap(o.pieces) < n {
		o.pieces, o.args = make([]string, n), make([]any, n)
		for i := range o.pieces {
			o.args[i] = &o.pieces[i]
		}
	}
	o.pieces = o.pieces[:n]
	// The arguments point at the pieces and need no change.
	o.args = o.args[:n]
	from := 0
	for i, to := range o.ends {
		o.pieces[i] = unsafe.String(unsafe.SliceData(o.text[from:]), to-from)
		from = to
	}
	return o.args
}

func appendLease(b []byte, l routing.LeaseID) []byte {
	const digits = "0123456789abcdef"
	for _, c := range l {
		b = append(b, digits[c>>4], digits[c&15])
	}
	return b
}

// A location says where a lease is held: the incarnation, then a word per
// claim: the role's digit, a colon, the account. Redis keeps it with the lease,
// the owner in memory, so that every script call can declare its keys.
func location(incarnation string, claims []routing.Claim) string {
	n := len(incarnation)
	for i := range claims {
		n += 3 + len(claims[i].Account)
	}
	var b strings.Builder
	b.Grow(n)
	b.WriteString(incarnation)
	for i := range claims {
		b.WriteByte(' ')
		b.WriteByte('0' + byte(claims[i].Role))
		b.WriteByte(':')
		b.WriteString(string(claims[i].Account))
	}
	return b.String()
}

// eachClaim calls yield for every claim of a location and returns its
// incarnation; a word that makes no sense is passed over.
func eachClaim(loc string, yield func(routing.Claim)) (incarnation string) {
	incarnation, rest, _ := strings.Cut(loc, " ")
	for rest != "" {
		var word string
		word, rest, _ = strings.Cut(rest, " ")
		if len(word) < 3 || word[1] != ':' || word[0] < '0' || word[0] > '0'+byte(routing.RoleCalleeParent) {
			continue
		}
		yield(routing.Claim{Role: routing.Role(word[0] - '0'), Account: directory.AccountID(word[2:])})
	}
	return incarnation
}

// claimAt is the nth claim of a location, from 0.
func claimAt(loc string, n int) (c routing.Claim) {
	i := 0
	eachClaim(loc, func(at routing.Claim) {
		if i == n {
			c = at
		}
		i++
	})
	return c
}

// leaseSet is the key of the set a claim puts a lease into.
func (k ledgerKeys) leaseSet(c routing.Claim) string {
	if c.Outbound() {
		return k.outbound(c.Account)
	}
	return k.inbound(c.Account)
}

// leaseSetWord is the same without a string of its own.
func (o *op) leaseSetWord(k ledgerKeys, c routing.Claim) {
	lane := ":in"
	if c.Outbound() {
		lane = ":out"
	}
	o.word(k.prefix, "leases:", string(c.Account), lane)
}
