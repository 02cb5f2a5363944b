package testbed

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Crowd is many clients, each from an address of its own where the system has
// several, that mean the REST API ill: bodies without end, bodies that hardly
// arrive, deep JSON, pages of all sizes, wrong passwords, keys and tokens. Each
// goes on as soon as it is answered or cut off.
type Crowd struct {
	api     *API
	account string
	key     string
	stop    context.CancelFunc
	done    sync.WaitGroup

	mu sync.Mutex
	// answers counts statuses per sort of request; 0 stands for cut off.
	answers map[string]map[int]int
}

// trickle is how often a slow client sends an octet.
const trickle = 200 * time.Millisecond

// Harass lets so many clients of each sort loose on a gateway's API, until the
// crowd is dispersed. The API's token must be one of the platform's.
func Harass(ctx context.Context, api *API, each int) (*Crowd, error) {
	c := &Crowd{api: api, answers: map[string]map[int]int{}}
	var account struct{ ID string }
	if err := c.api.call(ctx, "POST", "/v1/accounts", map[string]any{"name": "Harassed"}, &account); err != nil {
		return nil, err
	}
	c.account = "/v1/accounts/" + account.ID
	var link struct {
		ID  string
		Key string `json:"authorization_key"`
	}
	if err := c.api.call(ctx, "POST", c.account+"/interlinks", map[string]any{"name": "x"}, &link); err != nil {
		return nil, err
	}
	// Well-formed, so that it is looked for, and good for nothing.
	if _, err := c.api.Do(ctx, "DELETE", c.account+"/interlinks/"+link.ID, "*", nil); err != nil {
		return nil, err
	}
	c.key = link.Key
	ctx, c.stop = context.WithCancel(ctx)
	for sort, of := range c.sorts() {
		for range each * of.times {
			c.done.Go(func() {
				client := of.client()
				for ctx.Err() == nil {
					c.count(ctx, sort, of.do(ctx, client))
				}
			})
		}
	}
	return c, nil
}

// Disperse ends the crowd and returns how often each sort of request got which
// status, 0 for those that were cut off.
func (c *Crowd) Disperse() map[string]map[int]int {
	c.stop()
	c.done.Wait()
	return c.answers
}

// String is what Disperse returns, in one line.
func (c *Crowd) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var parts []string
	for _, sort := range slices.Sorted(maps.Keys(c.answers)) {
		parts = append(parts, fmt.Sprintf("%s %v", sort, c.answers[sort]))
	}
	return strings.Join(parts, ", ")
}

func (c *Crowd) count(ctx context.Context, sort string, status int) {
	if ctx.Err() != nil {
		return // cut off by ourselves
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answers[sort] == nil {
		c.answers[sort] = map[int]int{}
	}
	c.answers[sort][status]++
}

// hostile is one sort of request; times more clients than of other sorts send it.
type hostile struct {
	times int
	do    func(context.Context, *http.Client) int
}

func (c *Crowd) sorts() map[string]hostile {
	const deep, whole = 500_000, 100 << 20
	post := func(path string, body func() io.Reader) hostile {
		return hostile{1, func(ctx context.Context, client *http.Client) int {
			return c.send(ctx, client, "POST", path, body())
		}}
	}
	asJSON := func(path string, fields func() map[string]string) hostile {
		return post(path, func() io.Reader {
			text, _ := json.Marshal(fields()) // a map of strings always encodes
			return bytes.NewReader(text)
		})
	}
	get := func(path string) hostile {
		return hostile{1, func(ctx context.Context, client *http.Client) int {
			return c.send(ctx, client, "GET", path, nil)
		}}
	}
	return map[string]hostile{
		"100 MB":     post("/v1/accounts", func() io.Reader { return io.LimitReader(endless{}, whole) }),
		"deep":       post("/v1/accounts", func() io.Reader { return strings.NewReader(strings.Repeat("[", deep)) }),
		"slow body":  {10, c.slow("Authorization: Bearer " + c.api.token + "\r\nContent-Type: application/json\r\nContent-Length: 4711\r\n\r\n")},
		"slow head":  {10, c.slow("X: ")},
		"huge page":  get("/v1/accounts?limit=1000000000"),
		"whole page": get("/v1/audit?limit=200"),
		"login": asJSON("/v1/login", func() map[string]string {
			return map[string]string{"email": rand.Text() + "@example.com", "password": rand.Text()}
		}),
		"key": asJSON(c.account+"/interlinks/redeem", func() map[string]string {
			return map[string]string{"name": "x", "authorization_key": c.key}
		}),
		"token": {1, func(ctx context.Context, client *http.Client) int {
			return status(client, request(ctx, "GET", c.api.base+"/v1/me", rand.Text(), nil))
		}},
	}
}

// client has a source address of its own and a new connection for each request.
func (hostile) client() *http.Client {
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: Address().AsSlice()}}
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: from.DialContext, DisableKeepAlives: true}}
}

func (c *Crowd) send(ctx context.Context, client *http.Client, method, path string, body io.Reader) int {
	return status(client, request(ctx, method, c.api.base+path, c.api.token, body))
}

// request is nil where the address is none, which the first requests have shown
// it is not.
func request(ctx context.Context, method, url, token string, body io.Reader) *http.Request {
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	return r
}

func status(client *http.Client, r *http.Request) int {
	answer, err := client.Do(r)
	if err != nil {
		return 0
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return 0
	}
	return answer.StatusCode
}

// slow begins a request and then sends hardly anything, until it is answered or
// cut off.
func (c *Crowd) slow(rest string) func(context.Context, *http.Client) int {
	return func(ctx context.Context, client *http.Client) int {
		host := strings.TrimPrefix(c.api.base, "http://")
		conn, err := client.Transport.(*http.Transport).DialContext(ctx, "tcp", host)
		if err != nil {
			return 0
		}
		defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
		defer func() { _ = conn.Close() }()
		answered := make(chan int, 1)
		go func() {
			head := make([]byte, len("HTTP/1.1 400"))
			code := 0
			if _, err := io.ReadFull(conn, head); err == nil {
				_, _ = fmt.Sscanf(string(head), "HTTP/1.1 %d", &code) // what is no status stays 0
			}
			answered <- code
		}()
		_, _ = conn.Write([]byte("POST /v1/accounts HTTP/1.1\r\nHost: " + host + "\r\n" + rest))
		tick := time.NewTicker(trickle)
		defer tick.Stop()
		for {
			select {
			case code := <-answered:
				return code
			case <-tick.C:
				_, _ = conn.Write([]byte(" ")) // the reader sees when that is no use
			}
		}
	}
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}
