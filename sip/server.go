package sip

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/transport"
)

// Server is the SIP proxy of one node.
type Server struct {
	cfg      Config
	secrets  *secrets
	group    *transport.Group
	shards   []*shard
	addrs    []netip.AddrPort // by listener
	sentBy   []string
	seed     maphash.Seed
	seed2    maphash.Seed
	draining atomic.Bool
}

// New binds the listen addresses and builds the shards. Nothing is read before
// Run. The caller must call Run or Close.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	srv := &Server{cfg: cfg, seed: maphash.MakeSeed(), seed2: maphash.MakeSeed()}
	if srv.secrets, err = newSecrets(cfg.ClusterKey); err != nil {
		return nil, fmt.Errorf("sip: deriving keys: %w", err)
	}
	srv.group, err = transport.Listen(transport.Config{Listen: cfg.Listen, Loops: cfg.Loops, Log: cfg.Log})
	if err != nil {
		return nil, fmt.Errorf("sip: %w", err)
	}
	srv.addrs = srv.group.Addrs()
	for _, a := range srv.addrs {
		sentBy, err := cfg.sentBy(a)
		if err != nil {
			return nil, errors.Join(err, srv.group.Close())
		}
		srv.sentBy = append(srv.sentBy, sentBy)
	}
	for i := range srv.group.Len() {
		srv.shards = append(srv.shards, newShard(srv, srv.group.Loop(i)))
	}
	if cfg.Registerer != nil {
		if err := cfg.Registerer.Register(collector{srv}); err != nil {
			return nil, errors.Join(err, srv.group.Close())
		}
	}
	return srv, nil
}

// Addrs returns the addresses served, in the order of Config.Listen.
func (srv *Server) Addrs() []netip.AddrPort { return srv.group.Addrs() }

// Loops returns how many loops there are.
func (srv *Server) Loops() int { return srv.group.Len() }

// Run serves until ctx is done or a loop fails, then closes the sockets and
// returns the first failure. Calls in progress are left alone: their state is
// in their phones and in the store.
func (srv *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = srv.group.Close() })
	defer stop()
	errs := make([]error, len(srv.shards))
	var wg sync.WaitGroup
	for i, s := range srv.shards {
		wg.Go(func() {
			errs[i] = srv.group.Loop(i).Run(s)
			_ = srv.group.Close() // one loop gone: the others cannot go on alone
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Close frees the sockets of a Server that was never run.
func (srv *Server) Close() error { return srv.group.Close() }

// Drain refuses new calls from now on (draining); requests inside dialogs are
// served as before.
func (srv *Server) Drain() { srv.draining.Store(true) }

// Calls returns how many calls this node holds, ringing ones included.
func (srv *Server) Calls() int {
	n := int64(0)
	for _, s := range srv.shards {
		n += s.count.calls.Load()
	}
	return int(n)
}

// Idle reports whether the node holds no call.
func (srv *Server) Idle() bool { return srv.Calls() == 0 }

// End ends a call this node holds: a ringing one is refused to the caller and
// cancelled toward the callee, an answered one gets a BYE to both sides. It
// returns at once; a call this node does not hold is left alone.
func (srv *Server) End(id routing.LeaseID) {
	for _, s := range srv.shards {
		s.inbox.order(id)
		s.loop.Wake()
	}
}
