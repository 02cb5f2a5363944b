package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip"
	"github.com/pbx-interlink/interlink/store"
)

// The rooms fit together; each interface belongs to the package that uses it.
var (
	_ routing.Directory     = (*directory.View)(nil)
	_ routing.Ledger        = (*store.Store)(nil)
	_ routing.Journal       = (*store.Store)(nil)
	_ provision.Repository  = (*store.Store)(nil)
	_ provision.Trail       = (*store.Store)(nil)
	_ provision.Courier     = (*store.Store)(nil)
	_ provision.Calls       = (*store.Store)(nil)
	_ provision.CallLog     = (*store.Store)(nil)
	_ provision.Idempotency = (*store.Store)(nil)
)

// idlePoll is how often a draining gateway looks whether the last call ended.
const idlePoll = 50 * time.Millisecond

// errDraining is what readiness says once the gateway has been told to go.
var errDraining = errors.New("draining: no new calls are taken")

// Gateway is one process: the store, the SIP proxy, the API and the debug
// listener, wired together.
type Gateway struct {
	cfg       Config
	log       *slog.Logger
	store     *store.Store
	sip       *sip.Server
	provision *provision.Server
	api       *webServer
	debug     *webServer // nil when there is no debug listener
	draining  atomic.Bool
	ran       atomic.Bool
	closing   sync.Once
	closed    error
}

// New opens the store and binds every listener, port 0 included; calls and
// requests are served by Run. The caller must Close the gateway in any case.
func New(ctx context.Context, cfg Config, log *slog.Logger) (g *Gateway, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	g = &Gateway{cfg: cfg, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.Close())
			g = nil
		}
	}()
	if err := g.keys(); err != nil {
		return g, fmt.Errorf("keys: %w", err)
	}
	reg := newRegistry()
	if err := g.openStore(ctx, reg); err != nil {
		return g, err
	}
	router := routing.NewRouter(g.store.View())
	if err := g.openSIP(router, reg); err != nil {
		return g, err
	}
	if err := g.openAPI(router, reg); err != nil {
		return g, err
	}
	if cfg.DebugListen != "" {
		// A profile or a trace takes as long as it was asked to: no write limit.
		g.debug, err = listenWeb(cfg.DebugListen, debugHandler(reg, g.Ready), 0, log)
		if err != nil {
			return g, fmt.Errorf("debug listener: %w", err)
		}
	}
	return g, nil
}

// keys fills in the secrets an embedded gateway makes for itself.
func (g *Gateway) keys() (err error) {
	if !g.cfg.Embedded {
		if g.cfg.AdminToken == "" {
			g.log.Warn("no admin_token is set: the API refuses every request")
		}
		return nil
	}
	if g.cfg.ClusterKey == "" {
		if g.cfg.ClusterKey, err = keptSecret(g.cfg.DataDir, clusterKeyFile); err != nil {
			return err
		}
	}
	if g.cfg.AdminToken == "" {
		if g.cfg.AdminToken, err = keptSecret(g.cfg.DataDir, adminTokenFile); err != nil {
			return err
		}
		if g.cfg.DataDir != "" {
			g.log.Info("the administrator's token is kept in a file", "path", filepath.Join(g.cfg.DataDir, adminTokenFile))
		}
	}
	return nil
}

