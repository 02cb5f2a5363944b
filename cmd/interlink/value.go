package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

// parseSIPListen reads "udp:127.0.0.1:5060,udp:[::1]:5060".
func parseSIPListen(v string) ([]netip.AddrPort, error) {
	var out []netip.AddrPort
	for _, item := range strings.Split(v, ",") {
		item = strings.TrimSpace(item)
		transport, rest, ok := strings.Cut(item, ":")
		switch {
		case !ok || rest == "":
			return nil, fmt.Errorf("%q is not TRANSPORT:IP:PORT, for example udp:127.0.0.1:5060", item)
		case transport == "tcp" || transport == "tls":
			return nil, fmt.Errorf("%q: SIP over %s is not available yet, only udp is", item, strings.ToUpper(transport))
		case transport != "udp":
			return nil, fmt.Errorf("%q: unknown transport %q, only udp is available", item, transport)
		}
		ap, err := netip.ParseAddrPort(rest)
		if err != nil || ap.Addr().Zone() != "" {
			return nil, fmt.Errorf("%q: %q is not an IP address with a port", item, rest)
		}
		out = append(out, netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()))
	}
	return out, nil
}

// hostName is RFC 1123 §2.1 as far as a configuration needs it.
var hostName = regexp.MustCompile(`^(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.(?i:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?))*$`)

func parseAdvertise(v string) (string, error) {
	host := v
	if h, p, err := net.SplitHostPort(v); err == nil {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return "", fmt.Errorf("%q: the port is not 1 to 65535", v)
		}
		host = h
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if a, err := netip.ParseAddr(bare); err == nil {
		if a.IsUnspecified() || a.Zone() != "" {
			return "", fmt.Errorf("%q is not an address others can send to", v)
		}
		return v, nil
	}
	if len(host) > 253 || !hostName.MatchString(host) {
		return "", fmt.Errorf("%q is not a host name or an IP address, with an optional port", v)
	}
	return v, nil
}

// parsePrefixes reads "10.0.0.0/8,192.0.2.1": networks and single addresses.
func parsePrefixes(v string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for item := range strings.SplitSeq(v, ",") {
		item = strings.TrimSpace(item)
		p, err := netip.ParsePrefix(item)
		if a, single := netip.ParseAddr(item); single == nil {
			a = a.Unmap()
			p, err = a.Prefix(a.BitLen())
		}
		if err != nil || p.Masked() != p {
			return nil, fmt.Errorf("%q is not an IP address or a network such as 10.0.0.0/8", item)
		}
		out = append(out, p)
	}
	return out, nil
}

// parseBounds reads "numbers=200000,trunks=2000".
func parseBounds(v string) (map[string]int, error) {
	known := provision.Bounds()
	out := map[string]int{}
	for item := range strings.SplitSeq(v, ",") {
		name, count, _ := strings.Cut(strings.TrimSpace(item), "=")
		n, err := strconv.Atoi(strings.TrimSpace(count))
		_, twice := out[name]
		switch {
		case !slices.ContainsFunc(known, func(b provision.Bound) bool { return b.Name == name }):
			return nil, fmt.Errorf("there is no bound %q", name)
		case err != nil || n < 1:
			return nil, fmt.Errorf("%s: %q is not a number of 1 or more", name, count)
		case twice:
			return nil, fmt.Errorf("%s stands twice", name)
		}
		out[name] = n
	}
	return out, nil
}

func parseListen(v string) (string, error) {
	_, port, err := net.SplitHostPort(v)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", fmt.Errorf("%q is not HOST:PORT", v)
	}
	return v, nil
}

func parseDebugListen(v string) (string, error) {
	if v == "off" {
		return "", nil
	}
	return parseListen(v)
}

func parseRealmSuffix(v string) (string, error) {
	v = strings.ToLower(strings.TrimPrefix(v, "."))
	if len(v) > 190 || !hostName.MatchString(v) {
		return "", fmt.Errorf("%q is not a domain name", v)
	}
	return v, nil
}

var nodeName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func parseNodeID(v string) (string, error) {
	if !nodeName.MatchString(v) {
		return "", fmt.Errorf("%q is not 1 to 64 letters, digits, '.', '_' or '-'", v)
	}
	return v, nil
}

func parseBool(v string) (bool, error) {
	b, err := strconv.ParseBool(v)
	if err != nil {
		return false, fmt.Errorf("%q is not true or false", v)
	}
	return b, nil
}

func parseCount(v string, most int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("%q is not a whole number from 0 to %d", v, most)
	}
	return n, nil
}

// parseNumberMax reads how many characters an internal number may have.
func parseNumberMax(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > directory.MaxNumberLength {
		return 0, fmt.Errorf("%q is not a whole number from 1 to %d", v, directory.MaxNumberLength)
	}
	return n, nil
}

func parseDuration(v string, least, most time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil || d < least || d > most {
		return 0, fmt.Errorf("%q is not a duration from %s to %s, for example 30s or 150ms", v, least, most)
	}
	return d, nil
}

func parseLevel(v string) (slog.Level, error) {
	v, err := parseOneOf(strings.ToLower(v), "debug", "info", "warn", "error")
	if err != nil {
		return 0, err
	}
	var l slog.Level
	return l, l.UnmarshalText([]byte(v))
}

func parseOneOf(v string, allowed ...string) (string, error) {
	for _, a := range allowed {
		if v == a {
			return v, nil
		}
	}
	return "", fmt.Errorf("%q is not one of %s", v, strings.Join(allowed, ", "))
}

// setSecret keeps the value out of its error.
func setSecret(dst *string, v string, least int) error {
	if len(v) < least {
		return fmt.Errorf("too short: %d characters, at least %d are needed", len(v), least)
	}
	if strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("only printable ASCII characters without spaces are allowed")
	}
	*dst = v
	return nil
}

func setSecretFile(dst *string, path string, least int) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := setSecret(dst, strings.TrimSpace(string(b)), least); err != nil {
		return fmt.Errorf("the file %s: %w", path, err)
	}
	return nil
}
