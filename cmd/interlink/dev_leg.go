package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// leg is one pretend PBX's side of an answered call: what it needs to send
// requests inside the dialog (RFC 3261 §12), and the audio.
type leg struct {
	callID        string
	localTag      string
	local, remote string // From and To of our requests, with tags
	target        string // the other side's Contact URI
	routes        []string
	cseq          uint32
	media         *rtpStream
	acked, ended  chan struct{}
	ackOnce       sync.Once
}

// attempt is how a call that a pretend PBX placed came out.
type attempt struct {
	status int
	phrase string
	// reason is the gateway's code, "" where it gave none.
	reason string
	// rang: a 180 was heard.
	rang bool
	// leg is nil unless the call was answered.
	leg *leg
}

func (l *leg) ack() { l.ackOnce.Do(func() { close(l.acked) }) }

// answeredLeg is the side that sent res, a 2xx to req.
func (p *pretendPBX) answeredLeg(req *sip.Request, res *sip.Response, media *rtpStream) *leg {
	tag, _ := res.To().Params.Get("tag")
	l := &leg{
		callID: req.CallID().Value(), localTag: tag, local: res.To().Value(), remote: req.From().Value(),
		target: contactURI(req.GetHeader("Contact")), routes: values(req.GetHeaders("Record-Route")),
		media: media, acked: make(chan struct{}), ended: make(chan struct{}),
	}
	return l
}

// call dials a number through the gateway from extension from. It returns the
// final answer; when ctx ends first the call is cancelled. An error means that
// there was no answer.
func (p *pretendPBX) call(ctx context.Context, from, number string) (attempt, error) {
	media, err := openStream(p.hz)
	if err != nil {
		return attempt{}, err
	}
	req := p.invite(from, number, describe(media))
	res, rang, err := p.converse(ctx, req)
	if err != nil {
		media.close()
		return attempt{}, fmt.Errorf("%s dials %s: %w", p.name, number, err)
	}
	a := attempt{status: res.StatusCode, phrase: res.Reason, reason: reasonText(res), rang: rang}
	if !res.IsSuccess() {
		media.close()
		return a, nil
	}
	a.leg, err = p.establish(req, res, media)
	if err != nil {
		media.close()
		return attempt{}, fmt.Errorf("%s dials %s: %w", p.name, number, err)
	}
	return a, nil
}

// invite builds an INVITE that leaves from the PBX's own port, by which the
// gateway knows the trunk.
func (p *pretendPBX) invite(from, number string, sdp []byte) *sip.Request {
	req := p.request(sip.INVITE, fmt.Sprintf("sip:%s@%s", number, p.gateway))
	tag := sip.GenerateTagN(12)
	req.AppendHeader(sip.NewHeader("From", fmt.Sprintf("\"%s %s\" <sip:%s@%s>;tag=%s", p.name, from, from, p.addr, tag)))
	req.AppendHeader(sip.NewHeader("To", fmt.Sprintf("<sip:%s@%s>", number, p.gateway)))
	req.AppendHeader(sip.NewHeader("Call-ID", sip.GenerateTagN(20)+"@"+p.addr.Addr().String()))
	req.AppendHeader(sip.NewHeader("CSeq", "1 INVITE"))
	req.AppendHeader(p.contact(from))
	req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	req.SetBody(sdp)
	return req
}

// request is the part every request of this PBX has in common.
func (p *pretendPBX) request(method sip.RequestMethod, uri string) *sip.Request {
	var target sip.Uri
	if err := sip.ParseUri(uri, &target); err != nil {
		target = sip.Uri{Scheme: "sip", Host: p.gateway.String()}
	}
	req := sip.NewRequest(method, target)
	req.AppendHeader(sip.NewHeader("Via", fmt.Sprintf("SIP/2.0/UDP %s;branch=%s", p.addr, sip.GenerateBranchN(16))))
	maxForwards := sip.MaxForwardsHeader(70)
	req.AppendHeader(&maxForwards)
	req.SetTransport("UDP")
	req.SetDestination(p.gateway.String())
	req.Laddr = sip.Addr{IP: p.addr.Addr().AsSlice(), Port: int(p.addr.Port())}
	return req
}

// converse sends an INVITE and returns the final response to it.
func (p *pretendPBX) converse(ctx context.Context, req *sip.Request) (*sip.Response, bool, error) {
	tx, err := p.client.TransactionRequest(ctx, req)
	if err != nil {
		return nil, false, err
	}
	rang, cancelled := false, false
	heard := false // RFC 3261 §9.1: no CANCEL before a provisional response
	done := ctx.Done()
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, rang, nil
			}
			rang = rang || res.StatusCode == 180
			heard = true
		case <-tx.Done():
			return nil, rang, tx.Err()
		case <-p.ctx.Done():
			return nil, rang, errors.New("the PBX is closing")
		case <-done:
			done, cancelled = nil, true
		}
		if cancelled && heard {
			cancelled = false
			p.wg.Go(func() { p.cancelInvite(req) })
		}
	}
}

