package main

import (
	"context"
	"log"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/redis/go-redis/v9"
)

// lease is how long a call may hold its lines, in ms; as in kamailio.cfg.
const lease = 240_000

type proxy struct {
	self           netip.AddrPort
	recordRoute    string
	lines          int
	accounts       map[string]string // source IP → account
	numbers        map[string]string // account:number → PBX
	client         *sipgo.Client
	redis          *redis.Client
	admit, release *redis.Script
	ended          atomic.Int64
}

func (p *proxy) invite(req *sip.Request, tx sip.ServerTransaction) {
	if tag, ok := req.To().Params.Get("tag"); ok && tag != "" {
		p.relay(p.inDialog(req), req, tx)
		return
	}
	source, _, _ := net.SplitHostPort(req.Source())
	caller, ok := p.accounts[source]
	if !ok {
		p.answer(req, tx, 403, "Forbidden")
		return
	}
	// The caller's own account first, then the linked one.
	number, callee := req.Recipient.User, caller
	to, ok := p.numbers[caller+":"+number]
	if !ok {
		callee = "smith"
		if to, ok = p.numbers["smith:"+number]; !ok {
			p.answer(req, tx, 404, "Not Found")
			return
		}
	}
	id := req.CallID().Value()
	verdict, err := p.admit.Run(context.Background(), p.redis,
		[]string{"{b}leases:" + caller + ":out", "{b}leases:" + callee + ":in", "{b}call:" + id},
		id, p.lines, p.lines, lease).Text()
	switch {
	case err != nil:
		p.answer(req, tx, 503, "Service Unavailable")
		return
	case verdict == "BUSY1":
		p.answer(req, tx, 403, "Forbidden")
		return
	case verdict != "OK":
		p.answer(req, tx, 486, "Busy Here")
		return
	}
	out := p.copyOf(req, to)
	host, port, _ := net.SplitHostPort(to)
	out.Recipient = sip.Uri{Scheme: "sip", User: number, Host: host}
	out.Recipient.Port, _ = strconv.Atoi(port)
	for _, h := range []string{"P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID"} {
		out.RemoveHeader(h)
	}
	out.PrependHeader(sip.NewHeader("Record-Route", p.recordRoute))
	if status := p.relay(out, req, tx); status >= 300 {
		p.free(id, status)
	}
}

func (p *proxy) ack(req *sip.Request, _ sip.ServerTransaction) {
	if err := p.client.WriteRequest(p.inDialog(req), sipgo.ClientRequestAddVia); err != nil {
		log.Print("ACK: ", err)
	}
}

func (p *proxy) bye(req *sip.Request, tx sip.ServerTransaction) {
	p.free(req.CallID().Value(), 200)
	p.relay(p.inDialog(req), req, tx)
}

// inDialog is a request that follows our Record-Route.
func (p *proxy) inDialog(req *sip.Request) *sip.Request {
	out := p.copyOf(req, req.Recipient.HostPort())
	if r := out.Route(); r != nil && r.Address.HostPort() == p.self.String() {
		out.RemoveHeader("Route")
	}
	if r := out.Route(); r != nil {
		out.SetDestination(r.Address.HostPort())
	}
	return out
}

// copyOf is what may be changed and sent. Clone leaves Max-Forwards shared and
// the destination as it was.
func (p *proxy) copyOf(req *sip.Request, to string) *sip.Request {
	out := req.Clone()
	hops := sip.MaxForwardsHeader(70)
	if h := req.MaxForwards(); h != nil {
		hops = *h - 1
	}
	out.RemoveHeader("Max-Forwards")
	out.AppendHeader(&hops)
	out.SetTransport("UDP")
	out.SetDestination(to)
	out.Laddr = sip.Addr{IP: net.IP(p.self.Addr().AsSlice()), Port: int(p.self.Port())}
	return out
}

// relay sends a request on and its responses back, and returns the status of
// the final one.
func (p *proxy) relay(out, req *sip.Request, tx sip.ServerTransaction) int {
	if h := req.MaxForwards(); h != nil && h.Val() == 0 {
		p.answer(req, tx, 483, "Too Many Hops")
		return 483
	}
	client, err := p.client.TransactionRequest(context.Background(), out, sipgo.ClientRequestAddVia)
	if err != nil {
		p.answer(req, tx, 500, "Server Internal Error")
		return 500
	}
	tx.OnCancel(func(*sip.Request) { p.cancel(out) })
	for {
		select {
		case res := <-client.Responses():
			if res.StatusCode == 100 {
				continue
			}
			status := res.StatusCode
			back := res.Clone()
			back.RemoveHeader("Via")
			back.SetDestination(req.Source())
			if err := tx.Respond(back); err != nil {
				log.Print(status, ": ", err)
			}
			if status >= 200 {
				return status
			}
		case <-client.Done():
			p.answer(req, tx, 408, "Request Timeout")
			return 408
		}
	}
}

func (p *proxy) cancel(out *sip.Request) {
	c := sip.NewRequest(sip.CANCEL, out.Recipient)
	c.AppendHeader(out.Via().Clone())
	for _, name := range []string{"From", "To", "Call-ID"} {
		sip.CopyHeaders(name, out, c)
	}
	c.AppendHeader(&sip.CSeqHeader{SeqNo: out.CSeq().SeqNo, MethodName: sip.CANCEL})
	c.SetTransport("UDP")
	c.SetDestination(out.Destination())
	c.Laddr = out.Laddr
	asIs := func(*sipgo.Client, *sip.Request) error { return nil }
	if tx, err := p.client.TransactionRequest(context.Background(), c, asIs); err == nil {
		<-tx.Done()
	}
}

func (p *proxy) answer(req *sip.Request, tx sip.ServerTransaction, status int, phrase string) {
	res := sip.NewResponseFromRequest(req, status, phrase, nil)
	res.SetDestination(req.Source())
	if err := tx.Respond(res); err != nil && !strings.Contains(err.Error(), "terminated") {
		log.Print(status, ": ", err)
	}
}

// free gives the lines back and files the record.
func (p *proxy) free(id string, status int) {
	n, err := p.release.Run(context.Background(), p.redis,
		[]string{"{b}call:" + id, "{b}tomb:" + id, "{b}records"}, id, status).Int()
	if err != nil {
		log.Print("release: ", err)
	} else if n == 1 {
		p.ended.Add(1)
	}
}
