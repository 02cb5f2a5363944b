package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// API is a client that knows only what the API's description says. It is
// written apart from the gateway's own client on purpose.
type API struct {
	base, token string
	http        *http.Client
}

// NewAPI speaks to the API at base, for example "http://127.0.0.1:8080".
func NewAPI(base, token string) *API {
	return &API{base: base, token: token, http: &http.Client{
		Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
	}}
}

// Base is where the API is, Token whom it speaks as.
func (a *API) Base() string  { return a.base }
func (a *API) Token() string { return a.token }

// Reuse returns a client that keeps up to that many connections for its next
// requests.
func (a *API) Reuse(connections int) *API {
	return &API{base: a.base, token: a.token, http: &http.Client{
		Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: connections},
	}}
}

// Answer is what the API said.
type Answer struct {
	Status int
	ETag   string
	Body   []byte
}

// StatusError is an answer that is no success.
type StatusError struct {
	Call string
	Answer
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s answered %d: %s", e.Call, e.Status, bytes.TrimSpace(e.Body))
}

// Do sends one request; body is turned into JSON, nil sends none. ifMatch goes
// along when it is not empty. An answer of 300 or more is a *StatusError.
func (a *API) Do(ctx context.Context, method, path, ifMatch string, body any) (Answer, error) {
	var b []byte
	if body != nil {
		var err error
		if b, err = json.Marshal(body); err != nil {
			return Answer{}, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(b))
	if err != nil {
		return Answer{}, err
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if ifMatch != "" {
		r.Header.Set("If-Match", ifMatch)
	}
	got, err := a.http.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = got.Body.Close() }()
	answer := Answer{Status: got.StatusCode, ETag: got.Header.Get("ETag")}
	if answer.Body, err = io.ReadAll(got.Body); err != nil {
		return answer, err
	}
	if answer.Status >= 300 {
		return answer, &StatusError{Call: method + " " + path, Answer: answer}
	}
	return answer, nil
}

// call is Do with the answer's JSON put into out.
func (a *API) call(ctx context.Context, method, path string, body, out any) error {
	answer, err := a.Do(ctx, method, path, "", body)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(answer.Body, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// Account is an account with one trunk.
type Account struct{ ID, Trunk string }

// Account creates an account whose PBX sends from and listens on one address.
func (a *API) Account(ctx context.Context, name string, pbx netip.AddrPort) (*Account, error) {
	var account struct{ ID string }
	if err := a.call(ctx, "POST", "/v1/accounts", map[string]any{"name": name}, &account); err != nil {
		return nil, err
	}
	of := &Account{ID: account.ID}
	var err error
	of.Trunk, err = a.AddTrunk(ctx, of, name+"'s PBX", pbx)
	return of, err
}

// AddTrunk gives an account one more PBX and returns the trunk's id.
func (a *API) AddTrunk(ctx context.Context, of *Account, name string, pbx netip.AddrPort) (string, error) {
	var trunk struct{ ID string }
	err := a.call(ctx, "POST", "/v1/accounts/"+of.ID+"/trunks", map[string]any{
		"name": name, "kind": "static", "transport": "udp",
		"addresses": []string{pbx.String()}, "source_addresses": []string{pbx.String()},
	}, &trunk)
	return trunk.ID, err
}

// Number gives the account an internal number on its trunk; more adds fields.
func (a *API) Number(ctx context.Context, of *Account, number string, more map[string]any) error {
	body := map[string]any{"number": number, "trunk": of.Trunk}
	for k, v := range more {
		body[k] = v
	}
	return a.call(ctx, "POST", "/v1/accounts/"+of.ID+"/numbers", body, nil)
}

// Link interlinks two accounts: a key from one, redeemed by the other.
func (a *API) Link(ctx context.Context, from, to *Account) error {
	var link struct {
		Key string `json:"authorization_key"`
	}
	if err := a.call(ctx, "POST", "/v1/accounts/"+from.ID+"/interlinks", map[string]any{"name": "generated here"}, &link); err != nil {
		return err
	}
	return a.call(ctx, "POST", "/v1/accounts/"+to.ID+"/interlinks/redeem",
		map[string]any{"name": "redeemed here", "authorization_key": link.Key}, nil)
}

// Limit changes the named fields of an account's limits.
func (a *API) Limit(ctx context.Context, of *Account, fields map[string]any) error {
	path := "/v1/accounts/" + of.ID + "/limits"
	now, err := a.Do(ctx, "GET", path, "", nil)
	if err != nil {
		return err
	}
	var body map[string]any
	if err := json.Unmarshal(now.Body, &body); err != nil {
		return err
	}
	for _, k := range []string{"account", "version"} {
		delete(body, k)
	}
	for k, v := range fields {
		body[k] = v
	}
	_, err = a.Do(ctx, "PUT", path, now.ETag, body)
	return err
}

// Lane is one row of an account's capacity.
type Lane struct {
	Lane              string
	Limit, Used, Free int
}

// Capacity is who holds an account's lines.
type Capacity struct {
	Lanes []Lane
	Calls []struct{ ID, Direction, State string }
}

// Used is the number of lines taken in all lanes.
func (c *Capacity) Used() int {
	n := 0
	for _, l := range c.Lanes {
		n += l.Used
	}
	return n
}

// Capacity reads an account's lanes and the calls in them.
func (a *API) Capacity(ctx context.Context, account string) (*Capacity, error) {
	var c Capacity
	return &c, a.call(ctx, "GET", "/v1/accounts/"+account+"/capacity", nil, &c)
}

// Record is one line of a call log.
type Record struct {
	ID, Direction, From, To, Result, Reason string
	SIPStatus                               int `json:"sip_status"`
}

// CallLog reads an account's whole call log through the cursor.
func (a *API) CallLog(ctx context.Context, account string) ([]Record, error) {
	var all []Record
	cursor := ""
	for {
		var page struct {
			Items []Record
			Next  *string
		}
		path := "/v1/accounts/" + account + "/call-log?limit=200&cursor=" + url.QueryEscape(cursor)
		if cursor == "" {
			path = "/v1/accounts/" + account + "/call-log?limit=200"
		}
		if err := a.call(ctx, "GET", path, nil, &page); err != nil {
			return all, err
		}
		all = append(all, page.Items...)
		if page.Next == nil {
			return all, nil
		}
		if *page.Next == cursor || len(page.Items) == 0 {
			return all, errors.New("the call log's cursor does not move on")
		}
		cursor = *page.Next
	}
}
