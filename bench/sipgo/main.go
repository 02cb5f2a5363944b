// Command sipgo is a contender of the bench: a proxy as sipgo's own examples
// write one, with its server, client and transactions, a goroutine per
// transaction, and go-redis. Same job as kamailio.cfg with the same two scripts.
// On SIGTERM it prints how many calls it has seen the end of.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/redis/go-redis/v9"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("sipgo: ")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("sipgo", flag.ContinueOnError)
	listen := f.String("listen", "", "UDP address")
	caller := f.String("caller", "", "IP address of the caller's PBX")
	callee := f.String("callee", "", "UDP address of the callee's PBX, which has 2001")
	probeCaller := f.String("probe-caller", "", "IP address of another PBX of the caller's")
	probeCallee := f.String("probe-callee", "", "UDP address of another PBX of the callee's, which has 2002")
	lines := f.Int("lines", 5000, "lines of each account")
	store := f.String("redis", "", "address of Redis")
	admit := f.String("admit", "", "script that takes lines")
	release := f.String("release", "", "script that gives them back")
	if err := f.Parse(args); err != nil {
		return err
	}
	self, err := netip.ParseAddrPort(*listen)
	if err != nil {
		return err
	}
	to, err := netip.ParseAddrPort(*callee)
	if err != nil {
		return err
	}
	p := &proxy{
		self: self, lines: *lines,
		accounts: map[string]string{*caller: "brown", *probeCaller: "brown", to.Addr().String(): "smith"},
		numbers:  map[string]string{"smith:2001": to.String(), "smith:2002": *probeCallee},
		redis:    redis.NewClient(&redis.Options{Addr: *store}),
	}
	defer func() { _ = p.redis.Close() }()
	if p.admit, err = script(*admit); err != nil {
		return err
	}
	if p.release, err = script(*release); err != nil {
		return err
	}
	if err := p.serve(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	fmt.Printf("ended %d\n", p.ended.Load())
	return nil
}

func script(file string) (*redis.Script, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return redis.NewScript(string(source)), nil
}

func (p *proxy) serve(ctx context.Context) error {
	// sipgo refuses to send what it takes to be too long, answers too, which
	// may not be sent another way.
	sip.UDPMTUSize = 65535
	ua, err := sipgo.NewUA()
	if err != nil {
		return err
	}
	defer func() { _ = ua.Close() }()
	server, err := sipgo.NewServer(ua)
	if err != nil {
		return err
	}
	p.client, err = sipgo.NewClient(ua, sipgo.WithClientHostname(p.self.Addr().String()), sipgo.WithClientPort(int(p.self.Port())))
	if err != nil {
		return err
	}
	p.recordRoute = "<sip:" + p.self.String() + ";lr>"
	server.OnInvite(p.invite)
	server.OnAck(p.ack)
	server.OnBye(p.bye)
	err = server.ListenAndServe(ctx, "udp", p.self.String())
	if err != nil && strings.Contains(err.Error(), "closed") {
		return nil
	}
	return err
}
