package store

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

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

// header is what the round script is told before the operations.
func (s *Store) header() []any {
	return []any{
		strconv.FormatInt(s.cfg.EarlyTTL.Milliseconds(), 10),
		strconv.FormatInt(s.cfg.EarlyTTL.Milliseconds()+callOutlives, 10),
		strconv.Itoa(capsKept), strconv.Itoa(tombKept),
	}
}

// launch adds the batch to the pipeline, in script calls of roundOps at most. A
// script call has its operations in an order of its own, so what is meant for
// one lease goes into one after the other. Every operation on a call on terms is a
// script call of its own.
func (l *ledger) launch(ctx context.Context, batch []*op) {
	l.flights, l.args = l.flights[:0], l.args[:0]
	for len(batch) > 0 {
		n := l.distinct(batch[:min(len(batch), roundOps)])
		f := flight{ops: batch[:max(1, n)]}
		if n == 0 {
			f = l.meteredFlight(ctx, batch[0])
		} else {
			f.cmd = redis.NewCmd(ctx, l.command(f.ops)...)
		}
		l.pipe.Process(ctx, f.cmd)
		l.flights = append(l.flights, f)
		batch = batch[len(f.ops):]
	}
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

// command is the EVALSHA of round.lua for some operations. It points into their
// memory and the sender's.
func (l *ledger) command(ops []*op) []any {
	from, keys := len(l.args), 2
	for _, o := range ops {
		keys += o.keys
	}
	l.args = append(l.args, l.evalsha, l.hash, keys, l.fence, l.own)
	for _, o := range ops {
		l.args = append(l.args, o.words()[:o.keys]...)
	}
	l.args = append(l.args, l.head...)
	for _, o := range ops {
		l.args = append(l.args, o.args[o.keys:]...)
	}
	return l.args[from:len(l.args):len(l.args)]
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

// The letters of round.lua.
const (
	letterAdmit   = "a"
	letterConfirm = "c"
	letterRelease = "r"
	letterForeign = "f"
)

// buildAdmit writes an admission's words.
func (s *Store) buildAdmit(o *op, a *routing.Admission) {
	s.admitKeys(o, a.Claims)
	o.text = appendInfo(appendValue(o.text, o.loc), a)
	o.end()
	for i := range a.Claims {
		o.capsWords(&a.Claims[i])
	}
}

// admitWords is the same for what people read of the call.
func (s *Store) admitWords(o *op, claims []routing.Claim, info string) {
	s.admitKeys(o, claims)
	o.text = append(appendValue(o.text, o.loc), info...)
	o.end()
	for i := range claims {
		o.capsWords(&claims[i])
	}
}

// admitKeys begins an admission's words: its keys and its letter.
func (s *Store) admitKeys(o *op, claims []routing.Claim) {
	k := s.keys
	o.begin()
	o.callWord(k)
	for i := range claims {
		account := string(claims[i].Account)
		o.word(k.prefix, "lim:", account)
		o.word(k.prefix, "leases:", account, ":in")
		o.word(k.prefix, "leases:", account, ":out")
	}
	o.keys = len(o.ends)
	o.text = append(o.text, letterAdmit...)
	for i := range claims {
		lane := byte('i')
		if claims[i].Outbound() {
			lane = 'o'
		}
		o.text = append(o.text, lane)
	}
	o.end()
}

func (o *op) capsWords(c *routing.Claim) {
	if c.Limits == nil {
		o.number(0)
		for range 5 {
			o.number(-1)
		}
		return
	}
	o.number(int64(c.Limits.Version))
	for _, n := range [...]int64{c.Limits.Inbound, c.Limits.Outbound, c.Limits.TwoWay, c.Limits.Burst, c.Limits.MaxOutbound} {
		o.number(n)
	}
}

// buildConfirm writes a confirm's words.
func (s *Store) buildConfirm(o *op) {
	o.begin()
	o.callWord(s.keys)
	o.heldWords(s.keys, letterConfirm)
	lasts := s.confirmedFor(o.expires).Milliseconds()
	o.number(lasts)
	o.number(lasts + callOutlives)
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

// buildRelease writes a release's words.
func (s *Store) buildRelease(o *op) {
	letter := letterRelease
	o.begin()
	if owner := eachClaim(o.loc, func(routing.Claim) {}); owner != "" && owner != s.incarnation {
		letter = letterForeign
		o.word(s.keys.prefix, "own:", owner)
	}
	o.callWord(s.keys)
	o.heldWords(s.keys, letter)
}

// heldWords ends the keys of an operation on a lease that is held with its lease
// sets, and begins its arguments with the letter and the location.
func (o *op) heldWords(k ledgerKeys, letter string) {
	first := len(o.ends)
	eachClaim(o.loc, func(c routing.Claim) { o.leaseSetWord(k, c) })
	eachMeter(o.loc, func(m meter) { o.word(k.prefix, "leases:", string(m.account), m.lane()) })
	o.keys = len(o.ends)
	o.text = append(o.text, letter...)
	for range o.keys - first {
		o.text = append(o.text, '.')
	}
	o.end()
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
	words := o.words()
	keys := []string{s.fence, s.own}
	for _, w := range words[:o.keys] {
		keys = append(keys, *w.(*string))
	}
	f := flight{ops: []*op{o}, cmd: s.scripts.round.run(ctx, s.client, keys, append(s.header(), words[o.keys:]...)...)}
	f.land()
	if o.err != nil {
		return "", o.err
	}
	text, _ := o.reply.(string)
	moved, _, _ = cutValue(text)
	return moved, nil
}
