package store

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// roundOps bounds the operations of one script call, so that it never holds
// Redis up for long.
const roundOps = 64

var errReply = errors.New("the ledger's script gave another number of replies")

// flight is one script call on its way.
type flight struct {
	ops []*op
	cmd *redis.Cmd
	// book goes out before it where meters count the call; or nil.
	book *redis.Cmd
}

// header is what the round script is told first.
func (s *Store) header() []any {
	return []any{
		strconv.FormatInt(s.cfg.EarlyTTL.Milliseconds(), 10), strconv.Itoa(callOutlives),
		strconv.Itoa(capsKept), strconv.Itoa(tombKept),
	}
}

// launch adds the batch to the pipeline, in script calls of roundOps at most. A
// script call has its operations in an order of its own, so what is meant for
// one lease goes into one after the other. Every operation on a call on terms is a
// script call of its own.
func (l *ledger) launch(ctx context.Context, batch []*op) {
	l.flights, l.args = l.flights[:0], l.args[:0]
	l.words.reset()
	for len(batch) > 0 {
		var f flight
		if n := l.distinct(batch[:min(len(batch), roundOps)]); n > 0 {
			f = l.flight(ctx, batch[:n])
		} else {
			f = l.meteredFlight(ctx, batch[0])
		}
		l.pipe.Process(ctx, f.cmd)
		l.flights = append(l.flights, f)
		batch = batch[len(f.ops):]
	}
}

// flight is a script call with as many of the operations as go into one.
func (l *ledger) flight(ctx context.Context, ops []*op) flight {
	n, args := l.command(ops)
	return flight{ops: ops[:n], cmd: redis.NewCmd(ctx, args...)}
}

// distinct is how many operations there are before one on a lease again, or one
// that is a script call of its own.
func (l *ledger) distinct(batch []*op) int {
	clear(l.leases)
	for i, o := range batch {
		if l.leases[o.lease] || o.metered() {
			return i
		}
		l.leases[o.lease] = true
	}
	return len(batch)
}

// command is the EVALSHA of round.lua for as many of the operations as go into
// one. It points into their memory and the sender's.
func (l *ledger) command(ops []*op) (n int, args []any) {
	r := &l.words
	n = r.write(ops)
	from := len(l.args)
	l.args = append(l.args, l.evalsha, l.hash, keysBefore+len(r.keys), l.fence, l.own)
	l.args = r.appendArgs(append(l.args, r.keys...), l.head)
	return n, l.args[from:len(l.args):len(l.args)]
}

// land gives every operation of a script call its reply or the error of all.
func (f *flight) land() {
	replies, err := f.cmd.Slice()
	if f.book != nil && err == nil {
		err = f.book.Err()
	}
	if err == nil && len(replies) != len(f.ops) {
		err = errReply
	}
	for i, o := range f.ops {
		if o.err = err; err != nil {
			continue
		}
		o.reply = replies[i]
		if text, ok := o.reply.(string); ok && len(text) > 0 && text[0] == '!' {
			o.err = scriptError(text[1:])
		}
	}
}

// buildAdmit writes an admission's words: its keys, its location, what people
// read of the call, a letter per claim and the caps of each.
func (s *Store) buildAdmit(o *op, a *routing.Admission) {
	s.admitKeys(o, a.Claims)
	o.text = appendInfo(o.text, a)
	o.end()
	o.claimWords(a.Claims)
}

// admitWords is the same for what people read of the call.
func (s *Store) admitWords(o *op, claims []routing.Claim, info string) {
	s.admitKeys(o, claims)
	o.word(info)
	o.claimWords(claims)
}

// admitKeys begins an admission's words: its keys and its location.
func (s *Store) admitKeys(o *op, claims []routing.Claim) {
	k := s.keys
	o.begin(letterAdmit)
	o.callWord(k)
	for i := range claims {
		account := string(claims[i].Account)
		o.word(k.prefix, "lim:", account)
		o.word(k.prefix, "leases:", account, ":in")
		o.word(k.prefix, "leases:", account, ":out")
	}
	o.keys = len(o.ends)
	o.locWord()
}

