package sip

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// plan is a flow's header carried out: a directory, peers on sockets of their
// own, and what the server is to be like. Its lines:
//
//	account NAME [parent=NAME] [disabled]
//	trunk ACCOUNT PEER…       a PBX that listens at these peers, in this order,
//	                          and sends from each; "dead" is an address with
//	                          nobody behind it
//	number ACCOUNT PATTERN [private] [disabled]
//	link ACCOUNT ACCOUNT
//	limits ACCOUNT inbound outbound twoway burst max_outbound
//	deny ACCOUNT CLASS PATTERN
//	stranger PEER             an address that belongs to no trunk
//	ledger VERDICT [ROLE]     what admissions are answered; slow: nothing yet
//	set t1|timer_c|no_reply DURATION, set max_calls|loops NUMBER
type plan struct {
	t       *testing.T
	view    *directory.View
	peers   map[string]*peer
	order   []*peer
	cfg     Config
	ledger  *flowLedger
	journal *flowJournal
	seq     uint64
}

func newPlan(t *testing.T) *plan {
	ledger := &flowLedger{verdict: routing.Admitted, held: map[routing.LeaseID]bool{}}
	p := &plan{t: t, view: directory.NewView(), peers: map[string]*peer{}, ledger: ledger, journal: &flowJournal{}}
	p.cfg = Config{
		Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, ClusterKey: []byte("0123456789abcdef"),
		Router: routing.NewRouter(p.view), Ledger: ledger, Journal: p.journal,
		// A flow that waits for the ledger says so; the others must not depend
		// on how quick the machine is.
		AdmitBudget: time.Minute,
	}
	return p
}

func (p *plan) put(o directory.Object) {
	p.seq++
	p.view.Apply(p.seq, time.Time{}, []directory.Delta{{Ref: o.Ref(), After: o}})
}

func (p *plan) line(f []string) error {
	switch {
	case f[0] == "account":
		a := &directory.Account{ID: directory.AccountID(f[1]), Name: f[1], Realm: f[1] + ".test", Enabled: true, Version: p.seq + 1}
		for _, o := range f[2:] {
			parent, isParent := strings.CutPrefix(o, "parent=")
			if isParent {
				a.Parent = directory.AccountID(parent)
			} else {
				a.Enabled = o != "disabled"
			}
		}
		p.put(a)
	case f[0] == "trunk" && len(f) > 2:
		p.trunk(f[1], f[2:])
	case f[0] == "number" && len(f) > 2:
		return p.number(f[1], f[2], strings.Join(f[3:], " "))
	case f[0] == "link" && len(f) == 3:
		b := directory.Side{Account: directory.AccountID(f[2]), Name: f[1]}
		p.put(&directory.Interlink{ID: directory.InterlinkID(f[1] + f[2]), A: directory.Side{Account: directory.AccountID(f[1]), Name: f[2]}, B: &b, Version: p.seq + 1})
	case f[0] == "limits" && len(f) == 7:
		l := directory.Limits{Account: directory.AccountID(f[1]), Version: p.seq + 1}
		_, err := fmt.Sscan(strings.Join(f[2:], " "), &l.Inbound, &l.Outbound, &l.TwoWay, &l.Burst, &l.MaxOutbound)
		p.put(&l)
		return err
	case f[0] == "deny" && len(f) == 4:
		p.put(&directory.NumberClasses{Classes: []directory.NumberClass{{Name: f[2], Pattern: f[3]}}, Version: p.seq + 1})
		p.put(&directory.Restrictions{Account: directory.AccountID(f[1]), Classes: map[string]string{f[2]: directory.Deny}, Version: p.seq + 1})
	case f[0] == "stranger" && len(f) == 2:
		// Another address than everybody else's: dialogs go by the address.
		p.peer(f[1], "nobody", "127.0.0.99")
	case f[0] == "ledger" && len(f) > 1:
		p.ledger.mu.Lock()
		defer p.ledger.mu.Unlock()
		p.ledger.verdict = verdicts[f[1]]
		if len(f) > 2 {
			p.ledger.role = roles[f[2]]
		}
	case f[0] == "carries" && len(f) == 3:
		p.ledger.mu.Lock()
		defer p.ledger.mu.Unlock()
		for i, word := range f[1:] {
			p.ledger.carries[i] = map[string]routing.Method{"flat_rate": routing.FlatRate, "flat_rate_burst": routing.FlatRateBurst, "per_minute": routing.PerMinute}[word]
		}
	case f[0] == "set" && len(f) == 3:
		return p.option(f[1], f[2])
	default:
		return fmt.Errorf("%q means nothing in a header", strings.Join(f, " "))
	}
	return nil
}

func (p *plan) option(name, value string) (err error) {
	switch name {
	case "t1":
		p.cfg.T1, err = time.ParseDuration(value)
	case "timer_c":
		p.cfg.TimerC, err = time.ParseDuration(value)
	case "no_reply":
		p.cfg.NoReply, err = time.ParseDuration(value)
	case "budget":
		p.cfg.AdmitBudget, err = time.ParseDuration(value)
	case "loops":
		p.cfg.Loops, err = strconv.Atoi(value)
	case "max_calls":
		p.cfg.MaxCalls, err = strconv.Atoi(value)
	default:
		err = fmt.Errorf("no option %q", name)
	}
	return err
}

func (p *plan) peer(name, account, ip string) *peer {
	n := newPeer(p.t, name, account, ip)
	p.peers[name] = n
	p.order = append(p.order, n)
	return n
}

func (p *plan) trunk(account string, names []string) {
	t := &directory.Trunk{ID: directory.TrunkID(names[0]), Account: directory.AccountID(account), Name: names[0], Version: p.seq + 1}
	for _, name := range names {
		if name == "dead" {
			t.Addresses = append(t.Addresses, deadAddr(p.t))
			continue
		}
		peer := p.peer(name, account, "127.0.0.1")
		t.Addresses = append(t.Addresses, peer.addr)
		t.Sources = append(t.Sources, directory.Source{Prefix: netip.PrefixFrom(peer.addr.Addr(), 32), Port: peer.addr.Port()})
	}
	p.put(t)
}

// deadAddr is an address where nobody listens, and nobody else will: a socket
// connected to another address than the sender's gets nothing, the system
// answers that the port is unreachable.
func deadAddr(t *testing.T) netip.AddrPort {
	nobody := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.98:9"))
	c, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")), nobody)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return addrOf(c)
}

func (p *plan) number(account, pattern, options string) error {
	number, err := directory.ParsePattern(pattern)
	if err != nil {
		return err
	}
	trunks := p.view.Trunks(directory.AccountID(account))
	if len(trunks) == 0 {
		return fmt.Errorf("account %s has no trunk yet", account)
	}
	p.put(&directory.InternalNumber{
		ID: directory.NumberID(account + pattern), Account: directory.AccountID(account), Number: number, Trunk: trunks[0].ID,
		Private: strings.Contains(options, "private"), Enabled: !strings.Contains(options, "disabled"), Version: p.seq + 1,
	})
	return nil
}
