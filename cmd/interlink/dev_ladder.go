package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// arrow is one SIP message between a pretend PBX and the gateway.
type arrow struct {
	at    time.Time
	pbx   string
	toGW  bool
	label string
}

// recorder collects arrows of the pretend PBXs while somebody watches.
type recorder struct {
	mu     sync.Mutex
	on     bool
	arrows []arrow
}

// watch starts a new collection.
func (r *recorder) watch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on, r.arrows = true, nil
}

// finish returns what was collected since watch, in the order it happened.
func (r *recorder) finish() []arrow {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on = false
	slices.SortStableFunc(r.arrows, func(a, b arrow) int { return a.at.Compare(b.at) })
	return r.arrows
}

func (r *recorder) add(pbx string, toGW bool, datagram []byte) {
	at := time.Now()
	label, ok := startLine(datagram)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.on && ok {
		r.arrows = append(r.arrows, arrow{at: at, pbx: pbx, toGW: toGW, label: label})
	}
}

// startLine shortens "INVITE sip:2001@host SIP/2.0" to "INVITE 2001" and
// "SIP/2.0 200 OK" to "200 OK" with the method it answers.
func startLine(datagram []byte) (string, bool) {
	line, rest, ok := bytes.Cut(datagram, []byte("\r\n"))
	if !ok {
		return "", false
	}
	first, others, ok := strings.Cut(string(line), " ")
	if !ok {
		return "", false
	}
	if first == "SIP/2.0" {
		_, cseq, _ := bytes.Cut(rest, []byte("CSeq: "))
		cseq, _, _ = bytes.Cut(cseq, []byte("\r\n"))
		if _, method, ok := strings.Cut(string(cseq), " "); ok && method != "INVITE" {
			return others + " (" + method + ")", true
		}
		return others, true
	}
	uri, _, _ := strings.Cut(others, " ")
	user, _, ok := strings.Cut(strings.TrimPrefix(uri, "sip:"), "@")
	if first != "INVITE" || !ok {
		return first, true
	}
	return first + " " + user, true
}

// tap is a PBX's socket that shows every datagram to the recorder.
type tap struct {
	net.PacketConn
	pbx string
	rec *recorder
	// deaf tells which datagrams the PBX acts as if it never got.
	deaf func(datagram []byte) bool
	// reading is closed when the user agent begins to read: from then on it
	// sends from this socket.
	reading chan struct{}
	once    sync.Once
}

func (t *tap) ReadFrom(b []byte) (int, net.Addr, error) {
	t.once.Do(func() { close(t.reading) })
	for {
		n, from, err := t.PacketConn.ReadFrom(b)
		if err != nil {
			return n, from, err
		}
		t.rec.add(t.pbx, false, b[:n])
		if !t.deaf(b[:n]) {
			return n, from, nil
		}
	}
}

func (t *tap) WriteTo(b []byte, to net.Addr) (int, error) {
	t.rec.add(t.pbx, true, b)
	return t.PacketConn.WriteTo(b, to)
}

const ladderGap = 34 // columns between two of the three lines

// drawLadder prints the arrows between two PBXs with the gateway in the middle.
func drawLadder(w io.Writer, left, right *pretendPBX, gateway string, arrows []arrow) {
	if len(arrows) == 0 {
		return
	}
	start := slices.MinFunc(arrows, func(a, b arrow) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) }).at
	fmt.Fprintf(w, "       ms   %s%s%s\n", pad(left.title(), ladderGap-len(gateway)/2+1), pad(gateway, ladderGap-len(right.title())+len(gateway)/2), right.title())
	blank := strings.Repeat(" ", ladderGap)
	for _, a := range arrows {
		var first, second string
		switch {
		case a.pbx == left.name && a.toGW:
			first, second = shaft(a.label, true), blank
		case a.pbx == left.name:
			first, second = shaft(a.label, false), blank
		case a.toGW:
			first, second = blank, shaft(a.label, false)
		default:
			first, second = blank, shaft(a.label, true)
		}
		ms := float64(a.at.Sub(start).Microseconds()) / 1000
		fmt.Fprintf(w, "  %9.1f  |%s|%s|\n", ms, first, second)
	}
}

// shaft is "--- INVITE 2001 ------>" or the same to the left.
func shaft(label string, right bool) string {
	label = label[:min(len(label), ladderGap-8)]
	dashes := strings.Repeat("-", ladderGap-len(label)-6)
	if right {
		return "--- " + label + " " + dashes + ">"
	}
	return "<--- " + label + " " + dashes
}

// pad fills s with spaces up to n columns, and at least one.
func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(1, n-utf8.RuneCountInString(s)))
}
