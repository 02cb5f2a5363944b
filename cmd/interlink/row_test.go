package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

// The tests here hold the gateway to rows of docs/statements.md with real calls:
// a whole gateway, pretend PBXs of Brown, Smith and Andrews, the API.

// row is a stage with what the tests ask of it.
type row struct {
	*testStageParts
	t   *testing.T
	ctx context.Context
	api *provision.Client
}

func newRow(t *testing.T) *row {
	t.Helper()
	s := testStage(t)
	return &row{s, t, testContext(t), s.show.plan.api}
}

func (r *row) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// answered demands that a call is answered by one PBX, and hangs up.
func (r *row) answered(caller *pretendPBX, number string, callee *pretendPBX) {
	r.t.Helper()
	near, far := r.up(caller, number, callee)
	r.must(r.show.hangUp(r.ctx, caller, near, far))
}

// up places a call that stays up.
func (r *row) up(caller *pretendPBX, number string, callee *pretendPBX) (near, far *leg) {
	r.t.Helper()
	a, err := caller.call(r.ctx, "1001", number)
	r.must(err)
	if a.leg == nil {
		r.t.Fatalf("%s dials %s: %d %s, reason %s", caller.name, number, a.status, a.phrase, orNone(a.reason))
	}
	far, err = callee.otherLeg(r.ctx, a.leg)
	r.must(err)
	return a.leg, far
}

// refused demands an answer without a call.
func (r *row) refused(caller *pretendPBX, number string, status int, reason string) {
	r.t.Helper()
	a, err := caller.call(r.ctx, "1001", number)
	r.must(err)
	if a.status != status || a.reason != reason {
		r.t.Errorf("%s dials %s: %d %s, reason %s; want %d, %s", caller.name, number, a.status, a.phrase, orNone(a.reason), status, reason)
	}
}

// number finds an account's number.
func (r *row) number(a directory.AccountID, number string) *provision.Number {
	r.t.Helper()
	page, err := r.api.Numbers(r.ctx, a, provision.NumberQuery{}, provision.Paging{})
	r.must(err)
	for _, n := range page.Items {
		if n.Number == number {
			return &n
		}
	}
	r.t.Fatalf("there is no %s", number)
	return nil
}

func (r *row) setPrivate(number string, private bool) {
	r.t.Helper()
	smith := r.show.plan.smith
	_, err := r.api.PatchNumber(r.ctx, smith, r.number(smith, number), provision.NumberPatch{Private: provision.To(private)})
	r.must(err)
}

// limit sets an account's limits; what is not said is unlimited.
func (r *row) limit(a directory.AccountID, n provision.NewLimits) {
	r.t.Helper()
	l, err := r.api.Limits(r.ctx, a)
	r.must(err)
	_, err = r.api.SetLimits(r.ctx, a, l.Version, n)
	r.must(err)
}

// used waits until an account's lanes hold so many calls, and returns them.
func (r *row) used(a directory.AccountID, want map[string]int64) *provision.Capacity {
	r.t.Helper()
	var c *provision.Capacity
	poll(r.ctx, r.t, func() bool {
		var err error
		c, err = r.api.Capacity(r.ctx, a)
		r.must(err)
		for _, l := range c.Lanes {
			if l.Used != want[l.Lane] {
				return false
			}
		}
		return true
	})
	return c
}

// records waits for an account's call log to have so many records.
func (r *row) records(a directory.AccountID, n int) []provision.CallRecord {
	r.t.Helper()
	var page *provision.Page[provision.CallRecord]
	poll(r.ctx, r.t, func() bool {
		var err error
		page, err = r.api.CallLog(r.ctx, a, provision.Paging{Limit: 200})
		r.must(err)
		return len(page.Items) >= n
	})
	if len(page.Items) != n {
		r.t.Errorf("%d records, want %d: %+v", len(page.Items), n, page.Items)
	}
	return page.Items
}

// IN2: private off, linked accounts dial it; on, they do not, from the next
// INVITE on.
func TestIN2PrivateFromTheNextInvite(t *testing.T) {
	r := newRow(t)
	for range 2 {
		r.answered(r.brown, "2001", r.smith)
		r.setPrivate("2001", true)
		r.refused(r.brown, "2001", 404, "number_not_found")
		r.setPrivate("2001", false)
	}
	r.answered(r.brown, "2001", r.smith)
}

// IN3: a private number still rings for its own account.
func TestIN3PrivateRingsAtHome(t *testing.T) {
	r := newRow(t)
	r.refused(r.brown, "2002", 404, "number_not_found")
	r.answered(r.smith, "2002", r.smith)
}

// IN4: to a linked caller a private number and none are one answer, to the byte.
func TestIN4PrivateLooksLikeNone(t *testing.T) {
	r := newRow(t)
	own := regexp.MustCompile(`(?m)(branch|tag)=[^;>\s]+|^Call-ID:.*$`)
	answer := func(number string) string {
		req := r.brown.invite("1001", number, nil)
		res, _, err := r.brown.converse(r.ctx, req)
		r.must(err)
		if res.StatusCode != 404 {
			t.Errorf("%s: %d", number, res.StatusCode)
		}
		return strings.ReplaceAll(own.ReplaceAllString(res.String(), "$1"), number, "NUMBER")
	}
	if private, none := answer("2002"), answer("2999"); private != none {
		t.Errorf("private:\n%s\nnone:\n%s", private, none)
	}
}

