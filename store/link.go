package store

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// linkIdle is after what time of silence a link has the driver look whether its
// connection is still up. A Redis that is started anew, or another one that takes
// its place, is away for longer.
const linkIdle = 100 * time.Millisecond

// link is a pipeline for one goroutine that keeps its connection between two
// batches. Taking it from the driver's pool each time, which looks whether it is
// up each time, costs as much as what the driver does besides for a small batch.
// After a failure, or when it was silent for a while, it asks the pool again. To a
// Cluster it goes through the pools of its nodes.
type link struct {
	redis.Pipeliner
	client *redis.Client // nil: a Cluster
	conn   *redis.Conn
	used   time.Time
}

func newLink(c redis.UniversalClient) *link {
	k := &link{Pipeliner: c.Pipeline()}
	k.client, _ = c.(*redis.Client)
	return k
}

// Exec sends what was added and waits for the replies. Each command has its own.
func (k *link) Exec(ctx context.Context) ([]redis.Cmder, error) {
	now := time.Now()
	if now.Sub(k.used) > linkIdle {
		k.renew()
	}
	k.used = now
	cmds, err := k.Pipeliner.Exec(ctx)
	if err != nil {
		k.renew()
	}
	return cmds, err
}

// renew gives the connection back, or up when it is of no use any more, and has
// what was added go out on one that the pool vouches for.
func (k *link) renew() {
	if k.client == nil {
		return
	}
	if k.conn != nil {
		_ = k.conn.Close() // the pool has it; there is nothing to fail
	}
	added := k.Cmds()
	k.conn = k.client.Conn()
	k.Pipeliner = k.conn.Pipeline()
	_ = k.BatchProcess(context.Background(), added...) // it only adds them
}
