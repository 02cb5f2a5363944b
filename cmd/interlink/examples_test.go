package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// exampleRequest is what the documentation's story asks, and what it got.
type exampleRequest struct {
	Operation, Method, Target, Token string
	Headers                          map[string]string
	Body, Answer                     json.RawMessage
	Status                           int
}

// TestExamplesWork tells the story of the API's examples to a fresh gateway on
// the embedded store: each request as it is documented, but for ids and secrets
// that earlier answers gave, and times, which count from the story's beginning.
func TestExamplesWork(t *testing.T) {
	text, err := os.ReadFile("../../provision/examples.json")
	if err != nil {
		t.Fatal(err)
	}
	var story []exampleRequest
	if err := json.Unmarshal(text, &story); err != nil || len(story) < 100 {
		t.Fatalf("%d requests (%v)", len(story), err)
	}
	cfg := testConfig()
	cfg.WebhookAllowPrivate = true // nobody looks hosts up
	g, _, _ := startGateway(t, cfg)
	c := &storyteller{t: t, base: "http://" + g.APIAddr(), names: map[string]string{}, later: time.Until(storyBegins)}
	for _, e := range story {
		if e.Operation == "end-call" || e.Operation == "listen" {
			continue // no call is up here; a stream does not end
		}
		c.ask(e)
	}
}

var (
	storyBegins = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)
	storyTime   = regexp.MustCompile(`"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"`)
)

// storyteller knows what stands for what in the documentation.
type storyteller struct {
	t     *testing.T
	base  string
	names map[string]string
	later time.Duration
}

func (c *storyteller) ask(e exampleRequest) {
	c.t.Helper()
	body := storyTime.ReplaceAllStringFunc(c.real(string(e.Body)), func(at string) string {
		when, err := time.Parse(`"`+time.RFC3339+`"`, at)
		if err != nil {
			c.t.Fatal(err)
		}
		return when.Add(-c.later).Format(`"` + time.RFC3339 + `"`)
	})
	r, err := http.NewRequestWithContext(c.t.Context(), e.Method, c.base+c.real(e.Target), strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	token := testToken
	if e.Token != "" {
		token = c.real(e.Token)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for name, value := range e.Headers {
		r.Header.Set(name, c.real(value))
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if res.StatusCode != e.Status {
		c.t.Fatalf("%s %s %s: %d, want %d\n%s", r.Method, r.URL.Path, body, res.StatusCode, e.Status, answer)
	}
	c.learn("", decoded(c.t, e.Answer), decoded(c.t, answer))
}

// real puts in what stands for ids and secrets here.
func (c *storyteller) real(text string) string {
	for told, is := range c.names {
		text = strings.ReplaceAll(text, told, is)
	}
	return text
}

// learn finds what stands for ids and secrets by going through an answer and the
// one that is told side by side.
func (c *storyteller) learn(member string, told, is any) {
	switch told := told.(type) {
	case map[string]any:
		is, _ := is.(map[string]any)
		for name, v := range told {
			c.learn(name, v, is[name])
		}
	case []any:
		is, _ := is.([]any)
		for i := range min(len(told), len(is)) {
			c.learn(member, told[i], is[i])
		}
	case string, json.Number:
		name := fmt.Sprint(told)
		secret := member == "token" || member == "authorization_key" || member == "access_code"
		hash := member == "version" && len(name) > 10
		if is != nil && (secret || hash || member == "id" && strings.Contains(name, "_01JZ")) {
			c.names[name] = fmt.Sprint(is)
		}
	}
}

func decoded(t *testing.T, text []byte) (v any) {
	t.Helper()
	if len(text) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
