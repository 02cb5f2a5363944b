package sip

import (
	"bytes"
	"testing"
)

// TestTransactionBound: refusals cannot fill the memory, and at twice the bound
// nor can requests inside dialogs; the call they belong to goes on.
func TestTransactionBound(t *testing.T) {
	b := newCallBench(t, short)
	c := &b.s.count
	b.s.srv.cfg.MaxCalls = 4
	hopless := b.invite
	hopless.text = bytes.Replace(bytes.Clone(b.invite.text), []byte("Max-Forwards: 70"), []byte("Max-Forwards: 00"), 1)
	for range 100 {
		b.calls++
		b.take(&hopless, b.caller, nil)
	}
	if n := c.txns.Load(); n != 4*txnsPerCall {
		t.Errorf("%d transactions for 4 calls", n)
	}
	if n := c.responses[483].Load(); n != 100 {
		t.Errorf("%d of 100 INVITEs were answered 483", n)
	}

	b.s.srv.cfg.MaxCalls = 100
	b.calls++
	b.take(&b.invite, b.caller, nil)
	invite := bytes.Clone(b.s.scratch.out)
	b.take(&b.answer, b.callee, invite)
	b.s.srv.cfg.MaxCalls = 1
	b.take(&b.bye, b.caller, invite)
	if n := c.responses[503].Load(); n != 1 || c.calls.Load() != 1 {
		t.Errorf("%d BYEs refused, %d calls up", n, c.calls.Load())
	}
	b.s.srv.cfg.MaxCalls = 100
	b.take(&b.bye, b.caller, invite)
	b.take(&b.done, b.callee, b.s.scratch.out)
	if c.calls.Load() != 0 {
		t.Error("the call outlived its BYE")
	}
}
