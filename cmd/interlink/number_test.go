package main

import (
	"errors"
	"testing"

	"github.com/pbx-interlink/interlink/provision"
)

// TestIN1LengthIsASetting: number_max bounds what the API takes as a number.
func TestIN1LengthIsASetting(t *testing.T) {
	cfg := testConfig()
	cfg.NumberMax = 4
	g, stop, wait := startGateway(t, cfg)
	defer func() {
		stop()
		if err := wait(); err != nil {
			t.Error(err)
		}
	}()
	api, ctx := provision.NewClient("http://"+g.APIAddr(), testToken), t.Context()
	a, err := api.CreateAccount(ctx, provision.NewAccount{Name: "Brown"})
	if err != nil {
		t.Fatal(err)
	}
	trunk, err := api.CreateTrunk(ctx, a.ID, provision.NewTrunk{Name: "PBX", Addresses: []string{"127.0.0.1:1"}, Sources: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.CreateNumber(ctx, a.ID, provision.NewNumber{Number: "2001", Trunk: trunk.ID}); err != nil {
		t.Error(err)
	}
	_, err = api.CreateNumber(ctx, a.ID, provision.NewNumber{Number: "20011", Trunk: trunk.ID})
	var p *provision.Problem
	if !errors.As(err, &p) || p.Code != "number_too_long" {
		t.Errorf("a number of 5 characters: %v", err)
	}
}