func (g *Gateway) openStore(ctx context.Context, reg prometheus.Registerer) (err error) {
	g.store, err = store.Open(ctx, store.Config{
		URL: g.cfg.RedisURL, Embedded: g.cfg.Embedded, DataDir: g.cfg.DataDir,
		ClusterKey: []byte(g.cfg.ClusterKey), NodeID: g.cfg.NodeID, AdmitBudget: g.cfg.AdmitBudget,
		Registerer: reg, Log: g.log.With("room", "store"),
	})
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

func (g *Gateway) openSIP(router *routing.Router, reg prometheus.Registerer) (err error) {
	g.sip, err = sip.New(sip.Config{
		Listen: g.cfg.SIPListen, Advertise: g.cfg.SIPAdvertise,
		ClusterKey: []byte(g.cfg.ClusterKey),
		Router:     router, Ledger: g.store, Journal: g.store,
		Loops: g.cfg.SIPLoops, MaxCalls: g.cfg.MaxCalls, AdmitBudget: g.cfg.AdmitBudget,
		Registerer: reg, Log: g.log.With("room", "sip"),
	})
	if err != nil {
		return fmt.Errorf("SIP: %w", err)
	}
	g.store.OnEndCall(g.sip.End)
	return nil
}

func (g *Gateway) openAPI(router *routing.Router, reg prometheus.Registerer) error {
	var err error
	g.provision, err = provision.New(provision.Config{
		View: g.store.View(), Repository: g.store, Trail: g.store, Courier: g.store, Calls: g.store, CallLog: g.store, Idempotency: g.store,
		Router: router, StatusOf: sip.StatusOf,
		ClusterKey: []byte(g.cfg.ClusterKey), AdminToken: g.cfg.AdminToken, RealmSuffix: g.cfg.RealmSuffix, NumberMax: g.cfg.NumberMax,
		TrustedProxies: g.cfg.TrustedProxies, Rate: g.cfg.APIRate, WebhookAllowPrivate: g.cfg.WebhookAllowPrivate, Bounds: g.cfg.AccountBounds,
		SessionTime: g.cfg.SessionTime,
		Registerer:  reg, Log: g.log.With("room", "api"),
	})
	if err != nil {
		return fmt.Errorf("API: %w", err)
	}
	g.api, err = listenWeb(g.cfg.APIListen, g.provision.Handler(), 30*time.Second, g.log)
	if err != nil {
		return fmt.Errorf("API listener: %w", err)
	}
	// A shutdown waits for answers under way; these last until they are ended.
	g.api.server.RegisterOnShutdown(g.provision.EndStreams)
	return nil
}

// APIAddr, DebugAddr and SIPAddrs are the addresses really bound. DebugAddr is
// empty without a debug listener.
func (g *Gateway) APIAddr() string { return g.api.addr() }

func (g *Gateway) DebugAddr() string {
	if g.debug == nil {
		return ""
	}
	return g.debug.addr()
}

func (g *Gateway) SIPAddrs() []netip.AddrPort { return g.sip.Addrs() }

// AdminToken is the first administrator's token, given or generated.
func (g *Gateway) AdminToken() string { return g.cfg.AdminToken }

// Ready returns nil while the gateway takes calls, else why it does not.
func (g *Gateway) Ready() error {
	if g.draining.Load() {
		return errDraining
	}
	return g.store.Ready()
}

// Run serves until ctx is done, then drains: new calls are refused, what
// belongs to a call is served, until no call is left or Config.DrainTime is
// over. A listener that fails ends it at once, with the error. Run can be called
// once.
func (g *Gateway) Run(ctx context.Context) error {
	if g.ran.Swap(true) {
		return errors.New("a gateway runs only once")
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	parts := []func(context.Context) error{g.sip.Run, g.api.run, g.provision.Run}
	if g.debug != nil {
		parts = append(parts, g.debug.run)
	}
	ended := make(chan error, len(parts))
	for _, part := range parts {
		go func() { ended <- part(serving) }()
	}
	g.log.Info("serving", "sip", g.SIPAddrs(), "api", g.APIAddr(), "debug", g.DebugAddr(), "version", buildVersion())

	var failure error
	left := len(parts)
	select {
	case <-ctx.Done():
		if failure = g.drain(ended); failure != nil {
			left--
		}
	case failure = <-ended:
		left--
		if failure == nil {
			failure = errors.New("a listener ended by itself")
		}
	}
	stop()
	for range left {
		failure = errors.Join(failure, <-ended)
	}
	return failure
}

// drain waits for the last call; it returns early with the error of a part that
// failed meanwhile.
func (g *Gateway) drain(ended <-chan error) error {
	g.draining.Store(true)
	g.sip.Drain()
	g.log.Info("draining", "calls", g.sip.Calls(), "at_most", g.cfg.DrainTime)
	over := time.NewTimer(g.cfg.DrainTime)
	defer over.Stop()
	poll := time.NewTicker(idlePoll)
	defer poll.Stop()
	for !g.sip.Idle() {
		select {
		case <-poll.C:
		case <-over.C:
			g.log.Warn("the drain time is over", "calls", g.sip.Calls())
			return nil
		case err := <-ended:
			if err == nil {
				err = errors.New("a listener ended by itself")
			}
			return err
		}
	}
	return nil
}

// Close frees everything New opened. It waits for the store to file the last
// call records. Call it after Run has returned, or when Run is never called.
func (g *Gateway) Close() error {
	g.closing.Do(func() {
		var errs []error
		for _, w := range []*webServer{g.debug, g.api} {
			if w != nil {
				errs = append(errs, w.close())
			}
		}
		if g.sip != nil {
			errs = append(errs, g.sip.Close())
		}
		if g.store != nil {
			errs = append(errs, g.store.Close())
		}
		g.closed = errors.Join(errs...)
	})
	return g.closed
}
