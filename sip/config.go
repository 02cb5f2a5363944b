package sip

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pbx-interlink/interlink/routing"
)

// Config is what a Server needs. Zero values of the optional fields stand for
// the defaults named.
type Config struct {
	// Listen holds the UDP addresses to serve; at least one. Port 0 picks one.
	Listen []netip.AddrPort
	// Advertise is the host, or host:port, in Via and Record-Route: the
	// cluster's name or address as PBXs reach it. Default: the listen address.
	Advertise string
	// ClusterKey seals the Record-Route parameter and derives lease ids; at
	// least 16 octets, the same on every node.
	ClusterKey []byte

	Router  *routing.Router
	Ledger  routing.Ledger
	Journal routing.Journal

	// Loops is how many loops and shards there are. Default: one for every four
	// of GOMAXPROCS, at least one (docs/decisions/0007).
	Loops int
	// MaxCalls bounds the calls on this node, and eight times as many its
	// transactions; above either new calls get 503 (overloaded), and at twice
	// the transactions so do requests inside dialogs. Default 100,000.
	MaxCalls int
	// MaxPending bounds calls waiting for the ledger. Default 10,000.
	MaxPending int

	// T1 is the round-trip estimate (RFC 3261 §17.1.1.1). Default 500 ms. All
	// other timers of §17 scale with it.
	T1 time.Duration
	// TimerC ends a branch that rings without a final answer (RFC 3261
	// §16.6 step 11): more than 3 minutes. Default 185 s.
	TimerC time.Duration
	// NoReply is how long an address of a trunk may stay silent before the next
	// one is tried. Default 4 s; the last address has the whole of Timer B.
	NoReply time.Duration
	// AdmitBudget is all the time the ledger has for an admission; then the
	// call is refused (store_unavailable). Default 150 ms.
	AdmitBudget time.Duration
	// MaxDuration ends a call that is up for so long. Default 12 h.
	MaxDuration time.Duration
	// RetryAfter is what a 503 names, in whole seconds. Default 2 s.
	RetryAfter time.Duration

	// Registerer takes the metrics; nil for none.
	Registerer prometheus.Registerer
	// Log is where the package logs; nil discards.
	Log *slog.Logger
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case len(c.Listen) == 0:
		return c, errors.New("sip: no listen address")
	case len(c.ClusterKey) < 16:
		return c, errors.New("sip: the cluster key has fewer than 16 octets")
	case c.Router == nil || c.Ledger == nil || c.Journal == nil:
		return c, errors.New("sip: Router, Ledger and Journal are required")
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&c.T1, 500*time.Millisecond)
	def(&c.TimerC, 185*time.Second)
	def(&c.NoReply, 4*time.Second)
	def(&c.AdmitBudget, 150*time.Millisecond)
	def(&c.MaxDuration, 12*time.Hour)
	def(&c.RetryAfter, 2*time.Second)
	if c.Loops <= 0 {
		c.Loops = max(1, runtime.GOMAXPROCS(0)/4)
	}
	if c.MaxCalls <= 0 {
		c.MaxCalls = 100_000
	}
	if c.MaxPending <= 0 {
		c.MaxPending = 10_000
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// sentBy is the host:port this node writes into Via and Record-Route for a
// listener.
func (c Config) sentBy(listener netip.AddrPort) (string, error) {
	if c.Advertise == "" {
		if listener.Addr().IsUnspecified() {
			return "", errors.New("sip: listening on every address needs an advertised name or address")
		}
		return listener.String(), nil
	}
	host, port, err := net.SplitHostPort(c.Advertise)
	if err != nil {
		host, port = c.Advertise, strconv.Itoa(int(listener.Port()))
	}
	if a, err := netip.ParseAddr(host); err == nil && a.Is6() {
		host = "[" + a.String() + "]"
	}
	for i := range len(host) {
		if !hostOctet(host[i]) {
			return "", errors.New("sip: the advertised address is not a host name or an IP address")
		}
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", errors.New("sip: the advertised port is not a port")
	}
	return host + ":" + port, nil
}

func hostOctet(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' ||
		b == '.' || b == '-' || b == ':' || b == '[' || b == ']'
}
