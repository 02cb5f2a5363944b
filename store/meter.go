package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// A call that finds no free line on an account with credit is asked for once
// more, on terms: meter.lua admits it per minute, book.lua books what it has cost
// before it is released (LI9). Calls that find a line have nothing to do with
// either. The location of a lease names the accounts that pay, "m:" and the
// account, and their set of paid leases is one more that holds it.

// meter is what an admission needs to be asked for on terms.
type meter struct {
	// claims are the call's; nil where none has terms.
	claims []routing.Claim
	// pays has a bit for each claim that is to be paid for, by its index.
	pays uint64
	// info is what people read of the call; see appendInfo.
	info string
}

// maxMetered is how many claims can pay: the bits of meter.pays.
const maxMetered = 64

func (m *meter) paying(i int) bool { return i < maxMetered && m.pays&(1<<i) != 0 }

// licensed reports whether the call needs minutes of its caller's licences.
func (m *meter) licensed() bool { return len(m.claims) > 0 && m.claims[0].Licensed }

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
	m := &o.meter
	if o.sink == nil || claim >= min(len(m.claims), maxMetered) || !m.claims[claim].Terms.PerMinute || m.paying(claim) {
		return false
	}
	if m.info == "" {
		m.info = o.info()
	}
	return l.askAgain(o, m.pays|1<<claim)
}

// info is what people read of the call an admission's words are about.
func (o *op) info() string {
	_, info, _ := cutValue(*o.words()[o.keys+1].(*string))
	return strings.Clone(info)
}

// withoutTerms has an admission asked for again of which a claim has a line free
// after all.
func (l *ledger) withoutTerms(o *op, claim int) bool {
	if o.sink == nil || o.asked > maxAsked {
		return false
	}
	o.asked++
	return l.askAgain(o, o.meter.pays&^(1<<claim))
}

func (l *ledger) askAgain(o *op, pays uint64) bool {
	l.forget(o)
	o.meter.pays = pays
	o.loc = location(l.s.incarnation, o.meter.claims)
	seen := map[directory.AccountID]bool{}
	for i, c := range o.meter.claims {
		if o.meter.paying(i) && !seen[c.Account] {
			seen[c.Account] = true
			o.loc += " m:" + string(c.Account)
		}
	}
	if l.s.license(o); pays == 0 && !o.meter.licensed() {
		l.s.admitWords(o, o.meter.claims, o.meter.info)
	}
	return true
}

