package routing

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// parsePlan builds a directory from the language of testdata/routes. One object
// a line, what it refers to before it; a line that begins with # is a comment:
//
//	account Brown [disabled] [parent=Jones]
//	number Brown 20xx [private] [disabled] [user=100] [trunk=gone]
//	link Brown[:prefix=9,priority=2,suspended] Smith[:…]
//	pending Brown[:…]
//	federation Ring Brown Smith …
//	request Ring Andrews
//	class premium 90x.
//	deny Brown premium
//	limits Brown inbound outbound twoway burst max_outbound
//
// Every account has one trunk, "Brown-pbx", at an address of its own.
func parsePlan(text string) (*directory.View, error) {
	p := planReader{view: directory.NewView()}
	for i, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if err := p.line(fields[0], fields[1:]); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return p.view, nil
}

type planReader struct {
	view  *directory.View
	seq   uint64
	count byte
}

func (p *planReader) put(objects ...directory.Object) {
	p.seq++
	var deltas []directory.Delta
	for _, o := range objects {
		deltas = append(deltas, directory.Delta{Ref: o.Ref(), After: o})
	}
	p.view.Apply(p.seq, time.Time{}, deltas)
}

func (p *planReader) line(noun string, f []string) error {
	switch {
	case noun == "account" && len(f) >= 1:
		return p.account(f[0], f[1:])
	case noun == "number" && len(f) >= 2:
		return p.number(f[0], f[1], f[2:])
	case noun == "link" && len(f) == 2:
		a, errA := side(f[0])
		b, errB := side(f[1])
		if errA != nil || errB != nil {
			return fmt.Errorf("%v %v", errA, errB)
		}
		id := fmt.Sprintf("link%d:%s-%s", p.seq, a.Account, b.Account)
		p.put(&directory.Interlink{ID: directory.InterlinkID(id), A: a, B: &b, Version: 1})
		return nil
	case noun == "pending" && len(f) == 1:
		a, err := side(f[0])
		p.put(&directory.Interlink{ID: directory.InterlinkID("pending:" + string(a.Account)), A: a, Version: 1})
		return err
	case noun == "federation" && len(f) >= 1:
		p.put(&directory.Federation{ID: directory.FederationID(f[0]), Name: f[0], Version: 1})
		p.join(f[0], f[1:], time.Unix(1, 0))
		return nil
	case noun == "request" && len(f) == 2:
		p.join(f[0], f[1:], time.Time{})
		return nil
	case noun == "class" && len(f) == 2:
		next := directory.NumberClasses{Version: 1}
		if before := directory.Find[*directory.NumberClasses](p.view, directory.KindNumberClasses, directory.NumberClassesID); before != nil {
			next = directory.NumberClasses{Classes: before.Classes, Version: before.Version + 1}
		}
		next.Classes = append(next.Classes, directory.NumberClass{Name: f[0], Pattern: f[1]})
		p.put(&next)
		return next.Validate()
	case noun == "deny" && len(f) == 2:
		p.put(&directory.Restrictions{Account: directory.AccountID(f[0]), Classes: map[string]string{f[1]: directory.Deny}, Version: 1})
		return nil
	case noun == "limits" && len(f) == 6:
		l := directory.Limits{Account: directory.AccountID(f[0]), Version: 1}
		_, err := fmt.Sscan(strings.Join(f[1:], " "), &l.Inbound, &l.Outbound, &l.TwoWay, &l.Burst, &l.MaxOutbound)
		p.put(&l)
		return err
	}
	return fmt.Errorf("%q with %d words means nothing", noun, len(f))
}

func (p *planReader) join(federation string, accounts []string, at time.Time) {
	for _, a := range accounts {
		p.put(&directory.Membership{
			ID: directory.MembershipID("member:" + a), Federation: directory.FederationID(federation),
			Account: directory.AccountID(a), JoinedAt: at, Version: 1,
		})
	}
}

func (p *planReader) account(name string, options []string) error {
	p.count++
	address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, p.count}), 5060)
	a := directory.Account{ID: directory.AccountID(name), Name: name, Realm: strings.ToLower(name) + ".test", Enabled: true, Version: 1}
	for _, o := range options {
		parent, isParent := strings.CutPrefix(o, "parent=")
		switch {
		case isParent:
			a.Parent = directory.AccountID(parent)
		case o == "disabled":
			a.Enabled = false
		default:
			return fmt.Errorf("account option %q", o)
		}
	}
	p.put(&a, &directory.Trunk{
		ID: directory.TrunkID(name + "-pbx"), Account: a.ID, Name: name + "-pbx", Version: 1,
		Addresses: []netip.AddrPort{address},
		Sources:   []directory.Source{{Prefix: netip.PrefixFrom(address.Addr(), 32)}},
	})
	return nil
}

func (p *planReader) number(account, pattern string, options []string) error {
	number, err := directory.ParsePattern(pattern)
	n := directory.InternalNumber{
		ID: directory.NumberID(account + "/" + pattern), Account: directory.AccountID(account), Number: number,
		Trunk: directory.TrunkID(account + "-pbx"), Enabled: true, Version: 1,
	}
	for _, o := range options {
		user, isUser := strings.CutPrefix(o, "user=")
		trunk, isTrunk := strings.CutPrefix(o, "trunk=")
		switch {
		case isUser:
			n.User = user
		case isTrunk:
			n.Trunk = directory.TrunkID(trunk)
		case o == "private":
			n.Private = true
		case o == "disabled":
			n.Enabled = false
		default:
			return fmt.Errorf("number option %q", o)
		}
	}
	p.put(&n)
	return err
}

// side reads "Brown:prefix=9,priority=2,suspended".
func side(s string) (directory.Side, error) {
	account, options, _ := strings.Cut(s, ":")
	d := directory.Side{Account: directory.AccountID(account), Name: "to the other"}
	for o := range strings.SplitSeq(options, ",") {
		prefix, isPrefix := strings.CutPrefix(o, "prefix=")
		priority, isPriority := strings.CutPrefix(o, "priority=")
		switch {
		case isPrefix:
			d.Prefix = prefix
		case isPriority:
			if _, err := fmt.Sscan(priority, &d.Priority); err != nil {
				return d, err
			}
		case o == "suspended":
			d.Suspended = true
		case o != "":
			return d, fmt.Errorf("link option %q", o)
		}
	}
	return d, d.Validate()
}
