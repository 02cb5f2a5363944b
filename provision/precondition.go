package provision

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// InAccount is the account a path names.
type InAccount struct {
	Account directory.AccountID `path:"account" maxLength:"64" doc:"The account's id."`
}

// Precondition guards a write against what the writer has not seen.
type Precondition struct {
	IfMatch string `header:"If-Match" doc:"The ETag of the object as the writer knows it, or * for whatever it is now. Required; 428 without, 412 when the object has changed."`
}

// Rehearsal asks what a write would do.
type Rehearsal struct {
	DryRun bool `query:"dry_run" doc:"Answer what would happen and write nothing."`
}

// Repeatable lets a POST be sent again safely.
type Repeatable struct {
	Key string `header:"Idempotency-Key" maxLength:"128" doc:"Sent again with the same key and body, the request gets the same answer and is not carried out again. Another body gets 422, a request that still runs 409."`
}

func etag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// check holds a version against the header (RFC 9110 §13.1.1). "*" fits any
// object that exists. Weak tags never match: the comparison is strong.
func (p Precondition) check(version uint64) error {
	if strings.TrimSpace(p.IfMatch) == "" {
		return newProblem(http.StatusPreconditionRequired, "precondition_required", "The write needs an If-Match header with the object's ETag.")
	}
	for _, tag := range strings.Split(p.IfMatch, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || tag == etag(version) {
			return nil
		}
	}
	return stale()
}

// given reports whether the writer has named a version.
func (p Precondition) given() bool { return strings.TrimSpace(p.IfMatch) != "" }

// unguarded is the error of a write that named no version and was overtaken over
// and over: there is no precondition to be stale.
func unguarded(in any, err error) error {
	if p, ok := in.(interface{ given() bool }); isKind(err, directory.KindStale) && (!ok || !p.given()) {
		return directory.Conflict("", "conflict", "Others changed the same at the same time; send the request again.")
	}
	return err
}

func stale() *directory.Error {
	return &directory.Error{Kind: directory.KindStale, Code: "stale", Detail: "The object has changed since the version named; read it again."}
}

// apply writes the changes, or checks them against the view in a dry run.
func (s *Server) apply(ctx context.Context, dry Rehearsal, changes ...directory.Change) error {
	return s.applyAs(ctx, actor(ctx), dry, changes...)
}

const (
	// maxAttempts bounds how often a write is tried that others overtook.
	maxAttempts = 8
	// catchUp is how long a retry waits for the view to show what overtook it.
	catchUp = 250 * time.Millisecond
)

// retry repeats attempt while it fails because an object it read was changed
// meanwhile. attempt reads the view anew each time and so finds out whether its
// caller's own precondition still holds; an error of that is final, as it does
// not come from the store.
func (s *Server) retry(ctx context.Context, attempt func() (applied error, final error)) error {
	for n := 1; ; n++ {
		seq, _ := s.view.Seq()
		applied, final := attempt()
		if final != nil {
			return final
		}
		if !isKind(applied, directory.KindStale) || n == maxAttempts {
			return applied
		}
		// Another node's write may still be on its way to this view.
		wait, cancel := context.WithTimeout(ctx, catchUp)
		err := s.view.WaitFor(wait, seq+1)
		cancel()
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func isKind(err error, k directory.ErrorKind) bool {
	var e *directory.Error
	return errors.As(err, &e) && e.Kind == k
}

// notYet refuses a value that stands in the API's contract but belongs to what
// the gateway cannot do yet.
func notYet(pointer, value string) *directory.Error {
	return directory.Invalid(pointer, "not_available", "%s is not available yet.", value)
}

// written is an object with the version it is, or would be, written as.
func written[T directory.Object](c directory.Change) T { return c.Written().(T) }

// nullable is a pointer for a value that is shown as null when it is zero.
func nullable[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
