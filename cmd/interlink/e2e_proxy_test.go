package main

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// testProxyBefore puts a Kamailio between each telephone and the gateway. Both
// record-route, so the dialog's requests go through three loose routers (RFC
// 3261 §16.12), in either direction, and the gateway's part of the route has to
// come back as it was given out.
func testProxyBefore(t *testing.T, binary string) {
	s := newScene(t, binary)
	brown, white := s.front(s.caller), sipAddress(t)
	smith := s.front(white)
	from, to := s.pair("Behind a proxy", "Behind another", brown, smith)
	total := 0
	for _, c := range []struct{ name, uac, uas, result string }{
		{"the caller hangs up", "uac", "uas", "answered"},
		{"the callee hangs up", "uac_waits_bye", "uas_bye", "answered"},
		{"CANCEL while it rings", "uac_cancel_ringing", "uas_cancel_far", "cancelled"},
		{"INVITE sent twice", "uac_invite_twice", "uas", "answered"},
	} {
		const calls = 20
		uas := s.answer(c.uas, white)
		run := s.script(c.uac, s.caller)
		run.Calls, run.Rate, run.Hold, run.Remote = calls, 50, 100*time.Millisecond, brown
		if caller, callee := s.clean(s.dial(run, s.gateway), uas); caller.Successful != calls || callee.Successful != calls {
			t.Errorf("%s: caller: %v\ncallee: %v", c.name, caller, callee)
		}
		s.empty(from, to)
		before := total
		total += calls
		if n := tally(s.logged(from, total)[:total-before]); n[c.result] != calls {
			t.Errorf("%s: call log: %v, want %d %s", c.name, n, calls, c.result)
		}
	}
}

// front starts a Kamailio before a telephone and returns where it listens.
func (s *scene) front(phone netip.AddrPort) netip.AddrPort {
	s.t.Helper()
	at := sipAddress(s.t)
	config, err := filepath.Abs(filepath.Join("testdata", "kamailio", "front.cfg"))
	s.must(err)
	k, err := testbed.StartKamailio(s.ctx, testbed.Kamailio{Config: config, Dir: s.dir, Names: map[string]string{
		"LISTEN": at.String(), "PHONE": phone.String(), "PHONE_HOST": phone.Addr().String(), "GATEWAY": s.gateway.SIP.String(),
	}})
	s.must(err)
	s.t.Cleanup(k.Kill)
	return at
}