// info is what people read of the call an admission's words are about.
func (o *op) info() string { return strings.Clone(*o.words()[o.keys+1].(*string)) }

func (o *op) claimWords(claims []routing.Claim) {
	for i := range claims {
		lane := byte('i')
		if claims[i].Outbound() {
			lane = 'o'
		}
		o.text = append(o.text, lane)
	}
	o.end()
	for i := range claims {
		o.capsWords(claims[i].Limits)
	}
}

func (o *op) capsWords(l *directory.Limits) {
	if l == nil {
		l = &directory.Limits{Inbound: -1, Outbound: -1, TwoWay: -1, Burst: -1, MaxOutbound: -1}
	}
	o.number(int64(l.Version))
	for _, n := range [...]int64{l.Inbound, l.Outbound, l.TwoWay, l.Burst, l.MaxOutbound} {
		o.number(n)
	}
}

// buildConfirm writes a confirm's words: its keys, its location and how long the
// lease lasts from now on.
func (s *Store) buildConfirm(o *op) {
	o.begin(letterConfirm)
	o.callWord(s.keys)
	o.heldWords(s.keys)
	o.number(s.confirmedFor(o.expires).Milliseconds())
}

// confirmedFor is how long an answered call's lease lasts: 1.5 times its
// session interval (RFC 4028 §10 ends a session after one interval without a
// refresh), or what its owner renews.
func (s *Store) confirmedFor(expires time.Duration) time.Duration {
	if expires > 0 {
		return expires + expires/2
	}
	return s.cfg.ConfirmedTTL
}

// buildRelease writes a release's words: its keys and its location.
func (s *Store) buildRelease(o *op) {
	o.begin(letterRelease)
	o.callWord(s.keys)
	if owner := eachClaim(o.loc, func(routing.Claim) {}); owner != "" && owner != s.incarnation {
		o.letter = letterForeign
		o.word(s.keys.prefix, "own:", owner)
	}
	o.heldWords(s.keys)
}

// heldWords ends the keys of an operation on a lease that is held with its lease
// sets.
func (o *op) heldWords(k ledgerKeys) {
	eachClaim(o.loc, func(c routing.Claim) { o.leaseSetWord(k, c) })
	eachMeter(o.loc, func(m meter) { o.word(k.prefix, "leases:", string(m.account), m.lane()) })
	o.keys = len(o.ends)
	o.locWord()
}

func (o *op) locWord() {
	o.text = appendValue(o.text, o.loc)
	o.end()
}

func (o *op) callWord(k ledgerKeys) {
	o.text = append(o.text, k.prefix...)
	o.text = append(o.text, "call:"...)
	o.text = appendLease(o.text, o.lease)
	o.end()
}

// build writes an operation's words, from the loc it has; an admission's are
// there since its hand-over.
func (s *Store) build(o *op) {
	switch o.kind {
	case opConfirm:
		s.buildConfirm(o)
	case opRelease:
		s.buildRelease(o)
	}
}

// endLease carries out one release outside the ledger's queue. moved is where
// the lease is held, when it is not where the caller thought.
func (s *Store) endLease(ctx context.Context, lease routing.LeaseID, loc string) (moved string, err error) {
	if err := s.settleAccounts(ctx, lease, loc); err != nil {
		return "", err
	}
	o := &op{kind: opRelease, lease: lease, loc: loc}
	s.build(o)
	r := newRoundCall()
	r.write([]*op{o})
	keys := []string{s.fence, s.own}
	for _, w := range r.keys {
		keys = append(keys, *w.(*string))
	}
	f := flight{ops: []*op{o}, cmd: s.scripts.round.run(ctx, s.client, keys, r.appendArgs(nil, s.header())...)}
	f.land()
	if o.err != nil {
		return "", o.err
	}
	text, _ := o.reply.(string)
	moved, _, _ = cutValue(text)
	return moved, nil
}
