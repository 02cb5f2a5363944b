package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

const (
	ringTime = 200 * time.Millisecond
	// T1 and T2 of RFC 3261 §17.1.1.2, for what a user agent repeats itself.
	sipT1 = 500 * time.Millisecond
	sipT2 = 4 * time.Second
)

// pretendPBX is a user agent that answers calls on whatever extension the
// gateway sends it, and can place calls. It stands for somebody's PBX.
type pretendPBX struct {
	name    string
	addr    netip.AddrPort
	gateway netip.AddrPort
	hz      int // the tone it sends

	ua     *sipgo.UserAgent
	client *sipgo.Client
	conn   *tap
	log    *slog.Logger
	ctx    context.Context // done when the PBX closes
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu   sync.Mutex
	legs map[string]*leg // by the tag we gave
}

// openPBX serves on conn, which it closes, until close.
func openPBX(name string, conn net.PacketConn, hz int, rec *recorder) (*pretendPBX, error) {
	p := &pretendPBX{
		name: name, addr: conn.LocalAddr().(*net.UDPAddr).AddrPort(), hz: hz,
		log: slog.New(slog.DiscardHandler), legs: map[string]*leg{},
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.conn = &tap{PacketConn: conn, pbx: name, rec: rec, deaf: isDeaf, reading: make(chan struct{})}
	// The library reads Record-Route and Route with losses; as plain text they
	// come back exactly as the gateway wrote them (RFC 3261 §12.2.1.1).
	parsers := maps.Clone(sip.DefaultHeadersParser())
	delete(parsers, "record-route")
	delete(parsers, "route")
	var err error
	p.ua, err = sipgo.NewUA(
		sipgo.WithUserAgent(name), sipgo.WithUserAgentHostname(p.addr.Addr().String()),
		sipgo.WithUserAgentParser(sip.NewParser(sip.WithHeadersParsers(parsers))),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerLogger(p.log)),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(p.log),
			sip.WithTransactionLayerUnhandledResponseHandler(func(*sip.Response) {})),
	)
	if err != nil {
		return nil, fmt.Errorf("pretend PBX %s: %w", name, err)
	}
	if p.client, err = sipgo.NewClient(p.ua, sipgo.WithClientLogger(p.log)); err != nil {
		return nil, fmt.Errorf("pretend PBX %s: %w", name, err)
	}
	if err := p.serve(); err != nil {
		return nil, fmt.Errorf("pretend PBX %s: %w", name, err)
	}
	return p, nil
}

// serve answers requests in the background; it returns once the socket is read.
func (p *pretendPBX) serve() error {
	server, err := sipgo.NewServer(p.ua, sipgo.WithServerLogger(p.log))
	if err != nil {
		return err
	}
	server.OnInvite(p.onInvite)
	server.OnAck(p.onAck)
	server.OnBye(p.onBye)
	server.OnOptions(func(req *sip.Request, tx sip.ServerTransaction) { p.reply(req, tx, 200, "OK") })
	server.OnCancel(func(req *sip.Request, tx sip.ServerTransaction) {
		p.reply(req, tx, 481, "Call/Transaction Does Not Exist")
	})
	p.wg.Go(func() { _ = server.ServeUDP(p.conn) })
	<-p.conn.reading
	return nil
}

// title is the PBX's name and address for the output.
func (p *pretendPBX) title() string { return fmt.Sprintf("%s %s", p.name, p.addr) }

// close hangs up nothing: it stops everything at once and waits for it.
func (p *pretendPBX) close() {
	p.cancel()
	p.mu.Lock()
	legs := make([]*leg, 0, len(p.legs))
	for _, l := range p.legs {
		legs = append(legs, l)
	}
	p.mu.Unlock()
	for _, l := range legs {
		p.drop(l)
	}
	_ = p.ua.Close()
	_ = p.conn.Close()
	p.wg.Wait()
}

// reply sends a final response; the client's retransmissions bring a lost one.
func (p *pretendPBX) reply(req *sip.Request, tx sip.ServerTransaction, status int, phrase string) {
	if err := tx.Respond(sip.NewResponseFromRequest(req, status, phrase, nil)); err != nil {
		p.log.Debug("response not sent", "err", err)
	}
}