// license notes in the location that the call needs minutes: "t:" and the account.
func (s *Store) license(o *op) {
	if o.meter.licensed() {
		o.loc += " t:" + string(o.meter.claims[0].Account)
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
	keys := []any{s.fence, s.own, s.keys.call(o.lease)}
	args := []any{
		s.cfg.EarlyTTL.Milliseconds(), s.cfg.EarlyTTL.Milliseconds() + callOutlives, capsKept, leaseText(o.lease), "",
		string(appendValue(nil, o.loc)) + o.meter.info,
	}
	lanes := make([]byte, len(o.meter.claims))
	for i, c := range o.meter.claims {
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
		if o.meter.paying(i) {
			lanes[i] -= 'a' - 'A'
			keys = append(keys, s.keys.paid(c.Account), s.keys.bill(c.Account))
			args = append(args, c.Terms.Added, c.Terms.Floor, c.Terms.Price)
		}
	}
	args[4] = string(lanes)
	if o.meter.licensed() {
		caller := o.meter.claims[0].Account
		keys, args = append(keys, s.keys.talk(caller)), append(args, s.licences(caller)...)
	}
	command := append([]any{"evalsha", s.scripts.meter.hash, len(keys)}, keys...)
	return redis.NewCmd(ctx, append(command, args...)...)
}

// bookCommand is the call of book.lua for a release; nil where nobody pays.
func (s *Store) bookCommand(ctx context.Context, lease routing.LeaseID, loc string) *redis.Cmd {
	keys := s.bookKeys(lease, loc)
	if keys == nil {
		return nil
	}
	command := []any{"evalsha", s.scripts.book.hash, len(keys)}
	for _, k := range keys {
		command = append(command, k)
	}
	return redis.NewCmd(ctx, append(command, leaseText(lease))...)
}

func (s *Store) bookKeys(lease routing.LeaseID, loc string) (keys []string) {
	eachPayer(loc, func(a directory.AccountID) {
		if keys == nil {
			keys = append(keys, s.keys.call(lease))
		}
		keys = append(keys, s.keys.bill(a))
	})
	return keys
}

// eachPayer calls yield for every account of a location that pays per minute.
func eachPayer(loc string, yield func(directory.AccountID)) {
	for {
		_, rest, found := strings.Cut(loc, " m:")
		if !found {
			return
		}
		account, _, _ := strings.Cut(rest, " ")
		yield(directory.AccountID(account))
		loc = rest
	}
}

// talkWords are the keys and arguments of talk.lua for a release; none where no
// minutes count.
func (s *Store) talkWords(lease routing.LeaseID, loc string) (keys []string, args []any) {
	_, rest, found := strings.Cut(loc, " t:")
	if !found {
		return nil, nil
	}
	account, _, _ := strings.Cut(rest, " ")
	caller := directory.AccountID(account)
	return []string{s.keys.call(lease), s.keys.talk(caller)}, append([]any{leaseText(lease)}, s.licences(caller)...)
}

func (s *Store) talkCommand(ctx context.Context, lease routing.LeaseID, loc string) *redis.Cmd {
	keys, args := s.talkWords(lease, loc)
	if keys == nil {
		return nil
	}
	return redis.NewCmd(ctx, append([]any{"evalsha", s.scripts.talk.hash, len(keys), keys[0], keys[1]}, args...)...)
}

// settleAccounts books what a call has cost and the minutes it has talked, outside
// of the ledger's queue.
func (s *Store) settleAccounts(ctx context.Context, lease routing.LeaseID, loc string) error {
	if keys := s.bookKeys(lease, loc); keys != nil {
		if err := s.scripts.book.run(ctx, s.client, keys, leaseText(lease)).Err(); err != nil {
			return err
		}
	}
	if keys, args := s.talkWords(lease, loc); keys != nil {
		return s.scripts.talk.run(ctx, s.client, keys, args...).Err()
	}
	return nil
}

// Talked reads how many minutes of its licences an account has used.
func (s *Store) Talked(ctx context.Context, account directory.AccountID) (map[directory.LicenceID]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	used, err := s.client.HGetAll(ctx, s.keys.talk(account)).Result()
	if err != nil {
		return nil, unavailable(err)
	}
	out := map[directory.LicenceID]int64{}
	for id, text := range used {
		if strings.HasPrefix(id, "c:") {
			continue
		}
		if out[directory.LicenceID(id)], err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, unavailable(err)
		}
	}
	return out, nil
}

// Spending reads what an account's calls per minute have cost, and what those that
// run will have cost a minute from now.
func (s *Store) Spending(ctx context.Context, account directory.AccountID) (routing.Spending, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var bill *redis.MapStringStringCmd
	var paid *redis.ZSliceCmd
	var clock *redis.TimeCmd
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		bill = p.HGetAll(ctx, s.keys.bill(account))
		paid = p.ZRangeWithScores(ctx, s.keys.paid(account), 0, -1)
		clock = p.Time(ctx)
		return nil
	})
	if err != nil {
		return routing.Spending{}, unavailable(err)
	}
	now := clock.Val().UnixMilli()
	var out routing.Spending
	out.Spent, _ = strconv.ParseInt(bill.Val()["s"], 10, 64)
	for _, z := range paid.Val() {
		lease, _ := z.Member.(string)
		price, since, ok := strings.Cut(bill.Val()[lease], " ")
		if !ok || int64(z.Score) <= now {
			continue
		}
		cost, _ := strconv.ParseInt(price, 10, 64)
		began, _ := strconv.ParseInt(since, 10, 64)
		minute := time.Minute.Milliseconds()
		out.Running += cost * ((now-began+minute-1)/minute + 1)
	}
	return out, nil
}

// metered reports whether an operation is a script call of its own.
func (o *op) metered() bool {
	switch o.kind {
	case opAdmit:
		return o.meter.pays != 0 || o.meter.licensed()
	case opRelease:
		return strings.Contains(o.loc, " m:") || strings.Contains(o.loc, " t:")
	}
	return false
}

// meteredFlight adds to the pipeline what goes out before such an operation, and
// returns its own script call.
func (l *ledger) meteredFlight(ctx context.Context, o *op) flight {
	f := flight{ops: []*op{o}}
	if o.kind == opAdmit {
		if o.meter.info == "" {
			o.meter.info = o.info()
		}
		f.cmd = l.s.meterCommand(ctx, o)
		return f
	}
	for _, cmd := range []*redis.Cmd{l.s.bookCommand(ctx, o.lease, o.loc), l.s.talkCommand(ctx, o.lease, o.loc)} {
		if cmd != nil {
			l.pipe.Process(ctx, cmd)
			f.book = append(f.book, cmd)
		}
	}
	f.cmd = redis.NewCmd(ctx, l.command(f.ops)...)
	return f
}
