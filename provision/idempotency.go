package provision

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

// maxIdempotencyKey bounds the header's length in octets.
const maxIdempotencyKey = 128

// kept is an answer as it is remembered. It can hold an authorization key.
type kept struct {
	Status int         `json:"status"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

// once answers a POST with an Idempotency-Key a second time without carrying it
// out a second time. An answer of success is remembered; a refusal changed
// nothing, so its key may be used again; after a failure (5xx) nobody knows
// whether the write happened, so the key stays taken until the store forgets it.
func (s *Server) once(w http.ResponseWriter, r *http.Request, next http.Handler) {
	key := r.Header.Get("Idempotency-Key")
	dry, _ := strconv.ParseBool(r.URL.Query().Get("dry_run")) // a wrong value is refused later
	if r.Method != http.MethodPost || key == "" || dry {
		next.ServeHTTP(w, r)
		return
	}
	if len(key) > maxIdempotencyKey || strings.ContainsFunc(key, func(c rune) bool { return c < 0x21 || c > 0x7e }) {
		s.writeProblem(w, r, badParameter("Idempotency-Key", "idempotency_key_invalid", "The key has 1 to %d visible ASCII characters.", maxIdempotencyKey))
		return
	}
	if s.cfg.Idempotency == nil {
		s.writeProblem(w, r, badParameter("Idempotency-Key", "idempotency_unavailable", "This gateway does not remember answers."))
		return
	}
	by := requestOf(r.Context()).principal
	bound := s.bounds[rememberedKind]
	k := directory.RequestKey{Owner: by.Account, Most: bound.Most, Scope: by.ID + " " + requestOf(r.Context()).route, Key: key}
	stored, err := s.cfg.Idempotency.Begin(r.Context(), k, fingerprint(r))
	if idempotencyFull(err) {
		err = bound.reached()
	}
	if err == nil && stored != nil {
		err = replay(w, stored)
		if err == nil {
			return
		}
	}
	if err != nil {
		s.writeProblem(w, r, s.problem(r.Context(), err))
		return
	}
	answer := &capture{header: w.Header()}
	finished := false
	defer func() {
		if !finished {
			s.log.WarnContext(r.Context(), "idempotency key left taken", slog.String("request_id", requestOf(r.Context()).id))
		}
	}()
	next.ServeHTTP(answer, r)
	finished = s.keep(r.Context(), k, answer)
	w.WriteHeader(answer.status)
	// Nothing can be done for a client that has gone away.
	_, _ = w.Write(answer.body.Bytes())
}

func idempotencyFull(err error) bool {
	var e *directory.Error
	return errors.As(err, &e) && e.Code == "idempotency_full"
}

// keep remembers the answer, and reports whether the key is settled.
func (s *Server) keep(ctx context.Context, k directory.RequestKey, answer *capture) bool {
	// The client may be gone; what was done stays done.
	ctx = context.WithoutCancel(ctx)
	var err error
	switch {
	case answer.status >= http.StatusInternalServerError:
		return false
	case answer.status >= http.StatusMultipleChoices:
		err = s.cfg.Idempotency.Abandon(ctx, k)
	default:
		var encoded []byte
		if encoded, err = answer.encode(); err == nil {
			err = s.cfg.Idempotency.Finish(ctx, k, encoded)
		}
	}
	if err != nil {
		s.log.WarnContext(ctx, "idempotency key not settled", slog.String("request_id", requestOf(ctx).id), slog.String("error", err.Error()))
	}
	return err == nil
}

// replay gives a remembered answer again.
func replay(w http.ResponseWriter, stored []byte) error {
	var k kept
	if err := json.Unmarshal(stored, &k); err != nil {
		return fmt.Errorf("provision: remembered answer: %w", err)
	}
	for name, values := range k.Header {
		w.Header()[name] = values
	}
	w.Header().Set("Idempotent-Replayed", "true")
	w.WriteHeader(k.Status)
	// Nothing can be done for a client that has gone away.
	_, _ = w.Write(k.Body)
	return nil
}

// fingerprint tells requests apart that carry the same key. checkBody has left
// the body readable again.
func fingerprint(r *http.Request) []byte {
	body, _ := io.ReadAll(r.Body) // a bytes.Reader: cannot fail
	r.Body = io.NopCloser(bytes.NewReader(body))
	h := sha256.New()
	fmt.Fprintf(h, "%s %s?%s\n", r.Method, r.URL.Path, r.URL.Query().Encode())
	h.Write(body)
	return h.Sum(nil)
}

// capture holds an answer back until it is remembered.
type capture struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (c *capture) Header() http.Header { return c.header }

func (c *capture) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
}

func (c *capture) Write(b []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	return c.body.Write(b)
}

// encode writes the answer the way replay reads it.
func (c *capture) encode() ([]byte, error) {
	k := kept{c.status, http.Header{}, c.body.Bytes()}
	for _, name := range []string{"Content-Type", "ETag", "Location"} {
		if v := c.header.Values(name); v != nil {
			k.Header[http.CanonicalHeaderKey(name)] = v
		}
	}
	encoded, err := json.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("provision: encode answer: %w", err)
	}
	return encoded, nil
}
