package sip

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/pbx-interlink/interlink/sip/wire"
)

// dialogs is what a call keeps of its dialogs: which are up, and enough of each
// to end it ourselves.
type dialogs struct {
	forks
	// early are the tags of dialogs that a BYE has ended and whose 2xx did not
	// come this way yet, hashed as in forks and as many at most.
	early []uint64
	// callerSeq and calleeSeq are the last CSeq numbers seen from each side.
	callerSeq, calleeSeq uint32
	// ending is of the first, others of those after it, as in forks.
	ending
	others []ending
}

// ending is what it takes to end one dialog.
type ending struct {
	// buf holds the BYE to the callee, then the one to the caller, as written
	// but for Via, CSeq and what follows.
	buf      []byte
	toCallee int // where the second begins
	// callee and caller are where those go.
	callee, caller hop
}

// forks are the dialogs one INVITE has made: more than one when the call was
// forked behind the callee's PBX. They are known by a hash of the callee's tag.
type forks struct {
	tags [4]uint64
	n    uint8
	// live has one bit for each that is up. One that has ended stays known: a
	// copy of its 2xx must not bring it back.
	live uint8
}

// add notes a dialog that is up, unless it is known already or one too many;
// it reports whether it did.
func (f *forks) add(tag []byte) bool {
	h := tagHash(tag)
	if f.index(h) >= 0 || int(f.n) == len(f.tags) {
		return false
	}
	f.tags[f.n] = h
	f.live |= 1 << f.n
	f.n++
	return true
}

// remove notes the end of a dialog; true when it was the last one up.
func (f *forks) remove(tag uint64) bool {
	i := f.index(tag)
	if i < 0 || f.live&(1<<i) == 0 {
		return false
	}
	f.live &^= 1 << i
	return f.live == 0
}

// up reports whether a dialog is up.
func (f *forks) up(tag uint64) bool {
	i := f.index(tag)
	return i >= 0 && f.live&(1<<i) != 0
}

// over reports whether a dialog was up and has ended. Where more dialogs were
// made than are known one by one, all others count as over.
func (f *forks) over(tag uint64) bool {
	i := f.index(tag)
	return i >= 0 && f.live&(1<<i) == 0 || i < 0 && int(f.n) == len(f.tags)
}

func (f *forks) index(tag uint64) int { return slices.Index(f.tags[:f.n], tag) }

// endEarly notes the end of a dialog that is not up. Its 2xx may still come: a
// BYE can overtake it, and the caller may end an early dialog (§15). Nobody would
// end that dialog once more.
func (d *dialogs) endEarly(tag uint64) {
	if d.index(tag) < 0 && len(d.early) < len(d.tags) && !slices.Contains(d.early, tag) {
		d.early = append(d.early, tag)
	}
}

// endedEarly reports whether a dialog is up that had ended before.
func (d *dialogs) endedEarly(tag uint64) bool { return d.up(tag) && slices.Contains(d.early, tag) }

// at is the ending of the dialog with that place in forks.
func (d *dialogs) at(i int) *ending {
	if i <= 0 {
		return &d.ending
	}
	return &d.others[i-1]
}

// target is the remote target of one side of a dialog, and the first hop toward
// it.
func (e *ending) target(callee bool) (uri []byte, h hop) {
	head, h := e.buf[e.toCallee:], e.caller
	if callee {
		head, h = e.buf[:e.toCallee], e.callee
	}
	head = head[len("BYE "):]
	return head[:bytes.IndexByte(head, ' ')], h
}

// heard notes the CSeq number of a request inside the dialog.
func (d *dialogs) heard(fromCaller bool, seq uint32) {
	if fromCaller {
		d.callerSeq = max(d.callerSeq, seq)
	} else {
		d.calleeSeq = max(d.calleeSeq, seq)
	}
}

