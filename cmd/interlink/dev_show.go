package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// answerTime bounds how long the demonstration waits for any one thing.
const answerTime = 20 * time.Second

// show tells the demonstration: what is dialled, what comes of it, and why.
type show struct {
	*stage
	plan   *devPlan
	out    io.Writer
	failed bool
	scene  int
}

// run provisions and places the calls. An error means that it could not go on; what merely
// came out otherwise than expected is told and remembered in failed.
func (s *show) run(ctx context.Context) (err error) {
	if s.plan, err = s.provision(ctx); err != nil {
		return fmt.Errorf("provisioning over the API: %w", err)
	}
	s.introduce()
	for _, scene := range []func(context.Context) error{
		s.plainCall, s.privateNumber, s.shadowedNumber, s.ambiguousNumber, s.strangers, s.fullLines,
	} {
		ctx, cancel := context.WithTimeout(ctx, answerTime)
		err := scene(ctx)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *show) say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

func (s *show) headline(format string, args ...any) {
	s.scene++
	s.say("\n%d. %s", s.scene, fmt.Sprintf(format, args...))
}

// expect tells what went wrong; what is the sentence for that case.
func (s *show) expect(ok bool, format string, args ...any) {
	if !ok {
		s.failed = true
		s.say("   UNEXPECTED: "+format, args...)
	}
}

func (s *show) introduce() {
	s.say("Interlink joins separate PBXs into one dial plan. This is the real gateway, with its")
	s.say("store in this process, and three pretend PBXs, set up over the API:\n")
	s.say("   Interlink  SIP %s, API %s", s.gateway.SIPAddrs()[0], s.gateway.APIAddr())
	s.say("   Brown      PBX %-15s  has 1001, 1500              linked with Smith and Andrews", s.brown.addr)
	s.say("   Smith      PBX %-15s  has 1500, 2001, 2002, 3000  linked with Brown", s.smith.addr)
	s.say("   Andrews    PBX %-15s  has 3000                    linked with Brown", s.andrews.addr)
}

// plainCall shows one whole call, with audio both ways.
func (s *show) plainCall(ctx context.Context) error {
	s.headline("Brown's 1001 dials 2001, which is Smith's.\n")
	s.rec.watch()
	near, far, err := s.connect(ctx, s.brown, "1001", "2001", s.smith)
	if err != nil || near == nil {
		s.rec.finish()
		return err
	}
	for _, l := range []*leg{near, far} {
		select {
		case <-l.media.enough:
		case <-ctx.Done():
			s.expect(false, "the audio did not arrive.")
		}
	}
	err = s.hangUp(ctx, s.brown, near, far)
	drawLadder(s.out, s.brown, s.smith, "Interlink", s.rec.finish())
	if err != nil {
		return err
	}
	s.say("")
	s.heard("Brown", near, "Smith", far)
	s.heard("Smith", far, "Brown", near)
	return nil
}

// heard tells how much of the audio from one side the other one heard.
func (s *show) heard(to string, listener *leg, from string, talker *leg) {
	sent, _ := talker.media.counts()
	_, got := listener.media.counts()
	s.say("   %s heard %d of the %d RTP packets from %s: %d lost, SSRC %08x, G.711 at 20 ms.",
		to, got.Packets, sent, from, got.Lost, got.SSRC)
	s.expect(got.Packets >= enoughPackets && got.Packets == sent && got.Lost == 0 && got.Foreign == 0,
		"%d packets sent, heard %+v.", sent, got)
	s.expect(got.SSRC == talker.media.ssrc, "the SSRC is not %s's %08x.", from, talker.media.ssrc)
}

func (s *show) privateNumber(ctx context.Context) error {
	s.headline("Brown dials 2002. Smith has it, but private: to Brown it does not exist.")
	return s.refused(ctx, s.brown, "2002", 404, "number_not_found")
}

func (s *show) shadowedNumber(ctx context.Context) error {
	s.headline("Brown dials 1500, which Smith has too. The own number wins; Smith's PBX hears nothing.")
	near, far, err := s.connect(ctx, s.brown, "1001", "1500", s.brown)
	if err != nil || near == nil {
		return err
	}
	s.say("   SIP answer  200 OK, from Brown's own PBX")
	if err := s.explain(ctx, s.brown, "1500", ""); err != nil {
		return err
	}
	return s.hangUp(ctx, s.brown, near, far)
}

func (s *show) ambiguousNumber(ctx context.Context) error {
	s.headline("Brown dials 3000. Smith and Andrews both have it, and no priority decides.")
	return s.refused(ctx, s.brown, "3000", 484, "ambiguous_number")
}

func (s *show) strangers(ctx context.Context) error {
	s.headline("Andrews dials 2001. Both are linked with Brown, but not with each other.")
	return s.refused(ctx, s.andrews, "2001", 404, "number_not_found")
}

// fullLines holds the only line there is while a second call asks for it.
func (s *show) fullLines(ctx context.Context) error {
	s.headline("Smith gets one inbound line. Brown takes it with a call to 2001 and dials 2001 again.")
	if err := s.plan.setInboundLines(ctx, s.plan.smith, 1); err != nil {
		return err
	}
	near, far, err := s.connect(ctx, s.brown, "1001", "2001", s.smith)
	if err != nil || near == nil {
		return err
	}
	if err := s.refused(ctx, s.brown, "2001", 486, "callee_lines_full"); err != nil {
		return err
	}
	if err := s.hangUp(ctx, s.brown, near, far); err != nil {
		return err
	}
	near, far, err = s.connect(ctx, s.brown, "1001", "2001", s.smith)
	if err != nil || near == nil {
		return err
	}
	s.say("   The first call has ended, its line is free: the next one is answered with 200 OK.")
	if err := s.hangUp(ctx, s.brown, near, far); err != nil {
		return err
	}
	return s.plan.setInboundLines(ctx, s.plan.smith, 10)
}

// refused dials, shows the answer, and lets explain tell the reason.
func (s *show) refused(ctx context.Context, caller *pretendPBX, number string, status int, reason string) error {
	a, err := caller.call(ctx, "1001", number)
	if err != nil {
		return err
	}
	s.say("   SIP answer  %d %s, reason %s", a.status, a.phrase, orNone(a.reason))
	s.expect(a.status == status && a.reason == reason, "expected %d with reason %s.", status, reason)
	if a.leg != nil {
		return caller.hangUp(ctx, a.leg)
	}
	return s.explain(ctx, caller, number, reason)
}

// explain prints the trail of the same question asked over the API.
func (s *show) explain(ctx context.Context, caller *pretendPBX, number, reason string) error {
	e, err := s.plan.explain(ctx, caller.name, number)
	if err != nil {
		return err
	}
	printTrail(s.out, "   explain     ", e)
	got := ""
	if e.Reason != nil {
		got = *e.Reason
	}
	s.expect(got == reason, "explain gives the reason %s, expected %s.", orNone(got), orNone(reason))
	return nil
}

// connect dials and finds both sides of the answered call; near is nil when it
// was not answered.
func (s *show) connect(ctx context.Context, caller *pretendPBX, from, number string, callee *pretendPBX) (near, far *leg, err error) {
	a, err := caller.call(ctx, from, number)
	if err != nil {
		return nil, nil, err
	}
	s.expect(a.status == 200 && a.leg != nil, "answered %d %s, reason %s.", a.status, a.phrase, orNone(a.reason))
	if a.leg == nil {
		return nil, nil, nil
	}
	far, err = callee.otherLeg(ctx, a.leg)
	return a.leg, far, err
}

// hangUp ends the call from the near side and waits for both.
func (s *show) hangUp(ctx context.Context, p *pretendPBX, near, far *leg) error {
	if err := p.hangUp(ctx, near); err != nil {
		return err
	}
	select {
	case <-far.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the BYE of %s did not reach the other side: %w", p.name, ctx.Err())
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// invite tells what the reader can try.
func (s *show) invite() {
	api := "http://" + s.gateway.APIAddr()
	rule := strings.Repeat("-", 96)
	s.say("\n%s\nIt stays up until Ctrl-C.\n", rule)
	s.say("   API      %s     documentation %s/docs", api, api)
	s.say("   token    %s", s.gateway.AdminToken())
	if d := s.gateway.DebugAddr(); d != "" {
		s.say("   metrics  http://%s/metrics", d)
	}
	s.say("\nAsk the gateway what it would do:\n")
	s.say("curl -sS -H 'Authorization: Bearer %s' \\", s.gateway.AdminToken())
	s.say("  -H 'Content-Type: application/json' \\")
	s.say("  -d '{\"account\":\"%s\",\"dialled\":\"2001\"}' %s/v1/explain", s.plan.brown, api)
	s.say("\nCall Smith's 2001 with SIPp, as a second PBX of Brown's at %s:\n", s.sipp)
	s.say("sipp -sf %s \\", s.scenario)
	s.say("  -i %s -p %d -m 1 -s 2001 %s", s.sipp.Addr(), s.sipp.Port(), s.gateway.SIPAddrs()[0])
	s.say("\nOther numbers of Smith's to dial with -s:\n")
	for _, m := range magicNumbers() {
		s.say("   %s   %s", m.user, m.what)
	}
	s.say("   2002   private: 404        3000   ambiguous: 484        1500   Brown's own, not Smith's")
}
