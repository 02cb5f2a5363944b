package provision

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/routing"
)

func limits(in, out, two, burst int) obj {
	return obj{"inbound_trunks": in, "outbound_trunks": out, "twoway_trunks": two, "burst_trunks": burst}
}

func TestLimits(t *testing.T) {
	w := newWorld(t)
	path := w.account("Brown") + "/limits"
	r := w.do(get(path)).want(200).is("inbound_trunks", -1).is("outbound_trunks", -1).is("twoway_trunks", -1).is("burst_trunks", -1).
		is("max_outbound_calls", -1).is("allow_prepay", false).is("allow_postpay", false).is("max_postpay_amount", 0).is("on_store_loss", "closed").is("version", 0)
	if r.etag() != `"0"` {
		t.Errorf("ETag %s", r.etag())
	}
	w.do(put(path+"?dry_run=true", limits(1, 1, 1, 1)).match(`"0"`)).want(200).is("version", 1)
	w.do(get(path)).is("version", 0)
	w.do(put(path, limits(2, 0, 8, 1)).match(`"0"`)).want(200).is("inbound_trunks", 2).is("outbound_trunks", 0).is("twoway_trunks", 8).is("burst_trunks", 1).is("max_outbound_calls", -1)
	w.do(put(path, limits(9, 9, 9, 9)).match(`"0"`)).want(412, "stale")
	w.do(put(path, limits(9, 9, 9, 9))).want(200).is("version", 2)
	neutral := limits(0, 0, 1000000, -1)
	neutral["max_outbound_calls"], neutral["allow_prepay"], neutral["allow_postpay"] = 8, false, false
	neutral["max_postpay_amount"], neutral["on_store_loss"] = 0, "closed"
	w.do(put(path, neutral).match(`"2"`)).want(200).is("max_outbound_calls", 8).is("version", 3)
	for _, c := range []struct {
		member string
		value  any
		code   string
	}{
		{"inbound_trunks", -2, "invalid"}, {"inbound_trunks", 1000001, "invalid"}, {"burst_trunks", 1e300, "invalid"}, {"inbound_trunks", nil, "invalid"},
		{"outbound_trunks", "1", "invalid"}, {"twoway_trunks", 1.5, "invalid"}, {"max_outbound_calls", -5, "invalid"},
		{"allow_prepay", 1, "invalid"}, {"max_postpay_amount", -1, "invalid"}, {"max_postpay_amount", 1000000000001, "invalid"},
		{"on_store_loss", "share", "not_available"}, {"on_store_loss", "open", "not_available"}, {"version", 3, "unknown_field"},
	} {
		body := limits(1, 1, 1, 1)
		body[c.member] = c.value
		w.do(put(path, body)).want(422, c.code, "/"+c.member)
	}
	for _, lane := range []string{"inbound_trunks", "outbound_trunks", "twoway_trunks", "burst_trunks"} {
		body := limits(1, 1, 1, 1)
		delete(body, lane)
		w.do(put(path, body)).want(422, "required", "/"+lane)
	}
	// Forms of a number that are whole to the schema and not to the decoder.
	w.do(put(path, `{"inbound_trunks":1e1,"outbound_trunks":1,"twoway_trunks":1,"burst_trunks":1}`)).want(422, "invalid")
	w.do(get(path)).is("version", 3)
}

func TestAccountIsCreatedWithLimits(t *testing.T) {
	w := newWorld(t)
	r := w.do(post("/v1/accounts", obj{"name": "Brown", "limits": limits(1, 2, 3, 4)})).want(201).is("lines.allowed", 10)
	w.do(get("/v1/accounts/"+r.str("id")+"/limits")).want(200).is("outbound_trunks", 2).is("version", 1)
	if w.store.seq != 1 {
		t.Error("account and limits were two writes")
	}
}

func TestCapacity(t *testing.T) {
	w := newWorld(t)
	top := w.account("Partner")
	brown := "/v1/accounts/" + w.do(post("/v1/accounts", obj{"name": "Brown", "parent": idOf(top)})).want(201).str("id")
	smith := w.account("Smith")
	w.do(put(brown+"/limits", limits(1, 0, 1, 1))).want(200)
	w.do(put(top+"/limits", limits(5, 5, 1, 1))).want(200)
	out, in, own := w.call(1, brown, smith), w.call(2, smith, brown), w.call(3, brown, brown)
	w.store.live[1].Confirmed = true
	w.store.lines[idOf(top)] = routing.Lines{Inbound: 1, Outbound: 2}
	r := w.do(get(brown + "/capacity")).want(200)
	// in 2, out 2: inbound 1, rest 3, two-way 1, burst 2 of 1.
	for i, want := range []struct {
		lane              string
		limit, used, free int
	}{{"inbound", 1, 1, 0}, {"outbound", 0, 0, 0}, {"twoway", 1, 1, 0}, {"burst", 1, 2, 0}, {"max_outbound", -1, 2, -1}} {
		lane := "lanes." + string(rune('0'+i)) + "."
		r.is(lane+"lane", want.lane).is(lane+"limit", want.limit).is(lane+"used", want.used).is(lane+"free", want.free)
	}
	r.is("calls.0.id", callID(out)).is("calls.0.direction", "outbound").is("calls.0.peer.name", "Smith").is("calls.0.state", "early").
		is("calls.0.number", "2001").is("calls.0.from", "1001").is("calls.0.lanes.0", "outbound").is("calls.0.since", "2026-05-01T12:00:02Z").
		is("calls.1.id", callID(in)).is("calls.1.direction", "inbound").is("calls.1.peer.name", "Smith").is("calls.1.state", "confirmed").is("calls.1.lanes.0", "inbound").
		is("calls.2.id", callID(own)).is("calls.2.direction", "internal").is("calls.2.peer", nil).is("calls.2.lanes.0", "outbound").is("calls.2.lanes.1", "inbound").
		is("ancestors.0.name", "Partner").is("ancestors.0.lanes.0.free", 4).is("ancestors.0.lanes.1.used", 2)
	w.do(get(smith+"/capacity")).want(200).is("lanes.0.limit", -1).is("lanes.0.free", -1)
}