// remember keeps what a BYE to either side needs (§12.1, §12.2.1.1): from the
// INVITE as it came in from one hop and its 2xx as it came back from the other.
func (d *dialogs) remember(inv, ok *wire.Message, caller, callee hop) {
	d.heard(true, inv.CSeq()) // a PRACK or UPDATE before the 2xx had a higher one
	d.towardCallee(ok, callee)
	var below [][]byte
	inv.Each(wire.RecordRoute, func(v []byte) bool { below = append(below, v); return true })
	d.caller = hop{caller.listener, firstHop(below, contactOf(inv), caller.target)}
	d.buf = appendBye(d.buf, targetOf(inv, d.caller), below, ok.Get(wire.To), inv.Get(wire.From), inv.Get(wire.CallID))
}

// rememberFork keeps the same of a further dialog, from its 2xx: toward the
// caller only its tag differs.
func (d *dialogs) rememberFork(ok *wire.Message, h hop) {
	e := ending{caller: d.caller}
	e.towardCallee(ok, h)
	head := d.buf[d.toCallee:]
	from := bytes.Index(head, []byte("\r\nFrom: ")) + len("\r\nFrom: ")
	e.buf = append(append(e.buf, head[:from]...), ok.Get(wire.To)...)
	e.buf = append(e.buf, head[from+bytes.Index(head[from:], []byte("\r\nTo: ")):]...)
	d.others = append(d.others, e)
}

// towardCallee keeps the callee's half, which its 2xx has all of; h is where
// the INVITE went.
func (e *ending) towardCallee(ok *wire.Message, h hop) {
	// Toward the callee the route set is what stands above our own
	// Record-Route in the 2xx, the nearest to us first: reversed.
	var above [][]byte
	ok.Each(wire.RecordRoute, func(v []byte) bool {
		if isPassURI(v) {
			return false
		}
		above = append(above, v)
		return true
	})
	for i, j := 0, len(above)-1; i < j; i, j = i+1, j-1 {
		above[i], above[j] = above[j], above[i]
	}
	e.callee = hop{h.listener, firstHop(above, contactOf(ok), h.target)}
	e.buf = appendBye(e.buf[:0], targetOf(ok, e.callee), above, ok.Get(wire.From), ok.Get(wire.To), ok.Get(wire.CallID))
	e.toCallee = len(e.buf)
}

// targetOf is contactOf, or the address itself where a peer forgot its Contact.
func targetOf(m *wire.Message, h hop) []byte {
	if uri := contactOf(m); uri != nil {
		return uri
	}
	return h.target.AppendTo([]byte("sip:"))
}

// contactOf is the remote target: the URI of Contact, or nil when there is none
// that could stand in a request line.
func contactOf(m *wire.Message) []byte {
	addr, err := wire.ParseNameAddr(m.Get(wire.Contact))
	if err != nil {
		return nil
	}
	if u, err := wire.ParseURI(addr.URI); err != nil || !u.IsSIP() || u.Headers != nil {
		return nil
	}
	return addr.URI
}

// firstHop is where a request with that route set and target goes; names are
// not resolved, fallback stands in for them.
func firstHop(routes [][]byte, target []byte, fallback netip.AddrPort) netip.AddrPort {
	if len(routes) > 0 {
		if addr, err := wire.ParseNameAddr(routes[0]); err == nil {
			target = addr.URI
		}
	}
	if a, ok := addressOf(target); ok {
		return a
	}
	return fallback
}

// isPassURI reports whether a Record-Route value looks like ours.
func isPassURI(v []byte) bool { return bytes.Contains(v, []byte(";"+sealParam+"=")) }

// appendBye writes a BYE from its request line to its Call-ID; the place of the
// Via is after the request line.
func appendBye(b, target []byte, routes [][]byte, from, to, id []byte) []byte {
	b = append(append(append(b, "BYE "...), target...), " SIP/2.0\r\n"...)
	for _, r := range routes {
		b = append(append(append(b, "Route: "...), r...), "\r\n"...)
	}
	b = append(append(append(b, "From: "...), from...), "\r\n"...)
	b = append(append(append(b, "To: "...), to...), "\r\n"...)
	return append(append(append(b, "Call-ID: "...), id...), "\r\n"...)
}