// onInvite blocks until the call is answered or over; the library ends the
// transaction when it returns.
func (p *pretendPBX) onInvite(req *sip.Request, tx sip.ServerTransaction) {
	if req.To() == nil || req.From() == nil || req.CallID() == nil {
		p.reply(req, tx, 400, "Bad Request")
		return
	}
	if req.To().Params.Has("tag") {
		p.reply(req, tx, 488, "Not Acceptable Here") // a session is not changed here
		return
	}
	for _, m := range magicNumbers() {
		if m.user != req.Recipient.User {
			continue
		}
		if m.status != 0 {
			p.reply(req, tx, m.status, phraseFor(m.status))
			return
		}
		p.ring(req, tx)
		select {
		case <-tx.Done():
		case <-p.ctx.Done():
		}
		return
	}
	peer, err := mediaAddress(req.Body())
	if err != nil {
		p.reply(req, tx, 488, "Not Acceptable Here")
		return
	}
	p.ring(req, tx)
	wait := time.NewTimer(ringTime)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-tx.Done(): // cancelled: the library has answered 487
		return
	case <-p.ctx.Done():
		return
	}
	p.answer(req, tx, peer)
}

// ring answers 180 with the To tag that every later response will have.
func (p *pretendPBX) ring(req *sip.Request, tx sip.ServerTransaction) {
	req.To().Params.Add("tag", sip.GenerateTagN(12))
	res := sip.NewResponseFromRequest(req, 180, "Ringing", nil)
	res.AppendHeader(p.contact(req.Recipient.User))
	if err := tx.Respond(res); err != nil {
		p.log.Debug("180 not sent", "err", err)
	}
}

// answer sends 200 until the ACK comes (RFC 3261 §13.3.1.4).
func (p *pretendPBX) answer(req *sip.Request, tx sip.ServerTransaction, peer netip.AddrPort) {
	media, err := openStream(p.hz)
	if err != nil {
		p.reply(req, tx, 500, "Server Internal Error")
		return
	}
	res := sip.NewResponseFromRequest(req, 200, "OK", describe(media))
	contentType := sip.ContentTypeHeader("application/sdp")
	res.AppendHeader(p.contact(req.Recipient.User))
	res.AppendHeader(&contentType)
	l := p.answeredLeg(req, res, media)
	if !p.add(l) {
		media.close()
		return
	}
	again, wait := sipT1, time.NewTimer(sipT1)
	defer wait.Stop()
	for giveUp := time.Now().Add(64 * sipT1); ; {
		if err := tx.Respond(res); err != nil {
			p.drop(l) // cancelled in the meantime
			return
		}
		select {
		case <-l.acked:
			media.start(peer)
			return
		case <-l.ended:
			return
		case <-wait.C:
			again = min(2*again, sipT2)
			wait.Reset(again)
		}
		if time.Now().After(giveUp) {
			p.drop(l)
			return
		}
	}
}

func (p *pretendPBX) onAck(req *sip.Request, _ sip.ServerTransaction) {
	if l := p.find(req); l != nil {
		l.ack()
	}
}

func (p *pretendPBX) onBye(req *sip.Request, tx sip.ServerTransaction) {
	l := p.find(req)
	if l == nil {
		p.reply(req, tx, 481, "Call/Transaction Does Not Exist")
		return
	}
	l.media.hush()
	p.reply(req, tx, 200, "OK")
	p.drop(l)
}

func (p *pretendPBX) find(req *sip.Request) *leg {
	if req.To() == nil {
		return nil
	}
	tag, _ := req.To().Params.Get("tag")
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.legs[tag]
}

// add is false when the PBX is closing.
func (p *pretendPBX) add(l *leg) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return false
	}
	p.legs[l.localTag] = l
	return true
}

// drop forgets a leg and ends its audio. Only the first call does anything; it
// returns when the audio has ended.
func (p *pretendPBX) drop(l *leg) {
	p.mu.Lock()
	_, known := p.legs[l.localTag]
	delete(p.legs, l.localTag)
	p.mu.Unlock()
	if known {
		l.media.close()
		close(l.ended)
		return
	}
	<-l.ended
}

func (p *pretendPBX) contact(user string) sip.Header {
	return sip.NewHeader("Contact", fmt.Sprintf("<sip:%s@%s>", user, p.addr))
}

// reasonText is the text of a Reason header (RFC 3326), "" when there is none.
func reasonText(res *sip.Response) string {
	h := res.GetHeader("Reason")
	if h == nil {
		return ""
	}
	_, text, _ := strings.Cut(h.Value(), `text="`)
	text, _, _ = strings.Cut(text, `"`)
	return text
}
