package provision

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// Question asks what would become of a call.
type Question struct {
	Account directory.AccountID `json:"account" maxLength:"64" doc:"The calling account."`
	Dialled string              `json:"dialled" maxLength:"128" pattern:"^[^\\x00-\\x1f\\x7f]*$" doc:"What is dialled." example:"2001"`
	From    string              `json:"from,omitempty" maxLength:"64" pattern:"^[^\\x00-\\x1f\\x7f]*$" doc:"The calling number; it is looked up for the report and changes nothing about where the call goes."`
}

// Explanation is what would become of a call.
type Explanation struct {
	Verdict   string         `json:"verdict" enum:"route,refuse" doc:"Whether the call would go through."`
	Reason    *string        `json:"reason" doc:"Why it would be refused; null when it would not." example:"number_not_found"`
	SIPStatus *int           `json:"sip_status" doc:"The SIP response the caller would get from the gateway; null when the call goes through and the callee decides."`
	Target    *ExplainTarget `json:"target" doc:"Where it would go; null when it is refused for the number."`
	Steps     []ExplainStep  `json:"steps" nullable:"false" doc:"The rules considered, in order."`
}

// ExplainTarget is where a call would go. The account's own affairs are shown
// to those who may see it.
type ExplainTarget struct {
	Account *directory.AccountID `json:"account" doc:"The called account's id."`
	Name    string               `json:"name" doc:"The called account's name."`
	Trunk   *directory.TrunkID   `json:"trunk" doc:"The trunk."`
	URI     *string              `json:"uri" doc:"The Request-URI sent to the PBX." example:"sip:2001@192.0.2.12:5060"`
}

// ExplainStep is one rule considered.
type ExplainStep struct {
	Step   string `json:"step" doc:"The rule: from, caller, local, restriction, prefix, link, federation, choose, trunk, lines or licence." example:"local"`
	Result string `json:"result" doc:"What came of it: match, no_match, private, disabled, chosen, free or refuse." example:"match"`
	Detail string `json:"detail" doc:"One sentence for a person; not stable."`
}

type explainInput struct {
	Repeatable
	Body Question
}

// explain runs the proxy's own decision (DI5). Whether a line is free is a
// preview: the ledger decides at the moment of the call.
func (s *Server) explain(ctx context.Context, in *explainInput) (*Reading[Explanation], error) {
	a := s.view.Account(in.Body.Account)
	if a == nil || !s.sees(ctx, in.Body.Account) {
		return nil, directory.Invalid("/account", "account_unknown", "There is no such account.")
	}
	if !s.mayNow(ctx, callsExplain, a.ID) {
		return nil, forbidden()
	}
	out := Explanation{Steps: []ExplainStep{}}
	if in.Body.From != "" {
		out.Steps = append(out.Steps, s.explainFrom(a, in.Body.From))
	}
	var trail routing.Trail
	d := s.cfg.Router.Route(routing.Call{Caller: a.ID, Dialled: in.Body.Dialled}, &trail)
	for _, step := range trail.Steps {
		if s.sees(ctx, step.About) {
			out.Steps = append(out.Steps, ExplainStep{step.Step, step.Result, step.Detail})
		}
	}
	reason := d.Reason
	if reason == routing.None {
		out.Target = s.explainTarget(ctx, &d.Route)
		var steps []ExplainStep
		var err error
		if steps, reason, err = s.explainLines(ctx, &d.Route); err != nil {
			return nil, err
		}
		out.Steps = append(out.Steps, steps...)
	}
	out.Verdict = "route"
	if reason != routing.None {
		out.Verdict, out.Reason = "refuse", nullable(reason.String())
		status := s.cfg.StatusOf(reason)
		out.SIPStatus = &status
	}
	return &Reading[Explanation]{Body: out}, nil
}

func (s *Server) explainFrom(a *directory.Account, from string) ExplainStep {
	if n, ok := s.view.Number(a.ID, from); ok {
		return ExplainStep{"from", "match", fmt.Sprintf("%s is %s's own number (%s).", from, a.Name, n.Number)}
	}
	return ExplainStep{"from", "no_match", fmt.Sprintf("%q is none of %s's numbers; the call is routed all the same.", from, a.Name)}
}

func (s *Server) explainTarget(ctx context.Context, r *routing.Route) *ExplainTarget {
	t := &ExplainTarget{}
	if a := s.view.Account(r.Callee); a != nil {
		t.Name = a.Name
	}
	if s.sees(ctx, r.Callee) {
		t.Account, t.Trunk = &r.Callee, &r.Trunk.ID
		if len(r.Trunk.Addresses) > 0 {
			uri := "sip:" + escapeUser(r.User) + "@" + r.Trunk.Addresses[0].String()
			t.URI = &uri
		}
	}
	return t
}

// escapeUser escapes what a user part cannot hold as it is: of the characters a
// number or user part can have here that is "#" (RFC 3261 §25.1, user).
func escapeUser(user string) string { return strings.ReplaceAll(user, "#", "%23") }

