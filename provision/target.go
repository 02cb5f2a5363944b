package provision

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// targets decides where webhooks may post. What a customer names must not make
// the gateway reach into its own network.
type targets struct {
	// private: addresses that are not public may be reached, too.
	private bool
	lookup  func(ctx context.Context, host string) ([]netip.Addr, error)
}

// errTarget says that an address must not be reached.
var errTarget = errors.New("the address is not a public one")

// lookupTime bounds the question for a name's addresses when a webhook is
// written.
const lookupTime = 2 * time.Second

func newTargets(cfg Config) *targets {
	t := &targets{private: cfg.WebhookAllowPrivate, lookup: cfg.LookupHost}
	if t.lookup == nil {
		t.lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	return t
}

// check refuses an address that cannot be posted to. A name that leads nowhere
// now is taken: what counts is where it leads when something is posted.
func (t *targets) check(ctx context.Context, address string) error {
	refuse := func(code, detail string) error { return directory.Invalid("/url", code, "%s", detail) }
	u, err := url.Parse(address)
	switch {
	case err != nil || len(address) > 512 || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "":
		return refuse("url_invalid", "The address is not an http or https URL.")
	case u.User != nil || u.Fragment != "":
		return refuse("url_invalid", "The address must not have a user, a password or a fragment.")
	case t.private:
		return nil
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return refuse("url_private", "The address is not a public one.")
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	addrs, err := t.addresses(ctx, host)
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		if !public(a) {
			return refuse("url_private", "The address is not a public one.")
		}
	}
	return nil
}

func (t *targets) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	return t.lookup(ctx, host)
}

// dial connects to a target. The address that was checked is the one that is
// dialled: a name that leads elsewhere a moment later gains nothing.
func (t *targets) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := t.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	err = errTarget
	var d net.Dialer
	for _, a := range addrs {
		if !t.private && !public(a) {
			continue
		}
		var c net.Conn
		if c, err = d.DialContext(ctx, network, net.JoinHostPort(a.Unmap().String(), port)); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// reserved are the blocks that are no part of the public Internet beside what
// netip knows (IANA's registries of special-purpose addresses, RFC 6890), and
// those through which another address is reached.
func reserved() []netip.Prefix {
	var list []netip.Prefix
	for _, p := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32",
		"2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
	} {
		list = append(list, netip.MustParsePrefix(p))
	}
	return list
}

// public reports whether an address is one of the public Internet: not private,
// loopback, link-local (cloud metadata is), multicast or reserved.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() {
		return false
	}
	for _, p := range reserved() {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
