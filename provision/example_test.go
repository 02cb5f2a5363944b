package provision

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestExamples tells the story of the examples to a fresh server and compares
// what happens with what is documented: ids, secrets and times aside, every
// request works as it stands there and gets that answer.
func TestExamples(t *testing.T) {
	told := newTale(t)
	told.tell()
	var got bytes.Buffer
	encoder := json.NewEncoder(&got)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(told.story); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("examples.json", got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, want := strings.Split(got.String(), "\n"), strings.Split(string(examplesJSON), "\n")
	for i := range have {
		if i >= len(want) || have[i] != want[i] {
			t.Fatalf("examples.json:%d differs; if that is meant, run this test with -update\nhave %s\nwant %s", i+1, have[i], strings.Join(want[min(i, len(want)):min(i+1, len(want))], ""))
		}
	}
	if len(have) != len(want) {
		t.Fatalf("examples.json has %d lines, want %d; run this test with -update", len(want), len(have))
	}
}

// Every operation has an example; what it asks and what it answers are valid by
// the document's own schemas, and its parameters are documented.
func TestExamplesFitTheDocument(t *testing.T) {
	all, err := examples()
	if err != nil {
		t.Fatal(err)
	}
	c := published()
	for verb, o := range operations() {
		e, ok := all[o.id]
		if !ok {
			t.Errorf("%s has no example", verb)
			continue
		}
		method, _, _ := strings.Cut(verb, " ")
		op := c.operation(method, e.Target)
		if op == nil || op["operationId"] != o.id {
			t.Errorf("the example of %s asks for something else: %s", o.id, e.Target)
			continue
		}
		answer, _ := op["responses"].(obj)[fmt.Sprint(e.Status)].(obj)
		if answer == nil || e.Status >= 300 {
			t.Errorf("the example of %s ends in %d", o.id, e.Status)
			continue
		}
		content, _ := answer["content"].(obj)
		c.checkExamples(t, o.id+", answer", content, e.Answer)
		body, _ := op["requestBody"].(obj)
		content, _ = body["content"].(obj)
		c.checkExamples(t, o.id+", request", content, e.Body)
	}
}

func (c *contract) checkExamples(t *testing.T, what string, content obj, value []byte) {
	t.Helper()
	if (content == nil) != (len(value) == 0) {
		t.Errorf("%s: documented %v, example %q", what, content != nil, value)
	}
	for media, described := range content {
		example, ok := described.(obj)["example"]
		if !ok && string(value) != "null" {
			t.Errorf("%s, %s: no example in the document", what, media)
			continue
		}
		for _, fault := range c.faults(described.(obj)["schema"].(obj), example, "") {
			t.Errorf("%s: %s", what, fault)
		}
	}
}

// tale records a conversation with a fresh server, with ids, secrets and times
// that are the same each time.
type tale struct {
	*world
	start time.Time
	story []example
	names map[string]string // what stands for what happened to be made
	count map[string]int
}

// exampleStart is when the story happens, whenever it is told.
var exampleStart = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

func newTale(t *testing.T) *tale {
	anywhere := func(c *Config) {
		c.LookupHost = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("93.184.216.34")}, nil
		}
	}
	return &tale{world: newWorld(t, anywhere), start: time.Now().UTC().Truncate(time.Second), names: map[string]string{testToken: "$TOKEN"}, count: map[string]int{}}
}

// also sends a request that the story needs and that is nobody's example.
func (s *tale) also(a asked) *reply {
	s.t.Helper()
	return s.ask("", a)
}

