package provision

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// source names where a request comes from. A proxy that is trusted says whom it
// speaks for: the last address in X-Forwarded-For that is not such a proxy's own.
// What stands before that, anybody can have written.
func (s *Server) source(r *http.Request) string {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !s.trusts(remote.Addr()) {
		return sourceOf(r.RemoteAddr)
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break // nobody to believe: all of it counts as the proxy's own
		}
		if !s.trusts(addr) {
			return sourceOf(netip.AddrPortFrom(addr, 0).String())
		}
	}
	return sourceOf(r.RemoteAddr)
}

func (s *Server) trusts(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(s.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}
