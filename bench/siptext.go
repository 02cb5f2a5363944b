package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// sipText is the lines of a SIP message's head. It reads what well-behaved
// programs write, no more.
type sipText []string

func (m sipText) method() string {
	word, _, _ := strings.Cut(m[0], " ")
	return word
}

// status is a response's status code.
func (m sipText) status() string {
	if f := strings.Fields(m[0]); len(f) > 1 && f[0] == "SIP/2.0" {
		return f[1]
	}
	return ""
}

func (m sipText) all(name string) []string {
	var values []string
	for _, line := range m[1:] {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(n), name) {
			values = append(values, strings.TrimSpace(v))
		}
	}
	return values
}

func (m sipText) first(name string) string {
	if v := m.all(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// reply is a response to a request (RFC 3261 §8.2.6), without a body.
func (m sipText) reply(status string, me net.Addr) string {
	var b strings.Builder
	b.WriteString("SIP/2.0 " + status + "\r\n")
	for _, name := range []string{"Via", "Record-Route", "From", "To", "Call-ID", "CSeq"} {
		for _, v := range m.all(name) {
			if name == "To" && !strings.Contains(v, "tag=") {
				v += ";tag=callee"
			}
			b.WriteString(name + ": " + v + "\r\n")
		}
	}
	fmt.Fprintf(&b, "Contact: <sip:2002@%v>\r\nContent-Length: 0\r\n\r\n", me)
	return b.String()
}

// request is one in the dialog that a 200 has made, and where it goes (RFC 3261
// §12.2.1.1): the route set is the Record-Route backwards.
func (m sipText) request(method string, cseq int, me net.Addr) (to, text string) {
	var routes []string
	for _, v := range m.all("Record-Route") {
		for r := range strings.SplitSeq(v, ",") {
			routes = append(routes, strings.TrimSpace(r))
		}
	}
	slices.Reverse(routes)
	target := uriOf(m.first("Contact"))
	to = hostPort(target)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %v;branch=z9hG4bK%s%s\r\n", method, target, me, method, m.first("Call-ID"))
	for i, r := range routes {
		if i == 0 {
			to = hostPort(uriOf(r))
		}
		b.WriteString("Route: " + r + "\r\n")
	}
	fmt.Fprintf(&b, "Max-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContent-Length: 0\r\n\r\n",
		m.first("From"), m.first("To"), m.first("Call-ID"), cseq, method)
	return to, b.String()
}

// uriOf is what stands between angle brackets.
func uriOf(v string) string {
	_, v, _ = strings.Cut(v, "<")
	v, _, _ = strings.Cut(v, ">")
	return v
}

func hostPort(uri string) string {
	uri = strings.TrimPrefix(uri, "sip:")
	if _, after, ok := strings.Cut(uri, "@"); ok {
		uri = after
	}
	uri, _, _ = strings.Cut(uri, ";")
	return uri
}
