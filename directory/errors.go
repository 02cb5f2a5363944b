package directory

import (
	"fmt"
	"strings"
)

// ErrorKind says what sort of failure an Error is. provision/problem.go is the
// one table that turns a kind into an HTTP status.
type ErrorKind uint8

const (
	// KindInvalid: a field has a value that is never acceptable.
	KindInvalid ErrorKind = iota + 1
	// KindNotFound: the object named does not exist, or the asker may not know.
	KindNotFound
	// KindConflict: the value is fine, but not beside what is already there.
	KindConflict
	// KindStale: the object changed since the version the writer named.
	KindStale
	// KindForbidden: known, but not allowed.
	KindForbidden
	// KindUnavailable: the store did not answer in time.
	KindUnavailable
)

// Error is the error the directory, the store and the API speak to each other.
type Error struct {
	Kind ErrorKind
	// Code is stable and documented, lower snake case, for example
	// "number_taken".
	Code string
	// Field is a JSON pointer into the written object, for example "/name".
	// Empty when no single field is to blame.
	Field string
	// Detail is one sentence for a person.
	Detail string
	// Err is the cause, for logs only; it never reaches a client.
	Err error
}

func (e *Error) Error() string {
	s := e.Code
	if e.Field != "" {
		s += " " + e.Field
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Invalid returns a KindInvalid error that names the field.
func Invalid(field, code, format string, args ...any) *Error {
	return &Error{Kind: KindInvalid, Code: code, Field: field, Detail: fmt.Sprintf(format, args...)}
}

// Conflict returns a KindConflict error.
func Conflict(field, code, format string, args ...any) *Error {
	return &Error{Kind: KindConflict, Code: code, Field: field, Detail: fmt.Sprintf(format, args...)}
}

// NotFound returns a KindNotFound error for the object ref names.
func NotFound(kind Kind) *Error {
	return &Error{Kind: KindNotFound, Code: "not_found", Detail: "There is no such " + string(kind) + "."}
}

// Taken returns the conflict of a write that claims what another object holds:
// its code is the claim's first part and "_taken", for example "realm_taken".
func Taken(claim string) *Error {
	what, _, _ := strings.Cut(claim, ":")
	return Conflict("", what+"_taken", "Another object has the same %s.", what)
}

// Missing returns the conflict of a write that needs an object that does not
// exist.
func Missing(r Ref) *Error {
	return Conflict("", "missing_required", "The %s %s does not exist.", r.Kind, r.ID)
}