func TestLiveCalls(t *testing.T) {
	w := newWorld(t)
	top, brown, smith := w.account("Partner"), w.account("Brown"), w.account("Smith")
	for n := byte(1); n <= 5; n++ {
		w.call(n, brown, smith)
	}
	// A claim of an account above shows the call there, too.
	w.store.live[0].Claims = append(w.store.live[0].Claims, routing.Claim{Account: idOf(top), Role: routing.RoleCalleeParent})
	w.do(get(top+"/calls")).want(200).is("items.0.direction", "inbound").is("items.0.peer.name", "Brown").is("items.0.lanes.0", "inbound")
	r := w.do(get(brown + "/calls?limit=3")).want(200)
	rest := w.do(get(brown+"/calls?limit=3&cursor="+r.str("next"))).want(200).is("next", nil)
	ids := append(r.ids("id"), rest.ids("id")...)
	if len(ids) != 5 || !slices.IsSorted(ids) || len(slices.Compact(ids)) != 5 {
		t.Fatalf("calls %v", ids)
	}
	w.do(requestFor("DELETE", "/v1/calls/"+ids[1]+"?dry_run=true", nil)).want(204)
	w.do(requestFor("DELETE", "/v1/calls/"+ids[1], nil)).want(204)
	w.do(requestFor("DELETE", "/v1/calls/"+ids[1], nil)).want(404, "not_found")
	if len(w.store.ended) != 1 || callID(w.store.ended[0]) != ids[1] {
		t.Fatalf("ended %v", w.store.ended)
	}
	for _, id := range []string{"nonsense", "call_", "call_" + strings.Repeat("g", 32), strings.ToUpper(ids[0]), ids[0] + "00"} {
		w.do(requestFor("DELETE", "/v1/calls/"+id, nil)).want(404, "not_found")
	}
}

func TestCallLog(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	w.store.records[idOf(brown)] = []routing.Record{
		{ID: "3", Account: idOf(brown), Inbound: true, Peer: idOf(smith), From: "1001", To: "2001", Started: at, Answered: at.Add(2 * time.Second), Ended: at.Add(63900 * time.Millisecond), Result: routing.ResultAnswered, SIPStatus: 200, Method: routing.PerMinute},
		{ID: "2", Account: idOf(brown), From: "2001", To: "9", Started: at, Ended: at, Result: routing.ResultRefused, Reason: "number_not_found", SIPStatus: 404},
		{ID: "1", Account: idOf(brown), Peer: "acc_gone", From: "2001", To: "1001", Started: at, Ended: at, Result: routing.ResultBusy, SIPStatus: 486},
	}
	r := w.do(get(brown+"/call-log?limit=2")).want(200).
		is("items.0.id", "cdr_3").is("items.0.direction", "inbound").is("items.0.peer.name", "Smith").is("items.0.from", "1001").is("items.0.to", "2001").
		is("items.0.started_at", "2026-05-01T12:00:00Z").is("items.0.answered_at", "2026-05-01T12:00:02Z").is("items.0.duration", 61).
		is("items.0.result", "answered").is("items.0.reason", nil).is("items.0.sip_status", 200).is("items.0.billing", "per_minute").is("items.1.billing", nil).
		is("items.1.direction", "outbound").is("items.1.peer", nil).is("items.1.answered_at", nil).is("items.1.duration", 0).is("items.1.reason", "number_not_found")
	w.do(get(brown+"/call-log?limit=2&cursor="+r.str("next"))).want(200).is("items.0.id", "cdr_1").is("items.0.peer", nil).is("next", nil)
	w.store.records[idOf(smith)] = []routing.Record{{ID: "4", Account: idOf(smith), Started: at, Answered: at, Ended: at, Result: routing.ResultAnswered, SIPStatus: 200, Method: routing.FlatRateBurst}}
	w.do(get(smith+"/call-log")).want(200).is("items.0.billing", "flat_rate_burst").is("next", nil)
}