// explainLines asks each account for its line with the lines that are taken
// now, the way the ledger does, and stops at the first that has none.
func (s *Server) explainLines(ctx context.Context, r *routing.Route) ([]ExplainStep, routing.Reason, error) {
	claims := s.cfg.Router.Claims(nil, r)
	ids := make([]directory.AccountID, len(claims))
	for i, c := range claims {
		ids[i] = c.Account
	}
	lines, err := s.lines(ctx, ids)
	if err != nil {
		return nil, routing.None, err
	}
	var steps []ExplainStep
	reason := routing.None
	// An account that is asked twice, as caller and callee, has the line given
	// for the first counted for the second.
	type count struct{ in, out int }
	given := map[directory.AccountID]count{}
	for i, c := range claims {
		mine := given[c.Account]
		in, outbound := lines[i].Inbound+mine.in, lines[i].Outbound+mine.out
		var step ExplainStep
		if step, reason, err = s.explainLine(ctx, c, in, outbound); err != nil {
			return nil, routing.None, err
		}
		if s.sees(ctx, c.Account) {
			steps = append(steps, step)
		}
		if reason != routing.None {
			break
		}
		if c.Outbound() {
			mine.out++
		} else {
			mine.in++
		}
		given[c.Account] = mine
	}
	if reason == routing.None && claims[0].Licensed {
		step, reason, err := s.explainMinutes(ctx, claims[0].Account)
		return append(steps, step), reason, err
	}
	return steps, reason, nil
}

// explainMinutes tells whether the caller's licences have minutes left.
func (s *Server) explainMinutes(ctx context.Context, id directory.AccountID) (ExplainStep, routing.Reason, error) {
	used, err := s.calls.Talked(ctx, id)
	if err != nil {
		return ExplainStep{}, routing.None, err
	}
	spending, err := s.calls.Spending(ctx, id)
	if err != nil {
		return ExplainStep{}, routing.None, err
	}
	left := -spending.Minutes
	for _, l := range s.view.LicencesAt(id, time.Now()) {
		left += max(0, l.FreeMinutes+l.AddonMinutes-used[l.ID])
	}
	aside := ""
	if spending.Minutes > 0 {
		aside = fmt.Sprintf("; %d are set aside for calls that run", spending.Minutes)
	}
	if left <= 0 {
		return ExplainStep{"licence", "refuse", "No licence that holds now has minutes left" + aside + "."}, routing.LicenceExhausted, nil
	}
	return ExplainStep{"licence", "free", fmt.Sprintf("%d minutes are left%s.", left, aside)}, routing.None, nil
}

// explainLine asks an account for a line beside those it has given, and where none
// is free for credit.
func (s *Server) explainLine(ctx context.Context, c routing.Claim, in, out int) (ExplainStep, routing.Reason, error) {
	step := ExplainStep{Step: "lines", Result: "free", Detail: s.lineDetail(c, in, out)}
	method, reason := routing.Ask(c.Limits, in, out, c.Outbound()), c.Role.Reason()
	if method == routing.NextMethod && c.Terms.PerMinute {
		var detail string
		var err error
		if method, detail, err = s.explainTerms(ctx, c); err != nil {
			return step, routing.None, err
		}
		step.Detail, reason = step.Detail+" "+detail, c.Role.Unpaid()
	}
	if method == routing.FlatRateBurst {
		step.Detail += " The call takes a burst line."
	}
	if method.Admits() {
		return step, routing.None, nil
	}
	step.Result = "refuse"
	return step, reason, nil
}

// explainTerms tells whether a call without a free line could go on per minute.
func (s *Server) explainTerms(ctx context.Context, c routing.Claim) (routing.Method, string, error) {
	spending, err := s.calls.Spending(ctx, c.Account)
	if err != nil {
		return 0, "", err
	}
	left := c.Terms.Added - spending.Spent - spending.Running
	if c.Terms.Affords(spending) {
		return routing.PerMinute, fmt.Sprintf("None is free; per minute: %d available at %d a minute.", left, c.Terms.Price), nil
	}
	return routing.NextMethod, fmt.Sprintf("None is free, and %d available does not last for a minute at %d.", left, c.Terms.Price), nil
}

func (s *Server) lineDetail(c routing.Claim, in, out int) string {
	name, lane, used := string(c.Account), "inbound", in
	if a := s.view.Account(c.Account); a != nil {
		name = a.Name
	}
	if c.Outbound() {
		lane, used = "outbound", out
	}
	if c.Limits == nil {
		return fmt.Sprintf("%s, %s line: %d in use, no limits set.", name, lane, used)
	}
	text := make([]string, 0, 5)
	for _, l := range routing.Lanes(c.Limits, in, out) {
		if l.Limit != directory.Unlimited {
			text = append(text, fmt.Sprintf("%s %d/%d", l.Lane, l.Used, l.Limit))
		} else {
			text = append(text, fmt.Sprintf("%s %d/unlimited", l.Lane, l.Used))
		}
	}
	return fmt.Sprintf("%s, %s line: %s.", name, lane, strings.Join(text, ", "))
}