// ask sends a request that works, and makes it the example of an operation.
func (s *tale) ask(operation string, a asked) *reply {
	s.t.Helper()
	r := s.do(a)
	if r.status >= 300 {
		s.t.Fatalf("%s %s %s: %d\n%s", a.method, a.path, a.body, r.status, r.text)
	}
	s.learn(r.body)
	e := example{Operation: operation, Method: a.method, Target: s.tame(a.path), Status: r.status, Headers: map[string]string{}}
	if token := strings.TrimPrefix(a.header.Get("Authorization"), "Bearer "); token != testToken {
		e.Token = s.tame(token)
	}
	for _, name := range []string{"If-Match", "Idempotency-Key"} {
		if v := a.header.Get(name); v != "" {
			e.Headers[name] = s.tame(v)
		}
	}
	if a.body != "" {
		e.Body = json.RawMessage(s.tame(a.body))
	}
	switch text := s.tame(strings.TrimSpace(r.text)); {
	case text == "":
	case strings.Contains(r.header.Get("Content-Type"), "json"):
		e.Answer = json.RawMessage(text)
	default:
		e.Answer, _ = json.Marshal(text) // a text always encodes
	}
	if operation != "" && slices.ContainsFunc(s.story, func(before example) bool { return before.Operation == operation }) {
		s.t.Fatalf("%s has two examples", operation)
	}
	s.story = append(s.story, e)
	return r
}

// learn finds the secrets in an answer and makes up what stands for them.
func (s *tale) learn(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			s.learn(item)
		}
	case obj:
		for name, value := range v {
			if text, ok := value.(string); ok && s.names[text] == "" {
				if public := s.secret(name, text); public != text {
					s.names[text] = public
				}
			}
			s.learn(value)
		}
	}
}

// secret is what stands for a value of a member that is made at random; the value
// itself for another member.
func (s *tale) secret(member, value string) string {
	switch member {
	case "token":
		return fmt.Sprintf("%s_%s%06d", strings.SplitN(value, "_", 2)[0], strings.Repeat("0", len(value)-10), s.next("secret"))
	case "authorization_key", "access_code":
		return regexp.MustCompile(`[A-Z0-9]{4}`).ReplaceAllStringFunc(value, func(string) string { return "X1Y2" })
	case "secret":
		return "whsec_" + strings.Repeat("0", len(value)-6)
	case "password":
		return "7m3k-q9xw-2zpa-r5tn-0hjc-8vbd"
	case "realm":
		label, suffix, _ := strings.Cut(value, ".")
		return fmt.Sprintf("%0*d.%s", len(label), s.next("realm"), suffix)
	}
	return value
}

func (s *tale) next(sort string) int {
	s.count[sort]++
	return s.count[sort]
}

// tamed begins every id of the story.
const tamed = "01JZ8Q4V5T3N6W7X8Y9Z0A"

var (
	randomID   = regexp.MustCompile(`\b[a-z]{2,4}_[0-9A-HJKMNP-TV-Z]{26}\b`)
	anyTime    = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	anyCursor  = regexp.MustCompile(`"next":"[A-Za-z0-9_-]+"`)
	hashed     = regexp.MustCompile(`\b\d{14,17}\b`) // the version of a configuration
	placeInLog = regexp.MustCompile(`\b\d{13}-(\d+)\b`)
)

// tame replaces what is different each time.
func (s *tale) tame(text string) string {
	for was, is := range s.names {
		text = strings.ReplaceAll(text, was, is)
	}
	text = randomID.ReplaceAllStringFunc(text, func(id string) string {
		if strings.Contains(id, tamed) {
			return id
		}
		if s.names[id] == "" {
			prefix, _, _ := strings.Cut(id, "_")
			s.names[id] = fmt.Sprintf("%s_%s%04d", prefix, tamed, s.next(prefix))
		}
		return s.names[id]
	})
	text = anyCursor.ReplaceAllString(text, `"next":"aHVGX2xpc3QtZ29lcy1vbg"`)
	text = hashed.ReplaceAllString(text, "5333237689816330")
	text = placeInLog.ReplaceAllString(text, fmt.Sprint(exampleStart.UnixMilli())+"-$1")
	return anyTime.ReplaceAllStringFunc(text, func(at string) string {
		t, err := time.Parse(time.RFC3339Nano, at)
		if since := t.Sub(s.start); err == nil && since >= 0 && since < 10*365*24*time.Hour {
			return exampleStart.Add(since.Truncate(5 * time.Minute)).Format(time.RFC3339)
		}
		return at
	})
}

// in is a moment that lies so far ahead of the story.
func (s *tale) in(d time.Duration) string { return s.start.Add(d).Format(time.RFC3339) }
