package main

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

// devPlan is what was provisioned for the demonstration.
type devPlan struct {
	api                   *provision.Client
	brown, smith, andrews directory.AccountID
}

// devNumber is one number to be created; the rest is as in the API.
type devNumber struct {
	number, label string
	private       bool
}

// provision sets up the accounts over the API, the way a person would with curl:
// accounts, trunks, numbers, keys generated on one side and redeemed on the
// other.
func (s *stage) provision(ctx context.Context) (*devPlan, error) {
	p := &devPlan{api: provision.NewClient("http://"+s.gateway.APIAddr(), s.gateway.AdminToken())}
	var err error
	if p.brown, err = p.account(ctx, s.brown, []devNumber{
		{number: "1001", label: "Reception"}, {number: "1500", label: "Conference room"},
	}); err != nil {
		return nil, err
	}
	smith := []devNumber{
		{number: "2001", label: "Reception"}, {number: "2002", label: "Boss", private: true},
		{number: "1500", label: "Conference room"}, {number: "3000", label: "Workshop"},
	}
	for _, m := range magicNumbers() {
		smith = append(smith, devNumber{number: m.user, label: m.what})
	}
	if p.smith, err = p.account(ctx, s.smith, smith); err != nil {
		return nil, err
	}
	if p.andrews, err = p.account(ctx, s.andrews, []devNumber{{number: "3000", label: "Workshop"}}); err != nil {
		return nil, err
	}
	if err := p.link(ctx, p.brown, "Smith", p.smith, "Brown"); err != nil {
		return nil, err
	}
	if err := p.link(ctx, p.brown, "Andrews", p.andrews, "Brown"); err != nil {
		return nil, err
	}
	// The reader's SIPp is a second PBX of Brown's.
	trunk, err := p.trunk(ctx, p.brown, "SIPp", s.sipp)
	if err != nil {
		return nil, err
	}
	return p, p.number(ctx, p.brown, trunk, devNumber{number: "1090", label: "SIPp"})
}

// account creates an account with one trunk to the PBX and numbers on it.
func (p *devPlan) account(ctx context.Context, pbx *pretendPBX, numbers []devNumber) (directory.AccountID, error) {
	a, err := p.api.CreateAccount(ctx, provision.NewAccount{Name: pbx.name})
	if err != nil {
		return "", fmt.Errorf("account %s: %w", pbx.name, err)
	}
	trunk, err := p.trunk(ctx, a.ID, pbx.name+"'s PBX", pbx.addr)
	if err != nil {
		return "", err
	}
	for _, n := range numbers {
		if err := p.number(ctx, a.ID, trunk, n); err != nil {
			return "", err
		}
	}
	return a.ID, nil
}

// trunk is known by address and port: all pretend PBXs share one address.
func (p *devPlan) trunk(ctx context.Context, a directory.AccountID, name string, at netip.AddrPort) (directory.TrunkID, error) {
	t, err := p.api.CreateTrunk(ctx, a, provision.NewTrunk{
		Name: name, Addresses: []string{at.String()}, Sources: []string{at.String()},
	})
	if err != nil {
		return "", fmt.Errorf("trunk %s: %w", name, err)
	}
	return t.ID, nil
}

func (p *devPlan) number(ctx context.Context, a directory.AccountID, t directory.TrunkID, n devNumber) error {
	_, err := p.api.CreateNumber(ctx, a, provision.NewNumber{
		Number: n.number, Label: n.label, Private: n.private, Trunk: t,
	})
	if err != nil {
		return fmt.Errorf("number %s: %w", n.number, err)
	}
	return nil
}

// link generates a key on one account and redeems it on the other.
func (p *devPlan) link(ctx context.Context, a directory.AccountID, aCalls string, b directory.AccountID, bCalls string) error {
	l, err := p.api.CreateInterlink(ctx, a, provision.NewInterlink{Name: aCalls})
	if err != nil {
		return fmt.Errorf("interlink %s: %w", aCalls, err)
	}
	if l.Key == nil {
		return fmt.Errorf("interlink %s: no authorization key was generated", aCalls)
	}
	if _, err := p.api.Redeem(ctx, b, provision.Redemption{Name: bCalls, Key: *l.Key}); err != nil {
		return fmt.Errorf("redeeming the key of interlink %s: %w", aCalls, err)
	}
	return nil
}

// setInboundLines limits the calls an account can receive at one time.
func (p *devPlan) setInboundLines(ctx context.Context, a directory.AccountID, n int64) error {
	l, err := p.api.Limits(ctx, a)
	if err != nil {
		return fmt.Errorf("limits: %w", err)
	}
	_, err = p.api.SetLimits(ctx, a, l.Version, provision.NewLimits{Inbound: n, Outbound: directory.Unlimited})
	if err != nil {
		return fmt.Errorf("limits: %w", err)
	}
	return nil
}

func (p *devPlan) explain(ctx context.Context, caller, dialled string) (*provision.Explanation, error) {
	account := map[string]directory.AccountID{"Brown": p.brown, "Smith": p.smith, "Andrews": p.andrews}[caller]
	return p.api.Explain(ctx, provision.Question{Account: account, Dialled: dialled})
}
