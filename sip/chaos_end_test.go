package sip

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"time"
)

// quiet: the gateway holds nothing, the ledger owes nothing.
func (w *chaos) quiet() bool {
	for _, s := range w.srv.shards {
		if s.count.txns.Load() != 0 || s.count.calls.Load() != 0 || s.count.pending.Load() != 0 {
			return false
		}
	}
	return w.ledger.settled()
}

// allEnded: no dialog of a caller is left.
func (w *chaos) allEnded() bool {
	for _, c := range w.calls {
		for _, d := range c.dialogs {
			if d.bye.IsZero() && !c.told[d.tag] {
				return false
			}
		}
	}
	return true
}

// settle sees to it that nothing is on its way to the gateway any more and that
// it holds nothing; false when that takes too long.
func (w *chaos) settle() bool {
	w.cut, w.probed = true, map[string]bool{}
	for _, p := range w.phones {
		for _, s := range w.srv.shards {
			w.probe(p, s)
		}
	}
	answered := func() bool { return !slices.Contains(slices.Collect(maps.Values(w.probed)), false) }
	return w.run(time.Minute, answered) && w.run(time.Minute, w.quiet)
}

// probe sends a shard a request, until it is answered, by the way that all others
// from that phone went: what was sent before has been worked on by then.
func (w *chaos) probe(p *chaosPhone, s *shard) {
	n := 0
	id := func() string { return fmt.Sprintf("probe-%s-%d-%d", p.name, s.loop.Index(), n) }
	for w.shardOf(id()) != s {
		n++
	}
	m := &message{start: fmt.Sprintf("OPTIONS sip:%s SIP/2.0", w.gateway)}
	m.add("Via", w.via(p))
	m.add("Max-Forwards", "70")
	m.add("From", "<sip:"+p.name+"@caller.test>;tag=p")
	m.add("To", fmt.Sprintf("<sip:%s>", w.gateway))
	m.add("Call-ID", id())
	m.add("CSeq", "1 OPTIONS")
	w.probed[id()] = false
	var again func()
	again = func() {
		if !w.probed[id()] {
			_, _ = p.conn.WriteToUDPAddrPort(m.bytes(), w.gateway)
			w.after(2*chaosT1, again)
		}
	}
	again()
}

// shardOf is the shard whose calls have that Call-ID.
func (w *chaos) shardOf(callID string) *shard {
	return w.srv.shards[maphash.String(w.srv.seed, callID)%uint64(len(w.srv.shards))]
}
