package main

import (
	"encoding/json"
	"testing"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// testFederation calls from one member of a federation to another: not while the
// request is pending, from the next INVITE on once it is accepted, and not after
// the member has left (FE3, FE4, FE7). No interlink joins the two.
func testFederation(t *testing.T, binary string) {
	s := newScene(t, binary)
	at := sipAddress(t)
	clark, err := s.api.Account(s.ctx, "Clark", at)
	s.must(err)
	s.must(s.api.Number(s.ctx, clark, "3001", nil))
	made := s.send("POST", "/v1/federations", map[string]any{"name": "Ring", "owner": s.smith.ID})
	federation := "/v1/federations/" + made["id"].(string)
	ask := func(a *testbed.Account) (request string) {
		id := s.send("POST", "/v1/accounts/"+a.ID+"/federation/join", map[string]any{"access_code": made["access_code"]})["id"]
		return federation + "/join-requests/" + id.(string)
	}
	s.send("POST", ask(s.brown)+"/accept", nil)
	request := ask(clark)
	refused := 0
	refuse := func() {
		t.Helper()
		run := s.script("uac_refused", s.caller)
		run.Calls, run.Rate, run.Number = 3, 50, "3001"
		uac := s.dial(run, s.gateway)
		st, err := uac.Finish(s.ctx)
		s.must(err)
		if st.Successful != 3 || !st.Clean() {
			t.Errorf("%v\n%s", st, uac.Errors(20))
		}
		refused += 3
	}
	refuse()
	s.send("POST", request+"/accept", nil)
	uas := s.answer("uas", at)
	run := s.script("uac", s.caller)
	run.Calls, run.Rate, run.Number = 10, 50, "3001"
	if caller, callee := s.clean(s.dial(run, s.gateway), uas); caller.Successful != 10 || callee.Successful != 10 {
		t.Errorf("caller: %v\ncallee: %v", caller, callee)
	}
	s.empty(s.brown, clark)
	s.send("DELETE", federation+"/members/"+clark.ID, nil)
	refuse()
	if n := tally(s.logged(s.brown, 10+refused)); n["answered"] != 10 || n["refused number_not_found"] != refused {
		t.Errorf("Brown's call log: %v", n)
	}
	if n := tally(s.logged(clark, 10)); n["answered"] != 10 {
		t.Errorf("Clark's call log: %v", n)
	}
	// Nothing of it shows at the owner (FE6).
	s.logged(s.smith, 0)
}

// send makes one request of the API and returns the answer's object, if any.
func (s *scene) send(method, path string, body any) map[string]any {
	s.t.Helper()
	match := ""
	if method == "DELETE" {
		match = "*"
	}
	answer, err := s.api.Do(s.ctx, method, path, match, body)
	s.must(err)
	out := map[string]any{}
	if len(answer.Body) > 0 {
		s.must(json.Unmarshal(answer.Body, &out))
	}
	return out
}
