package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what a test waits for; nothing takes nearly as long.
const patience = 60 * time.Second

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func testPBX(t *testing.T, name string, hz int, rec *recorder) *pretendPBX {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := openPBX(name, conn, hz, rec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p
}

// Two pretend PBXs that know each other need no gateway.
func TestPretendPBXsTalk(t *testing.T) {
	ctx := testContext(t)
	rec := &recorder{}
	brown, smith := testPBX(t, "Brown", 400, rec), testPBX(t, "Smith", 500, rec)
	brown.gateway, smith.gateway = smith.addr, brown.addr
	rec.watch()
	a, err := brown.call(ctx, "1001", "2001")
	if err != nil {
		t.Fatal(err)
	}
	if a.status != 200 || !a.rang || a.leg == nil {
		t.Fatalf("%+v", a)
	}
	far, err := smith.otherLeg(ctx, a.leg)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []*leg{a.leg, far} {
		select {
		case <-l.media.enough:
		case <-ctx.Done():
			t.Fatal("no audio")
		}
	}
	if err := brown.hangUp(ctx, a.leg); err != nil {
		t.Fatal(err)
	}
	<-far.ended
	for _, pair := range [][2]*leg{{a.leg, far}, {far, a.leg}} {
		sent, _ := pair[0].media.counts()
		_, heard := pair[1].media.counts()
		if heard.Packets != sent || heard.Lost != 0 || heard.Foreign != 0 || heard.SSRC != pair[0].media.ssrc {
			t.Errorf("sent %d with SSRC %x, heard %+v", sent, pair[0].media.ssrc, heard)
		}
	}
	var out bytes.Buffer
	drawLadder(&out, brown, smith, "nobody", rec.finish())
	for _, want := range []string{"INVITE 2001", "180 Ringing", "200 OK", "ACK", "BYE", "200 OK (BYE)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the ladder lacks %q:\n%s", want, out.String())
		}
	}
	t.Log("\n" + out.String())
	for line := range strings.Lines(out.String()) {
		if len(line) > 100 {
			t.Errorf("a line of %d columns: %s", len(line), line)
		}
	}
}

func TestPretendPBXMagicNumbers(t *testing.T) {
	rec := &recorder{}
	brown, smith := testPBX(t, "Brown", 400, rec), testPBX(t, "Smith", 500, rec)
	brown.gateway = smith.addr
	for _, m := range magicNumbers() {
		if m.deaf {
			continue // silence needs a gateway whose timers end it
		}
		t.Run(m.user, func(t *testing.T) {
			ctx := testContext(t)
			want := m.status
			if want == 0 {
				want = 487
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 300*time.Millisecond)
				defer cancel()
			}
			a, err := brown.call(ctx, "1001", m.user)
			if err != nil {
				t.Fatal(err)
			}
			if a.status != want || a.leg != nil {
				t.Errorf("%+v, want %d", a, want)
			}
		})
	}
}

func TestRTPCount(t *testing.T) {
	packet := func(seq uint16, ssrc uint32) *rtp.Packet {
		return &rtp.Packet{Header: rtp.Header{SequenceNumber: seq, SSRC: ssrc}, Payload: make([]byte, packetSamples)}
	}
	var c rtpCount
	for _, p := range []*rtp.Packet{packet(65534, 7), packet(65535, 7), packet(0, 7), packet(3, 7), packet(2, 7), packet(4, 8)} {
		c.take(p, true)
	}
	c.take(packet(4, 7), false)
	if c.Packets != 4 || c.Lost != 2 || c.Foreign != 3 {
		t.Errorf("%+v", c)
	}
}

func TestEncodePCMU(t *testing.T) {
	// ITU-T G.191 reference values.
	for sample, want := range map[int]byte{0: 0xff, 32767: 0x80, -32768: 0x00, 1000: 0xce, -1000: 0x4e} {
		if got := encodePCMU(sample); got != want {
			t.Errorf("encodePCMU(%d) = %#02x, want %#02x", sample, got, want)
		}
	}
}
