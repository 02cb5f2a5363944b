package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// linesBatch bounds the accounts of one script call.
const linesBatch = 200

// Lines counts the lines the accounts' calls hold now, in the order asked.
func (s *Store) Lines(ctx context.Context, accounts []directory.AccountID) ([]routing.Lines, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	defer s.metrics.roundTrip("lines")()
	out := make([]routing.Lines, 0, len(accounts))
	for part := range slices.Chunk(accounts, linesBatch) {
		keys := make([]string, 0, 2*len(part))
		for _, a := range part {
			keys = append(keys, s.keys.inbound(a), s.keys.outbound(a))
		}
		counts, err := s.scripts.lines.run(ctx, s.client, keys).Int64Slice()
		if err != nil {
			return nil, unavailable(err)
		}
		if len(counts) != len(keys) {
			return nil, unavailable(errors.New("lines: the reply has another length"))
		}
		for i, a := range part {
			out = append(out, routing.Lines{Account: a, Inbound: int(counts[2*i]), Outbound: int(counts[2*i+1])})
		}
	}
	return out, nil
}

// maxListed bounds how many leases of one account are looked at for a list.
const maxListed = 10_000

// callsBatch bounds the calls of one read.
const callsBatch = 500

// LiveCalls lists up to limit calls that hold a line of the account, oldest
// first.
func (s *Store) LiveCalls(ctx context.Context, account directory.AccountID, limit int) ([]routing.LiveCall, error) {
	if account == "" {
		return nil, directory.Invalid("", "account_required", "An account is required.")
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	defer s.metrics.roundTrip("live_calls")()
	var sets [2]*redis.StringSliceCmd
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		sets[0] = p.ZRange(ctx, s.keys.inbound(account), 0, maxListed-1)
		sets[1] = p.ZRange(ctx, s.keys.outbound(account), 0, maxListed-1)
		return nil
	})
	if err != nil {
		return nil, unavailable(err)
	}
	var leases []routing.LeaseID
	seen := map[routing.LeaseID]bool{}
	for _, set := range sets {
		for _, text := range set.Val() {
			if id, ok := parseLease(text); ok && !seen[id] {
				seen[id] = true
				leases = append(leases, id)
			}
		}
	}
	calls, err := s.readCalls(ctx, leases)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(calls, func(a, b routing.LiveCall) int {
		return cmp.Or(a.Started.Compare(b.Started), slices.Compare(a.Lease[:], b.Lease[:]))
	})
	return calls[:min(limit, len(calls))], nil
}

// LiveCall returns the call that holds a lease, or nil when there is none.
func (s *Store) LiveCall(ctx context.Context, lease routing.LeaseID) (*routing.LiveCall, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	calls, err := s.readCalls(ctx, []routing.LeaseID{lease})
	if err != nil || len(calls) == 0 {
		return nil, err
	}
	return &calls[0], nil
}

// readCalls reads the calls of leases; those that are gone are left out.
func (s *Store) readCalls(ctx context.Context, leases []routing.LeaseID) ([]routing.LiveCall, error) {
	if len(leases) == 0 {
		return nil, nil
	}
	calls := make([]routing.LiveCall, 0, len(leases))
	for part := range slices.Chunk(leases, callsBatch) {
		keys := make([]string, len(part))
		for i, id := range part {
			keys[i] = s.keys.call(id)
		}
		states, err := s.client.MGet(ctx, keys...).Result()
		if err != nil {
			return nil, unavailable(err)
		}
		for i, state := range states {
			text, _ := state.(string)
			if c, ok := callState(text).parse(part[i]); ok {
				calls = append(calls, c)
			}
		}
	}
	return calls, nil
}

func parseMillis(s string) time.Time {
	ms, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// EndCall frees a call's lines and asks the node that owns the call to end it.
// KindNotFound when no call holds the lease.
func (s *Store) EndCall(ctx context.Context, lease routing.LeaseID) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	defer s.metrics.roundTrip("end_call")()
	state, err := s.client.Get(ctx, s.keys.call(lease)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return unavailable(err)
	}
	loc := callState(state).location()
	if loc == "" {
		return &directory.Error{Kind: directory.KindNotFound, Code: "not_found", Detail: "There is no such call."}
	}
	for range maxAsked {
		moved, err := s.endLease(ctx, lease, loc)
		if err != nil {
			return unavailable(err)
		}
		if moved == "" {
			owner := eachClaim(loc, func(routing.Claim) {})
			if err := s.client.Publish(ctx, s.keys.ends(owner), leaseText(lease)).Err(); err != nil {
				return unavailable(err)
			}
			return nil
		}
		loc = moved
	}
	return unavailable(errors.New("the lease moves faster than it can be followed"))
}

// OnEndCall has f told of every call of this node that is to be ended. f runs
// on the store's goroutine and must not block.
func (s *Store) OnEndCall(f func(routing.LeaseID)) {
	s.endMu.Lock()
	defer s.endMu.Unlock()
	s.onEnd = append(s.onEnd, f)
}

// listenEnds passes on what other nodes, or this one, ask to be ended.
func (s *Store) listenEnds(ctx context.Context) {
	sub := s.client.Subscribe(ctx, s.keys.ends(s.incarnation))
	defer sub.Close()
	messages := sub.Channel()
	for {
		select {
		case <-ctx.Done():
			return
		case m, ok := <-messages:
			if !ok {
				return
			}
			id, ok := parseLease(m.Payload)
			if !ok {
				s.log.Warn("a message to end a call names no lease")
				continue
			}
			s.endMu.Lock()
			told := slices.Clone(s.onEnd)
			s.endMu.Unlock()
			for _, f := range told {
				f(id)
			}
		}
	}
}
