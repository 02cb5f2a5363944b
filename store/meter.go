package store

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// A call that finds no free line on an account with credit is asked for once
// more, on terms: meter.lua admits it per minute (LI9). A call that needs minutes
// of its caller's licences is asked for so at once (SU5). Calls that do neither
// have nothing to do with any of it. The location of a lease ends with the meters
// that count its call: "m:" and an account that pays, "t:" and the account whose
// minutes it uses. Their sets are more that hold the lease. book.go tells the rest.

// terms is what an admission needs to be asked for on terms.
type terms struct {
	// claims are the call's; nil where none has terms.
	claims []routing.Claim
	// pays has a bit for each claim that is to be paid for, by its index.
	pays uint64
	// info is what people read of the call; see appendInfo.
	info string
}

// maxMetered is how many claims can pay: the bits of terms.pays.
const maxMetered = 64

func (m *terms) paying(i int) bool { return i < maxMetered && m.pays&(1<<i) != 0 }

// licensed reports whether the call needs minutes of its caller's licences.
func (m *terms) licensed() bool { return len(m.claims) > 0 && m.claims[0].Licensed }

// onTerms reports whether any of the claims has terms, or needs minutes.
func onTerms(claims []routing.Claim) bool {
	for i := range claims {
		if claims[i].Terms.PerMinute || claims[i].Licensed {
			return true
		}
	}
	return false
}

// onlyOnTerms has an admission that found no line for a claim asked for again,
// paid for by that claim's account; false where it has no terms, or they have
// been tried.
func (l *ledger) onlyOnTerms(o *op, claim int) bool {
	m := &o.terms
	if o.sink == nil || claim >= min(len(m.claims), maxMetered) || !m.claims[claim].Terms.PerMinute || m.paying(claim) {
		return false
	}
	if m.info == "" {
		m.info = o.info()
	}
	return l.askAgain(o, m.pays|1<<claim)
}

// withoutTerms has an admission asked for again of which a claim has a line free
// after all.
func (l *ledger) withoutTerms(o *op, claim int) bool {
	if o.sink == nil || o.asked > maxAsked {
		return false
	}
	o.asked++
	return l.askAgain(o, o.terms.pays&^(1<<claim))
}

func (l *ledger) askAgain(o *op, pays uint64) bool {
	l.forget(o)
	o.terms.pays = pays
	o.loc = location(l.s.incarnation, o.terms.claims)
	seen := map[directory.AccountID]bool{}
	for i, c := range o.terms.claims {
		if o.terms.paying(i) && !seen[c.Account] {
			seen[c.Account] = true
			o.loc += " m:" + string(c.Account)
		}
	}
	if l.s.license(o); pays == 0 && !o.terms.licensed() {
		l.s.admitWords(o, o.terms.claims, o.terms.info)
	}
	return true
}

// license notes in the location that the call needs minutes: "t:" and the account.
func (s *Store) license(o *op) {
	if o.terms.licensed() {
		o.loc += " t:" + string(o.terms.claims[0].Account)
	}
}

// licences lists those that hold now, each with its minutes.
func (s *Store) licences(account directory.AccountID) (words []any) {
	for _, l := range s.view.LicencesAt(account, time.Now()) {
		words = append(words, string(l.ID), l.FreeMinutes+l.AddonMinutes)
	}
	return words
}

// meterCommand is the call of meter.lua for an admission.
func (s *Store) meterCommand(ctx context.Context, o *op) *redis.Cmd {
	keys := []any{s.fence, s.own, s.keys.call(o.lease), s.keys.meters()}
	args := []any{
		s.cfg.EarlyTTL.Milliseconds(), s.cfg.EarlyTTL.Milliseconds() + callOutlives, capsKept, leaseText(o.lease), "",
		string(appendValue(nil, o.loc)) + o.terms.info,
	}
	lanes := make([]byte, len(o.terms.claims))
	for i, c := range o.terms.claims {
		lanes[i] = 'i'
		if c.Outbound() {
			lanes[i] = 'o'
		}
		keys = append(keys, s.keys.limits(c.Account), s.keys.inbound(c.Account), s.keys.outbound(c.Account))
		limits := c.Limits
		if limits == nil {
			limits = directory.NoLimits(c.Account)
		}
		args = append(args, limits.Version, limits.Inbound, limits.Outbound, limits.TwoWay, limits.Burst, limits.MaxOutbound)
		if o.terms.paying(i) {
			lanes[i] -= 'a' - 'A'
			bill := meter{account: c.Account}
			keys = append(keys, s.keys.tally(bill), s.keys.metered(bill))
			args = append(args, c.Terms.Added, c.Terms.Floor, c.Terms.Price, string(c.Account))
		}
	}
	args[4] = string(lanes)
	if o.terms.licensed() {
		m := meter{o.terms.claims[0].Account, true}
		keys, args = append(keys, s.keys.tally(m), s.keys.metered(m)), append(append(args, string(m.account)), s.licences(m.account)...)
	}
	command := append([]any{"evalsha", s.scripts.meter.hash, len(keys)}, keys...)
	return redis.NewCmd(ctx, append(command, args...)...)
}

// metered reports whether an operation is a script call of its own.
func (o *op) metered() bool {
	if o.kind == opAdmit {
		return o.terms.pays != 0 || o.terms.licensed()
	}
	return onMeters(o.loc)
}

// meteredFlight adds to the pipeline what goes out before such an operation, and
// returns its own script call.
func (l *ledger) meteredFlight(ctx context.Context, o *op) flight {
	f := flight{ops: []*op{o}}
	if o.kind == opAdmit {
		if o.terms.info == "" {
			o.terms.info = o.info()
		}
		f.cmd = l.s.meterCommand(ctx, o)
		return f
	}
	script, keys, args := l.s.scripts.answer, []string(nil), []any(nil)
	if o.kind == opConfirm {
		keys, args = l.s.answerWords(o.lease, o.loc, l.s.confirmedFor(o.expires))
	} else {
		script = l.s.scripts.book
		keys, args = l.s.bookWords(o.lease, o.loc)
	}
	f.book = script.command(ctx, keys, args)
	l.pipe.Process(ctx, f.book)
	f.cmd = l.flight(ctx, f.ops).cmd
	return f
}
