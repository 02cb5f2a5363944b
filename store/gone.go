package store

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

// What calls have cost, call logs and deliveries do not lie in the slot where
// objects are deleted. So they go after the write; and since the process may die
// between the two, accounts with a bill are marked for the sweep before it.

// logOutlives is how long the call log of a deleted account is kept.
const logOutlives = 30 * 24 * time.Hour

// deleted lists the ids of the objects of a kind that changes delete.
func deleted(changes []directory.Change, kind directory.Kind) (ids []string) {
	for _, c := range changes {
		if c.After == nil && c.Ref().Kind == kind {
			ids = append(ids, c.Ref().ID)
		}
	}
	return ids
}

// tallyKeys are the keys of tally.lua and clear.lua.
func (s *Store) tallyKeys(account directory.AccountID) []string {
	bill, minutes := meter{account: account}, meter{account, true}
	return []string{s.keys.meters(), s.keys.tally(bill), s.keys.metered(bill), s.keys.tally(minutes), s.keys.metered(minutes)}
}

// condemn marks the accounts that changes delete and that have a bill, and
// returns them. Where nothing becomes of the write, the sweep takes the mark away.
func (s *Store) condemn(ctx context.Context, changes []directory.Change) (billed []directory.AccountID, err error) {
	ids := deleted(changes, directory.KindAccount)
	if len(ids) == 0 {
		return nil, nil
	}
	there := make([]*redis.IntCmd, len(ids))
	_, err = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			keys := s.tallyKeys(directory.AccountID(id))
			there[i] = p.Exists(ctx, keys[1], keys[3])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var marks []redis.Z
	for i, id := range ids {
		if there[i].Val() > 0 {
			billed = append(billed, directory.AccountID(id))
			marks = append(marks, redis.Z{Score: float64(time.Now().UnixMilli()), Member: id})
		}
	}
	if len(marks) == 0 {
		return nil, nil
	}
	return billed, s.client.ZAddLT(ctx, s.keys.meters(), marks...).Err()
}

// bury forgets what belonged to the objects that changes have deleted; billed
// are the accounts that condemn returned. A failure is logged only: the sweep
// comes to the accounts, and an id is never used again.
func (s *Store) bury(ctx context.Context, changes []directory.Change, billed []directory.AccountID) {
	for _, account := range billed {
		if err := s.clearTally(ctx, account); err != nil {
			s.log.Warn("what the calls of a deleted account have cost is forgotten later", "account", account, "err", err)
			break
		}
	}
	accounts, webhooks := deleted(changes, directory.KindAccount), deleted(changes, directory.KindWebhook)
	if len(accounts)+len(webhooks) == 0 {
		return
	}
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		if len(accounts) > 0 {
			p.HDel(ctx, keyLastCalls, accounts...)
			p.ZRem(ctx, keyLastCallOrder, accounts)
		}
		for _, id := range accounts {
			p.Expire(ctx, keyCallLog(directory.AccountID(id)), logOutlives)
		}
		for _, id := range webhooks {
			p.Del(ctx, keyDelivered(directory.WebhookID(id)), keyDeliveries(directory.WebhookID(id)))
		}
		return nil
	})
	if err != nil {
		s.log.Warn("what belonged to deleted objects was not all forgotten", "accounts", len(accounts), "webhooks", len(webhooks), "err", err)
	}
	if s.embedded != nil {
		s.embedded.dropDeliveries(webhooks)
	}
}

// clearTally forgets what a deleted account's calls have cost, unless some run.
func (s *Store) clearTally(ctx context.Context, account directory.AccountID) error {
	keys := s.tallyKeys(account)
	if err := s.scripts.clear.run(ctx, s.client, keys, string(account)).Err(); err != nil || s.embedded == nil {
		return err
	}
	return s.embedded.keepBooks([]string{keys[1], keys[3]})
}

// gone reports whether an account that the sweep has come to is deleted. What the
// view does not know, Redis is asked: the view may be behind.
func (s *Store) gone(ctx context.Context, account directory.AccountID) (bool, error) {
	if s.view.Account(account) != nil {
		return false, nil
	}
	there, err := s.client.HExists(ctx, keyObjects(directory.KindAccount), string(account)).Result()
	return !there && err == nil, err
}
