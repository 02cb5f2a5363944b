package provision

import (
	"testing"

	"github.com/pbx-interlink/interlink/routing"
)

func TestExplain(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	bt, st := w.trunk(brown, "192.0.2.1"), w.trunk(smith, "192.0.2.2")
	w.number(brown, bt, "1001", nil)
	w.number(smith, st, "2001", nil)
	w.number(smith, st, "*98#", obj{"user": "mail#box"})
	secret := w.number(smith, st, "2002", obj{"private": true}).str("id")
	onBrown, _ := w.link(brown, smith)
	dial := func(from, dialled string) *reply {
		t.Helper()
		return w.do(post("/v1/explain", obj{"account": idOf(from), "dialled": dialled})).want(200)
	}
	dial(brown, "2001").is("verdict", "route").is("reason", nil).is("sip_status", nil).
		is("target.account", string(idOf(smith))).is("target.name", "Smith").is("target.trunk", st).is("target.uri", "sip:2001@192.0.2.2:5060")
	dial(brown, "1001").is("target.uri", "sip:1001@192.0.2.1:5060")
	dial(brown, "*98#").is("target.uri", "sip:mail%23box@192.0.2.2:5060")

	// A private number and none at all differ only in what staff reads of Smith.
	private := dial(brown, "2002").is("verdict", "refuse").is("reason", "number_not_found").is("sip_status", 404).is("target", nil)
	if !contains(private.text, "private") {
		t.Errorf("staff does not see that it is private: %s", private.text)
	}
	dial(brown, "2003").is("verdict", "refuse").is("reason", "number_not_found").is("sip_status", 404)
	dial(smith, "2002").is("verdict", "route") // its own account rings
	w.do(change(smith+"/numbers/"+secret, obj{"private": false})).want(200)
	dial(brown, "2002").is("verdict", "route")

	w.do(change(onBrown, obj{"suspended": true})).want(200)
	dial(brown, "2001").is("reason", "number_not_found")
	w.do(change(onBrown, obj{"suspended": false})).want(200)
	w.do(change(brown, obj{"enabled": false})).want(200)
	dial(brown, "2001").is("reason", "account_disabled").is("sip_status", 403)

	w.do(post("/v1/explain", obj{"account": "acc_nobody", "dialled": "1"})).want(422, "account_unknown", "/account")
	w.do(post("/v1/explain", obj{"account": idOf(brown)})).want(422, "required", "/dialled")
	w.do(post("/v1/explain", obj{"account": idOf(smith), "dialled": "", "from": "2001"})).want(200).
		is("reason", "number_not_found").is("steps.0.step", "from").is("steps.0.result", "match")
	w.do(post("/v1/explain", obj{"account": idOf(smith), "dialled": "2001", "from": "7"})).want(200).is("steps.0.result", "no_match")
}

func TestExplainLines(t *testing.T) {
	w := newWorld(t)
	top := w.account("Partner")
	brown := "/v1/accounts/" + w.do(post("/v1/accounts", obj{"name": "Brown", "parent": idOf(top)})).want(201).str("id")
	smith := w.account("Smith")
	w.number(brown, w.trunk(brown, "192.0.2.1"), "1001", nil)
	w.number(smith, w.trunk(smith, "192.0.2.2"), "2001", nil)
	w.link(brown, smith)
	dial := func(from, dialled string) *reply {
		t.Helper()
		return w.do(post("/v1/explain", obj{"account": idOf(from), "dialled": dialled})).want(200)
	}
	last := func(r *reply) obj {
		steps := r.field("steps").([]any)
		return steps[len(steps)-1].(obj)
	}
	if got := last(dial(brown, "2001")); got["step"] != "lines" || got["result"] != "free" {
		t.Errorf("last step %v", got)
	}
	// Callee, caller and the caller's parent run full in turn.
	w.do(put(smith+"/limits", limits(1, 0, 0, 0))).want(200)
	dial(brown, "2001").is("verdict", "route")
	w.call(1, brown, smith)
	r := dial(brown, "2001").is("verdict", "refuse").is("reason", "callee_lines_full").is("sip_status", 486).is("target.name", "Smith")
	if got := last(r); got["result"] != "refuse" || !contains(got["detail"].(string), "inbound 1/1") {
		t.Errorf("last step %v", got)
	}
	w.do(put(smith+"/limits", limits(9, 9, 9, 9))).want(200)
	w.do(put(brown+"/limits", limits(0, 1, 0, 0))).want(200)
	dial(brown, "2001").is("reason", "caller_lines_full").is("sip_status", 403)
	w.do(put(brown+"/limits", limits(1, 1, 1, 0))).want(200)
	dial(brown, "2001").is("verdict", "route")
	// A call inside one account takes two lines of it: outbound is full, and the
	// one two-way line serves one direction; inbound has its own.
	dial(brown, "1001").is("verdict", "route")
	w.do(put(brown+"/limits", limits(0, 1, 1, 0))).want(200)
	dial(brown, "1001").is("verdict", "refuse").is("reason", "callee_lines_full")
	w.do(put(brown+"/limits", limits(2, 2, 2, 0))).want(200)
	w.do(put(top+"/limits", limits(2, 2, 2, 0))).want(200)
	w.store.lines[idOf(top)] = routing.Lines{Inbound: 4, Outbound: 4}
	dial(brown, "2001").is("reason", "parent_lines_full").is("sip_status", 403)
	dial(smith, "1001").is("reason", "parent_lines_full").is("sip_status", 486)
	w.store.broken = errBroken
	w.do(post("/v1/explain", obj{"account": idOf(brown), "dialled": "2001"})).want(503, "store_unavailable")
}
