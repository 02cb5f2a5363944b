package store

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pbx-interlink/interlink/directory"
)

// plainly decodes with encoding/json alone.
func plainly(kind directory.Kind, body string) (directory.Object, error) {
	o := directory.New(kind)
	return o, json.Unmarshal([]byte(body), o)
}

func drawObject(t *rapid.T) directory.Object {
	text := rapid.OneOf(rapid.StringMatching(`[a-z0-9_ .-]{0,30}`), rapid.String())
	at := time.Unix(rapid.Int64Range(-1<<35, 1<<35).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
	if rapid.Bool().Draw(t, "whole") {
		at = at.Truncate(time.Second)
	}
	version := rapid.Uint64().Draw(t, "version")
	id, owner := text.Draw(t, "id"), directory.AccountID(text.Draw(t, "account"))
	side := func() directory.Side {
		return directory.Side{Account: owner, Name: text.Draw(t, "name"), Priority: rapid.Int().Draw(t, "priority"),
			Prefix: text.Draw(t, "prefix"), Suspended: rapid.Bool().Draw(t, "suspended"), Version: version}
	}
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 3:
		l := &directory.Interlink{ID: directory.InterlinkID(id), A: side(), CreatedAt: at, LinkedAt: at, Version: version}
		if rapid.Bool().Draw(t, "active") {
			b := side()
			l.B = &b
		} else {
			l.ExpiresAt, l.Secret.KeyHash = at, text.Draw(t, "hash")
		}
		return l
	case 0:
		return &directory.Account{ID: owner, Name: text.Draw(t, "name"), Realm: text.Draw(t, "realm"), Parent: directory.AccountID(text.Draw(t, "parent")),
			TimeZone: text.Draw(t, "zone"), Enabled: rapid.Bool().Draw(t, "enabled"), Version: version, CreatedAt: at}
	case 1:
		trunk := &directory.Trunk{ID: directory.TrunkID(id), Account: owner, Name: text.Draw(t, "name"), Version: version, CreatedAt: at}
		for _, s := range rapid.SliceOfN(rapid.SampledFrom([]string{"192.0.2.7", "192.0.2.0/24", "[2001:db8::1]:5060", "192.0.2.7:5060"}), 0, 3).Draw(t, "sources") {
			source, err := directory.ParseSource(s)
			if err != nil {
				t.Fatal(err)
			}
			trunk.Sources = append(trunk.Sources, source)
			trunk.Addresses = append(trunk.Addresses, netip.AddrPortFrom(source.Prefix.Addr(), 5060))
		}
		return trunk
	case 2:
		return limitsOf(string(owner), version, -1, 2, 3, 4)
	}
	pattern, err := directory.ParsePattern(rapid.SampledFrom([]string{"1", "20xx", "*1#", "12345678", "2000-2099"}).Draw(t, "number"))
	if err != nil {
		t.Fatal(err)
	}
	return &directory.InternalNumber{ID: directory.NumberID(id), Account: owner, Number: pattern, Label: text.Draw(t, "label"), Trunk: directory.TrunkID(text.Draw(t, "trunk")),
		User: text.Draw(t, "user"), Private: rapid.Bool().Draw(t, "private"), Enabled: rapid.Bool().Draw(t, "enabled"), Version: version, CreatedAt: at}
}

// What json.Marshal writes is read as encoding/json reads it.
func TestDecodeAgreesWithJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawObject(t)
		body, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		want, err := plainly(o.Ref().Kind, string(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeObject(o.Ref().Kind, string(body))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\n%+v, %v\nwant %+v", body, got, err, want)
		}
		if n, ok := want.(*directory.InternalNumber); ok {
			var got directory.InternalNumber
			if err := decodeNumber(&got, string(body)); err != nil || got != *n {
				t.Fatalf("%s\n%+v, %v\nwant %+v", body, got, err, n)
			}
		}
	})
}

// The usual objects do not need encoding/json at all.
func TestDecodeReadsTheUsualItself(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	n := number("num_1", "acc_a", "trk_a", "2001")
	n.Label, n.User, n.CreatedAt = "Front desk", "100", at
	a := account("acc_a")
	a.Parent, a.CreatedAt = "acc_p", at
	l := &directory.Interlink{ID: "lnk_a", A: directory.Side{Account: "acc_a", Name: "B", Priority: 1, Prefix: "9", Suspended: true, Version: 2},
		B: &directory.Side{Account: "acc_b", Name: "A", Version: 1}, CreatedAt: at, LinkedAt: at, Version: 3}
	for _, o := range []directory.Object{n, a, l, trunk("trk_a", "acc_a", "192.0.2.1")} {
		body, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		s := scanner{rest: string(body)}
		ok := false
		switch o := directory.New(o.Ref().Kind).(type) {
		case *directory.InternalNumber:
			ok = s.number(o)
		case *directory.Account:
			ok = s.account(o)
		case *directory.Trunk:
			ok = s.trunk(o)
		case *directory.Interlink:
			ok = s.interlink(o)
		}
		if !ok {
			t.Errorf("%s is left to encoding/json", body)
		}
	}
}

// Whatever lies there, both ways to read it agree.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		`{"id":"num_1","account":"acc_a","number":"2001","trunk":"trk_a","private":false,"enabled":true,"version":1,"created_at":"2026-01-02T03:04:05Z"}`,
		`{"id":"acc_a","name":"A","realm":"a.test","timezone":"UTC","enabled":true,"version":1,"created_at":"2026-01-02T03:04:05.678Z"}`,
		`{"id":"lnk_a","a":{"account":"acc_a","name":"B","priority":1,"prefix":"9","suspended":true,"version":2},"b":{"account":"acc_b","name":"A","version":1},"created_at":"2026-01-02T03:04:05Z","linked_at":"2026-01-02T03:04:05Z","version":3}`,
		`{"id":"trk_a","account":"acc_a","name":"A","addresses":["192.0.2.1:5060"],"source_addresses":["192.0.2.1/32"],"version":1,"created_at":"2026-01-02T03:04:05Z"}`,
	} {
		for i := range directory.Kinds() {
			f.Add(i, body)
		}
	}
	f.Fuzz(func(t *testing.T, i int, body string) {
		kinds := directory.Kinds()
		kind := kinds[uint(i)%uint(len(kinds))]
		want, wantErr := plainly(kind, body)
		got, err := decodeObject(kind, body)
		if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: %+v, %v\nwant %+v, %v", body, got, err, want, wantErr)
		}
	})
}
