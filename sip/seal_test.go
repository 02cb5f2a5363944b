package sip

import (
	"bytes"
	"net/netip"
	"reflect"
	"regexp"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

func testSecrets(t testing.TB, key string) *secrets {
	t.Helper()
	k, err := newSecrets([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestPassRoundTrip(t *testing.T) {
	k := testSecrets(t, "0123456789abcdef")
	want := pass{
		lease: routing.LeaseID{1, 2, 3}, callID: 0xfeedfacecafebeef, callerTag: 1<<63 + 7, listener: 3,
		callerAddr: netip.MustParseAddrPort("192.0.2.1:5060"), calleeAddr: netip.MustParseAddrPort("[2001:db8::1]:5070"),
		accounts: appendAccounts(nil, "acc_01J00000000000000000000000", "acc_01J00000000000000000000001"),
	}
	for id, is := range map[directory.AccountID]bool{
		"acc_01J00000000000000000000000": true, "acc_01J00000000000000000000001": true,
		"acc_01J0000000000000000000000": false, "acc_01J00000000000000000000002": false, "": false,
	} {
		if want.of(id) != is {
			t.Errorf("a call of %q: %v", id, !is)
		}
	}
	text, _ := k.appendPass(nil, &want, nil)
	var got pass
	if err := k.openPass(&got, text, new(passSpace)); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v; want %+v", got, err, want)
	}
	if !regexp.MustCompile(`^[a-zA-Z0-9_.~-]+$`).Match(text) || bytes.ContainsAny(text, "eE") {
		t.Fatalf("%s may be taken for something else", text)
	}
	for i := range text {
		bad := append([]byte(nil), text...)
		bad[i] ^= 1
		if k.openPass(&got, bad, new(passSpace)) == nil {
			t.Fatalf("a pass with octet %d changed was accepted", i)
		}
	}
	if testSecrets(t, "another cluster's key").openPass(&got, text, new(passSpace)) == nil {
		t.Fatal("another cluster's pass was accepted")
	}
	if again, _ := k.appendPass(nil, &want, nil); string(again) == string(text) {
		t.Fatal("two passes of one call look alike: the nonce is not fresh")
	}
	for n := range text {
		if k.openPass(&got, text[:n], new(passSpace)) == nil {
			t.Fatalf("a pass cut to %d octets was accepted", n)
		}
	}
}

func TestLease(t *testing.T) {
	l := newLeaser(testSecrets(t, "0123456789abcdef"))
	id := func(callID, tag string, cseq uint32, branch, sentBy string) routing.LeaseID {
		return l.lease([]byte(callID), []byte(tag), cseq, []byte(branch), []byte(sentBy))
	}
	a := id("c", "t", 1, "b", "h")
	if a != id("c", "t", 1, "b", "h") {
		t.Fatal("the same request gives two leases")
	}
	for _, other := range []routing.LeaseID{
		id("c2", "t", 1, "b", "h"), id("c", "t2", 1, "b", "h"), id("c", "t", 2, "b", "h"), id("c", "t", 1, "b2", "h"), id("c", "t", 1, "b", "h2"),
	} {
		if other == a {
			t.Fatal("another request gives the same lease")
		}
	}
	c := []byte("c")
	if n := testing.AllocsPerRun(100, func() { l.lease(c, c, 1, c, c) }); n > 0 {
		t.Fatalf("a lease costs %v allocations", n)
	}
}