// cancelInvite sends the CANCEL for req (RFC 3261 §9.1); its INVITE gets 487.
func (p *pretendPBX) cancelInvite(req *sip.Request) {
	c := sip.NewRequest(sip.CANCEL, req.Recipient)
	c.AppendHeader(sip.NewHeader("Via", req.Via().Value()))
	for _, name := range []string{"From", "To", "Call-ID", "Max-Forwards"} {
		c.AppendHeader(sip.NewHeader(name, req.GetHeader(name).Value()))
	}
	c.AppendHeader(sip.NewHeader("CSeq", "1 CANCEL"))
	c.SetTransport("UDP")
	c.SetDestination(p.gateway.String())
	c.Laddr = req.Laddr
	if _, err := p.client.Do(p.ctx, c); err != nil {
		p.log.Debug("CANCEL not answered", "err", err)
	}
}

// establish acknowledges a 2xx and starts the audio (RFC 3261 §13.2.2.4).
func (p *pretendPBX) establish(req *sip.Request, res *sip.Response, media *rtpStream) (*leg, error) {
	from := req.GetHeader("From").Value()
	_, tag, _ := strings.Cut(from, ";tag=")
	l := &leg{
		callID: req.GetHeader("Call-ID").Value(), localTag: tag, local: from, remote: res.To().Value(),
		target: contactURI(res.GetHeader("Contact")), routes: values(res.GetHeaders("Record-Route")),
		cseq: 1, media: media, acked: make(chan struct{}), ended: make(chan struct{}),
	}
	slices.Reverse(l.routes) // RFC 3261 §12.1.2
	l.ack()
	ack := p.inDialog(l, sip.ACK)
	if err := p.client.WriteRequest(ack); err != nil {
		return nil, fmt.Errorf("ACK: %w", err)
	}
	peer, err := mediaAddress(res.Body())
	if err != nil {
		return nil, err
	}
	if !p.add(l) {
		return nil, errors.New("the PBX is closing")
	}
	media.start(peer)
	return l, nil
}

// inDialog builds a request of a dialog (RFC 3261 §12.2.1.1). All routes are
// the gateway's own loose ones, so the first hop is the gateway.
func (p *pretendPBX) inDialog(l *leg, method sip.RequestMethod) *sip.Request {
	req := p.request(method, l.target)
	for _, r := range l.routes {
		req.AppendHeader(sip.NewHeader("Route", r))
	}
	req.AppendHeader(sip.NewHeader("From", l.local))
	req.AppendHeader(sip.NewHeader("To", l.remote))
	req.AppendHeader(sip.NewHeader("Call-ID", l.callID))
	if method != sip.ACK {
		l.cseq++
	}
	req.AppendHeader(sip.NewHeader("CSeq", fmt.Sprintf("%d %s", l.cseq, method)))
	req.SetBody(nil)
	return req
}

// hangUp sends BYE and waits for its answer and for the last packets.
func (p *pretendPBX) hangUp(ctx context.Context, l *leg) error {
	l.media.hush()
	ctx, cancel := context.WithTimeout(ctx, 64*sipT1)
	defer cancel()
	res, err := p.client.Do(ctx, p.inDialog(l, sip.BYE))
	p.drop(l)
	if err != nil {
		return fmt.Errorf("%s hangs up: %w", p.name, err)
	}
	if !res.IsSuccess() {
		return fmt.Errorf("%s hangs up: answered %d %s", p.name, res.StatusCode, res.Reason)
	}
	return nil
}

// otherLeg waits for this PBX's side of the call whose caller's side is near.
func (p *pretendPBX) otherLeg(ctx context.Context, near *leg) (*leg, error) {
	tick := time.NewTicker(packetTime)
	defer tick.Stop()
	for {
		if l := p.legBeside(near); l != nil {
			return l, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("%s has no side of that call: %w", p.name, ctx.Err())
		}
	}
}

func (p *pretendPBX) legBeside(near *leg) *leg {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.legs {
		if l.callID == near.callID && l != near {
			return l
		}
	}
	return nil
}

func values(headers []sip.Header) []string {
	out := make([]string, len(headers))
	for i, h := range headers {
		out[i] = h.Value()
	}
	return out
}

// contactURI is the URI inside a Contact header (RFC 3261 §20.10).
func contactURI(h sip.Header) string {
	if h == nil {
		return ""
	}
	v := h.Value()
	if _, rest, ok := strings.Cut(v, "<"); ok {
		v, _, _ = strings.Cut(rest, ">")
		return v
	}
	v, _, _ = strings.Cut(v, ";")
	return v
}
