package sip

import (
	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/wire"
)

// freelists keep a shard's buffers and records for reuse, so that a call costs
// no garbage. Each list is bounded: what a burst made is given back to the
// collector.
type freelists struct {
	bufs     [bufClasses][][]byte
	txns     []*txn
	messages []*wire.Message
	branches []*branch
	calls    []*call
	claims   [][]routing.Claim
}

const (
	bufClasses  = 4 // 512, 1024, 2048, 4096 octets
	bufSmallest = 512
	bufLargest  = bufSmallest << (bufClasses - 1)
	freeMost    = 1024 // entries a list: what ends in one turn begins in the next
)

// keep returns a copy of b that lives until drop.
func (f *freelists) keep(b []byte) []byte {
	size, class := bufSmallest, 0
	for class < bufClasses && len(b) > size {
		size, class = size*2, class+1
	}
	if class == bufClasses {
		return append([]byte(nil), b...)
	}
	list := &f.bufs[class]
	if n := len(*list); n > 0 {
		buf := (*list)[n-1]
		*list = (*list)[:n-1]
		return append(buf, b...)
	}
	return append(make([]byte, 0, size), b...)
}

// drop takes back what keep returned; nil is fine.
func (f *freelists) drop(b []byte) {
	size, class := bufSmallest, 0
	for class < bufClasses && cap(b) > size {
		size, class = size*2, class+1
	}
	if class < bufClasses && cap(b) == size && len(f.bufs[class]) < freeMost {
		f.bufs[class] = append(f.bufs[class], b[:0])
	}
}

// dropMessage takes back a parsed message from recycled; nil is fine.
func (f *freelists) dropMessage(m *wire.Message) {
	if m != nil {
		*m = wire.Message{Headers: m.Headers[:0]}
		recycle(&f.messages, m)
	}
}

// takeClaims returns an empty list of claims; giveClaims takes it back, once the
// ledger has answered.
func (f *freelists) takeClaims() []routing.Claim {
	n := len(f.claims)
	if n == 0 {
		return make([]routing.Claim, 0, 4)
	}
	c := f.claims[n-1]
	f.claims = f.claims[:n-1]
	return c
}

func (f *freelists) giveClaims(c []routing.Claim) {
	if len(f.claims) < freeMost {
		clear(c)
		f.claims = append(f.claims, c[:0])
	}
}

// recycled takes a record from a list, or makes one.
func recycled[T any](list *[]*T) *T {
	if n := len(*list); n > 0 {
		t := (*list)[n-1]
		*list = (*list)[:n-1]
		return t
	}
	return new(T)
}

// recycle gives a record back. The caller has cleared it.
func recycle[T any](list *[]*T, t *T) {
	if len(*list) < freeMost {
		*list = append(*list, t)
	}
}

// bury recycles what ended this turn: nothing on the stack knows it any more.
func (s *shard) bury() {
	for _, t := range s.dead {
		for _, b := range t.branches {
			*b = branch{}
			recycle(&s.free.branches, b)
		}
		s.free.drop(t.raw)
		s.free.drop(t.last)
		s.free.drop(t.best)
		s.free.dropMessage(t.req)
		*t = txn{}
		recycle(&s.free.txns, t)
		s.count.txns.Add(-1)
	}
	s.dead = s.dead[:0]
	for _, c := range s.over {
		if cap(c.dialogs.buf) > bufLargest {
			c.dialogs.buf = nil
		}
		*c = call{
			pass:    pass{accounts: c.pass.accounts[:0]},
			dialogs: dialogs{ending: ending{buf: c.dialogs.buf[:0]}},
		}
		recycle(&s.free.calls, c)
	}
	s.over = s.over[:0]
}