// DI1: the local number wins and no other account gets an INVITE.
func TestDI1LocalNumberWins(t *testing.T) {
	r := newRow(t)
	r.rec.watch()
	r.answered(r.brown, "1500", r.brown) // Smith has a 1500, too
	for _, a := range r.rec.finish() {
		if a.pbx != r.brown.title() && a.pbx != "Brown" {
			t.Errorf("%s got %s", a.pbx, a.label)
		}
	}
}

// DI3: several linked accounts own the number: a lower priority wins, none is
// ambiguous, and a dial prefix always reaches its own link.
func TestDI3PriorityAndPrefix(t *testing.T) {
	r := newRow(t)
	brown := r.show.plan.brown
	set := func(name string, p provision.InterlinkPatch) {
		t.Helper()
		page, err := r.api.Interlinks(r.ctx, brown, provision.Paging{})
		r.must(err)
		for _, l := range page.Items {
			if l.Name == name {
				_, err := r.api.PatchInterlink(r.ctx, brown, &l, p)
				r.must(err)
				return
			}
		}
		t.Fatalf("no interlink %s", name)
	}
	r.refused(r.brown, "3000", 484, "ambiguous_number")
	set("Andrews", provision.InterlinkPatch{Priority: provision.To(5)})
	r.answered(r.brown, "3000", r.andrews)
	set("Smith", provision.InterlinkPatch{Priority: provision.To(4), Prefix: provision.To("8")})
	r.answered(r.brown, "3000", r.smith)
	set("Andrews", provision.InterlinkPatch{Prefix: provision.To("9")})
	r.answered(r.brown, "93000", r.andrews)
	r.answered(r.brown, "83000", r.smith)
	set("Andrews", provision.InterlinkPatch{Priority: provision.To(4)})
	r.refused(r.brown, "3000", 484, "ambiguous_number")
}

// DI4: no match is number_not_found, 404.
func TestDI4NoMatch(t *testing.T) {
	r := newRow(t)
	for _, number := range []string{"7777", "20011", "200", "0"} {
		r.refused(r.brown, number, 404, "number_not_found")
	}
	r.refused(r.andrews, "2001", 404, "number_not_found")
}

// DI5: explain says of every call what becomes of it.
func TestDI5ExplainAgreesWithCalls(t *testing.T) {
	r := newRow(t)
	r.limit(r.show.plan.andrews, provision.NewLimits{Inbound: 0, Outbound: -1})
	asked := map[string]bool{}
	for _, caller := range []*pretendPBX{r.brown, r.smith, r.andrews} {
		for _, number := range []string{"1001", "1500", "2001", "2002", "3000", "7777"} {
			e, err := r.show.plan.explain(r.ctx, caller.name, number)
			r.must(err)
			a, err := caller.call(r.ctx, "1001", number)
			r.must(err)
			if a.leg != nil {
				r.must(caller.hangUp(r.ctx, a.leg))
			}
			reason, status := "", 200
			if e.Reason != nil {
				reason, status = *e.Reason, *e.SIPStatus
			}
			asked[e.Verdict+reason] = true
			if reason != a.reason || status != a.status || (e.Verdict == "route") != (a.leg != nil) {
				t.Errorf("%s dials %s: explain says %s %s %d, the call got %d, reason %s", caller.name, number, e.Verdict, reason, status, a.status, orNone(a.reason))
			}
		}
	}
	if len(asked) < 4 {
		t.Errorf("too few sorts of answers: %v", asked)
	}
}

// DI6: a refusal's code is one and the same in the SIP answer, explain, the call
// record and the metric.
func TestDI6OneReasonEverywhere(t *testing.T) {
	r := newRow(t)
	plan := r.show.plan
	r.limit(plan.smith, provision.NewLimits{Inbound: 0, Outbound: -1})
	want := map[string]int{"7777": 404, "3000": 484, "2001": 486}
	reasons := map[string]string{"7777": "number_not_found", "3000": "ambiguous_number", "2001": "callee_lines_full"}
	for number, status := range want {
		r.refused(r.brown, number, status, reasons[number])
		e, err := plan.explain(r.ctx, "Brown", number)
		r.must(err)
		if e.Reason == nil || *e.Reason != reasons[number] || *e.SIPStatus != status {
			t.Errorf("explain says of %s: %+v", number, e)
		}
	}
	for _, rec := range r.records(plan.brown, len(want)) {
		if rec.Reason == nil || *rec.Reason != reasons[rec.To] || rec.SIPStatus != want[rec.To] {
			t.Errorf("the record of %s: %+v", rec.To, rec)
		}
	}
	_, metrics := get(t, "http://"+r.gateway.DebugAddr()+"/metrics", "")
	for _, reason := range reasons {
		if !strings.Contains(metrics, fmt.Sprintf(`interlink_calls_total{reason=%q,result="refused"} 1`, reason)) {
			t.Errorf("the metrics do not count %s", reason)
		}
	}
}
