package sip

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// message is a SIP message as the peers of a flow see it: read by a few plain
// lines of code that share nothing with the parser under test.
type message struct {
	start   string
	headers []headerLine
	body    string
	raw     []byte // as received
}

type headerLine struct{ name, value string }

func readMessage(b []byte) (*message, error) {
	head, body, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	if !ok {
		return nil, fmt.Errorf("no end of the headers in %q", b)
	}
	lines := strings.Split(string(head), "\r\n")
	m := &message{start: lines[0], body: string(body), raw: b}
	for _, l := range lines[1:] {
		name, value, ok := strings.Cut(l, ":")
		if !ok {
			return nil, fmt.Errorf("header line %q", l)
		}
		m.headers = append(m.headers, headerLine{strings.TrimSpace(name), strings.TrimSpace(value)})
	}
	if n := m.get("Content-Length"); n != "" && n != strconv.Itoa(len(body)) {
		return nil, fmt.Errorf("Content-Length %s with a body of %d", n, len(body))
	}
	return m, nil
}

func (m *message) bytes() []byte {
	var b bytes.Buffer
	b.WriteString(m.start + "\r\n")
	for _, h := range m.headers {
		if strings.EqualFold(h.name, "Content-Length") {
			continue // written below, as the body has it
		}
		b.WriteString(h.name + ": " + h.value + "\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(m.body), m.body)
	return b.Bytes()
}

// what is the method of a request, the status code of a response.
func (m *message) what() string {
	if rest, ok := strings.CutPrefix(m.start, "SIP/2.0 "); ok {
		return rest[:min(3, len(rest))]
	}
	method, _, _ := strings.Cut(m.start, " ")
	return method
}

// status is 0 for a request.
func (m *message) status() int {
	n, _ := strconv.Atoi(m.what())
	return n
}

func (m *message) uri() string {
	f := strings.Fields(m.start)
	if len(f) < 2 {
		return ""
	}
	return f[1]
}

// method is the one CSeq names.
func (m *message) method() string {
	_, method, _ := strings.Cut(m.get("CSeq"), " ")
	return strings.TrimSpace(method)
}

func (m *message) get(name string) string {
	for _, h := range m.headers {
		if strings.EqualFold(h.name, name) {
			return h.value
		}
	}
	return ""
}

// all returns the values of a header field, lists taken apart.
func (m *message) all(name string) []string {
	var out []string
	for _, h := range m.headers {
		if strings.EqualFold(h.name, name) {
			out = append(out, splitList(h.value)...)
		}
	}
	return out
}

// splitList splits at the commas outside quotes and angle brackets.
func splitList(s string) []string {
	var out []string
	depth, quoted, from := 0, false, 0
	for i, c := range s {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			depth++
		case c == '>':
			depth--
		case c == ',' && depth == 0:
			out = append(out, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	return append(out, strings.TrimSpace(s[from:]))
}

func (m *message) set(name, value string) {
	for i := range m.headers {
		if strings.EqualFold(m.headers[i].name, name) {
			m.headers[i].value = value
			return
		}
	}
	m.add(name, value)
}

func (m *message) add(name, value string) {
	m.headers = append(m.headers, headerLine{name, value})
}

func (m *message) prepend(name, value string) {
	m.headers = slices.Insert(m.headers, 0, headerLine{name, value})
}

func (m *message) remove(name string) {
	m.headers = slices.DeleteFunc(m.headers, func(h headerLine) bool { return strings.EqualFold(h.name, name) })
}

// copyFrom takes over header fields from another message.
func (m *message) copyFrom(from *message, names ...string) {
	for _, name := range names {
		for _, h := range from.headers {
			if strings.EqualFold(h.name, name) {
				m.add(h.name, h.value)
			}
		}
	}
}

// param reads a parameter of a header value, outside its angle brackets.
func param(value, name string) string {
	if i := strings.LastIndexByte(value, '>'); i >= 0 {
		value = value[i+1:]
	}
	for p := range strings.SplitSeq(value, ";") {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// addrOfValue is the URI of a name-addr.
func addrOfValue(value string) string {
	if _, rest, ok := strings.Cut(value, "<"); ok {
		uri, _, _ := strings.Cut(rest, ">")
		return uri
	}
	uri, _, _ := strings.Cut(value, ";")
	return uri
}
