package provision

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// AnyVersion, given as the version a write expects, fits whatever the object is
// now.
const AnyVersion = math.MaxUint64

// Client speaks the API. Refusals come back as *Problem. It is safe for
// concurrent use.
type Client struct {
	base, token string
	// key, when not empty, is the Idempotency-Key of every POST.
	key string
	// rehearses sends every write as a dry run.
	rehearses bool
	http      *http.Client
}

const explainPath = "/v1/explain"

// clientTimeout bounds one request.
const clientTimeout = 30 * time.Second

// maxAnswer bounds an answer a client reads, in octets.
const maxAnswer = 64 << 20

// NewClient returns a client for the API at base, for example
// "http://127.0.0.1:8080". Its connections are those of http.DefaultTransport.
func NewClient(base, token string) *Client {
	return &Client{base: strings.TrimSuffix(base, "/"), token: token, http: &http.Client{Timeout: clientTimeout}}
}

// Once returns a client whose POST requests carry an Idempotency-Key: sent twice
// through it, one and the same request is carried out once.
func (c *Client) Once(key string) *Client {
	once := *c
	once.key = key
	return &once
}

// Rehearsing returns a client whose writes are dry runs: answered, and not
// carried out. explain, which writes nothing, is asked as ever.
func (c *Client) Rehearsing() *Client {
	dry := *c
	dry.rehearses = true
	return &dry
}

// message is one request of a client.
type message struct {
	method, path string
	query        url.Values
	// version is what the write expects; nil for requests that expect none.
	version *uint64
	body    any
}

// send carries out a request and decodes the answer into out, unless that is
// nil.
func (c *Client) send(ctx context.Context, m message, out any) error {
	r, err := c.request(ctx, m)
	if err != nil {
		return err
	}
	res, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("provision: %s %s: %w", m.method, m.path, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("provision: %s %s: %w", m.method, m.path, err)
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		return refusal(res, answer)
	}
	if out == nil || len(answer) == 0 {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("provision: %s %s: the answer does not decode: %w", m.method, m.path, err)
	}
	return nil
}

func (c *Client) request(ctx context.Context, m message) (*http.Request, error) {
	var body io.Reader
	if m.body != nil {
		b, err := json.Marshal(m.body)
		if err != nil {
			return nil, fmt.Errorf("provision: %s %s: the body does not encode: %w", m.method, m.path, err)
		}
		body = bytes.NewReader(b)
	}
	query := m.query
	if c.rehearses && m.method != http.MethodGet && m.path != explainPath && query.Get("dry_run") == "" {
		query = maps.Clone(query)
		if query == nil {
			query = url.Values{}
		}
		query.Set("dry_run", "true")
	}
	target := c.base + m.path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, m.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("provision: %w", err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Accept", "application/json, application/problem+json")
	if m.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" && m.method == http.MethodPost {
		r.Header.Set("Idempotency-Key", c.key)
	}
	switch {
	case m.version == nil:
	case *m.version == AnyVersion:
		r.Header.Set("If-Match", "*")
	default:
		r.Header.Set("If-Match", etag(*m.version))
	}
	return r, nil
}

// refusal reads a problem; an answer that is none, from something in between,
// becomes one.
func refusal(res *http.Response, answer []byte) error {
	p := &Problem{}
	if json.Unmarshal(answer, p) != nil || p.Code == "" {
		p = newProblem(res.StatusCode, "no_problem", "The answer is not one of the gateway's.")
	}
	p.Status = res.StatusCode
	if after := res.Header.Get("Retry-After"); after != "" {
		p.with("Retry-After", after)
	}
	return p
}

// RetryAfter is how long the server asks to wait; 0 when it does not.
func (p *Problem) RetryAfter() time.Duration {
	seconds, err := strconv.Atoi(p.headers.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// The verbs, once for all nouns.

func ask[T any](ctx context.Context, c *Client, m message) (*T, error) {
	out := new(T)
	if err := c.send(ctx, m, out); err != nil {
		return nil, err
	}
	return out, nil
}

func fetch[T any](ctx context.Context, c *Client, path string, query url.Values) (*T, error) {
	return ask[T](ctx, c, message{method: http.MethodGet, path: path, query: query})
}

func submit[T any](ctx context.Context, c *Client, path string, body any) (*T, error) {
	return ask[T](ctx, c, message{method: http.MethodPost, path: path, body: body})
}

func amend[T any](ctx context.Context, c *Client, path string, version uint64, body any) (*T, error) {
	return ask[T](ctx, c, message{method: http.MethodPatch, path: path, version: &version, body: body})
}

func (c *Client) remove(ctx context.Context, path string, version uint64) error {
	return c.send(ctx, message{method: http.MethodDelete, path: path, version: &version}, nil)
}

// queryOf spells a query: the fields of q, named by their tags, that are not
// zero, and the page.
func queryOf(q any, p Paging) url.Values {
	out := p.query()
	v := reflect.ValueOf(q)
	for i := range v.NumField() {
		f := v.Field(i)
		if f.IsZero() {
			continue
		}
		text := fmt.Sprint(f.Interface())
		if t, ok := f.Interface().(time.Time); ok {
			text = t.Format(time.RFC3339Nano)
		}
		out.Set(v.Type().Field(i).Tag.Get("query"), text)
	}
	return out
}

// query asks for a page; Limit 0 leaves it to the server.
func (p Paging) query() url.Values {
	q := url.Values{}
	if p.Limit != 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	if p.Cursor != "" {
		q.Set("cursor", p.Cursor)
	}
	return q
}

// All reads a list to its end, page by page.
func All[T any](ctx context.Context, page func(context.Context, Paging) (*Page[T], error)) ([]T, error) {
	const most = 200
	var all []T
	next := Paging{Limit: most}
	for {
		p, err := page(ctx, next)
		if err != nil {
			return nil, err
		}
		all = append(all, p.Items...)
		if p.Next == nil {
			return all, nil
		}
		next.Cursor = *p.Next
	}
}
