package provision

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// maxBody is the largest body in octets.
	maxBody = 1 << 20
	// maxDepth is how deep arrays and objects of a body may be nested.
	maxDepth = 16
	// bodyTimeout is how long a body may take to arrive.
	bodyTimeout = 10 * time.Second
)

// checkBody reads the body of a write and refuses what two readers could
// understand in two ways, before anything is decoded: broken or deep JSON,
// trailing data, a member that stands twice, a member in other than lower case.
// The body can be read again afterwards.
func checkBody(w http.ResponseWriter, r *http.Request) *Problem {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
	default:
		return nil
	}
	if problem := checkMediaType(r); problem != nil {
		return problem
	}
	// A connection that cannot have a deadline is a test's; net/http's own
	// limits hold for the others.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		_ = control.SetReadDeadline(time.Time{})
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return newProblem(http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("A body has at most %d octets.", maxBody))
	case err != nil:
		// Else net/http would wait for the rest of the body before it answers.
		return newProblem(http.StatusBadRequest, "body_unreadable", "The body did not arrive whole and in time.").with("Connection", "close")
	case len(bytes.TrimSpace(body)) == 0:
		return newProblem(http.StatusBadRequest, "body_required", "The request needs a JSON body.")
	case !utf8.Valid(body):
		return newProblem(http.StatusBadRequest, "malformed_json", "The body is not valid UTF-8.")
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	return checkJSON(body)
}

// checkNoBody holds for a write that takes none: {} stands for nothing.
func checkNoBody(w http.ResponseWriter, r *http.Request) *Problem {
	const nothing = 16 // octets
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, nothing))
	if text := string(bytes.TrimSpace(body)); err != nil || text != "" && text != "{}" {
		return newProblem(http.StatusUnprocessableEntity, "body_unexpected", "The request takes no body.")
	}
	r.Body, r.ContentLength = http.NoBody, 0
	return nil
}

// checkMediaType accepts JSON, merge patches (RFC 7396) and no type at all.
func checkMediaType(r *http.Request) *Problem {
	value := r.Header.Get("Content-Type")
	if value == "" {
		return nil
	}
	media, _, err := mime.ParseMediaType(value)
	if err != nil || media != "application/json" && (media != "application/merge-patch+json" || r.Method != http.MethodPatch) {
		return newProblem(http.StatusUnsupportedMediaType, "media_type_unsupported", "The body must be application/json, and its Content-Type must say so.")
	}
	r.Header.Set("Content-Type", "application/json")
	return nil
}

func checkJSON(body []byte) *Problem {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	c := jsonCheck{d: d}
	err := c.value(0)
	if err == nil {
		if _, err = d.Token(); err == nil {
			err = errors.New("data follows the value")
		} else if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	var p *Problem
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		return p
	}
	return newProblem(http.StatusBadRequest, "malformed_json", fmt.Sprintf("The body is not one JSON value (octet %d).", d.InputOffset()))
}

// jsonCheck walks through JSON without building anything.
type jsonCheck struct {
	d    *json.Decoder
	path []string
}

func (c *jsonCheck) value(depth int) error {
	if depth > maxDepth {
		return newProblem(http.StatusBadRequest, "json_too_deep", fmt.Sprintf("The body is nested deeper than %d levels.", maxDepth))
	}
	t, err := c.d.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		return c.object(depth)
	case json.Delim('['):
		for i := 0; c.d.More(); i++ {
			c.path = append(c.path, fmt.Sprint(i))
			if err := c.value(depth + 1); err != nil {
				return err
			}
			c.path = c.path[:len(c.path)-1]
		}
		_, err = c.d.Token()
	}
	return err
}

func (c *jsonCheck) object(depth int) error {
	seen := map[string]bool{}
	for c.d.More() {
		t, err := c.d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		c.path = append(c.path, name)
		switch {
		case seen[name]:
			return c.blame(http.StatusBadRequest, "field_twice", "A field stands twice.")
		case strings.ContainsFunc(name, notInNames):
			// Decoding would take "NAME" for "name".
			return c.blame(http.StatusUnprocessableEntity, "unknown_field", "There is no such field here.")
		}
		seen[name] = true
		if err := c.value(depth + 1); err != nil {
			return err
		}
		c.path = c.path[:len(c.path)-1]
	}
	_, err := c.d.Token()
	return err
}

// notInNames: every field of the API is lower snake case.
func notInNames(r rune) bool {
	return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
}

// blame names the member the walk stands at (RFC 6901 §4 escapes), shortened.
func (c *jsonCheck) blame(status int, code, detail string) *Problem {
	var pointer strings.Builder
	for _, p := range c.path {
		if len(p) > 64 {
			p = strings.ToValidUTF8(p[:64], "")
		}
		pointer.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	p := newProblem(status, code, detail)
	p.Errors = []FieldError{{Pointer: pointer.String(), Code: code, Detail: detail}}
	return p
}
