package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// errClusterKey: passes, lease ids and authorization keys of a node with
// another cluster key would mean nothing to the others.
var errClusterKey = errors.New("store: this Redis belongs to nodes with another cluster key")

// checkClusterKey compares this node's cluster key with that of the nodes that
// used this Redis before: the first one leaves a check value, which does not
// give the key away.
func (s *Store) checkClusterKey(ctx context.Context) error {
	mac := hmac.New(sha256.New, s.cfg.ClusterKey)
	mac.Write([]byte("interlink cluster key check"))
	mine := hex.EncodeToString(mac.Sum(nil))
	if err := s.client.SetNX(ctx, keyCluster, mine, 0).Err(); err != nil {
		return fmt.Errorf("store: Redis does not answer: %w", err)
	}
	theirs, err := s.client.Get(ctx, keyCluster).Result()
	switch {
	case err != nil:
		return fmt.Errorf("store: Redis does not answer: %w", err)
	case !hmac.Equal([]byte(mine), []byte(theirs)):
		return errClusterKey
	}
	return nil
}
