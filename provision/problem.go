package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/pbx-interlink/interlink/directory"
)

// Problem is an error answer (RFC 9457).
type Problem struct {
	Type      string        `json:"type" doc:"A reference to the code's description on the documentation page." example:"/docs#number_taken"`
	Title     string        `json:"title" doc:"The status in words." example:"Conflict"`
	Status    int           `json:"status" doc:"The HTTP status." example:"409"`
	Code      string        `json:"code" doc:"What went wrong; stable." example:"number_taken"`
	Detail    string        `json:"detail" doc:"One sentence for a person; not stable."`
	RequestID string        `json:"request_id" doc:"Ties the answer to the log and the audit entry."`
	Errors    []FieldError  `json:"errors,omitempty" nullable:"false" doc:"The members and parameters to blame."`
	Free      *FreeLines    `json:"free,omitempty" doc:"Of pool_exceeded, for those who may read the pool's limits: the lines that are not given out to others."`
	Bound     *ReachedBound `json:"bound,omitempty" doc:"Of bound_reached: what there can be no more of."`
	Deletes   *Wiped        `json:"deletes,omitempty" doc:"Of provider_change_confirm: what the change would delete."`

	headers http.Header
}

// FieldError blames one member of the body or one parameter.
type FieldError struct {
	Pointer   string `json:"pointer,omitempty" doc:"A JSON pointer (RFC 6901) into the body." example:"/number"`
	Parameter string `json:"parameter,omitempty" doc:"The query, path or header parameter." example:"limit"`
	Code      string `json:"code" doc:"What is wrong with it; stable." example:"number_taken"`
	Detail    string `json:"detail" doc:"One sentence for a person; not stable."`
}

// newProblem returns a problem that blames no field.
func newProblem(status int, code, detail string) *Problem {
	return &Problem{Type: "/docs#" + code, Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// with adds a header to the answer.
func (p *Problem) with(name, value string) *Problem {
	if p.headers == nil {
		p.headers = http.Header{}
	}
	p.headers.Set(name, value)
	return p
}

func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail) }

// GetStatus, GetHeaders and ContentType are what huma asks an error.
func (p *Problem) GetStatus() int            { return p.Status }
func (p *Problem) GetHeaders() http.Header   { return p.headers }
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// status is the one table from kinds of errors to HTTP.
func status(k directory.ErrorKind) int {
	switch k {
	case directory.KindInvalid:
		return http.StatusUnprocessableEntity
	case directory.KindNotFound:
		return http.StatusNotFound
	case directory.KindConflict:
		return http.StatusConflict
	case directory.KindStale:
		return http.StatusPreconditionFailed
	case directory.KindForbidden:
		return http.StatusForbidden
	case directory.KindUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// claimOf returns what sort of claim another object holds, or "" when the error
// is not about that.
func claimOf(err error) string {
	var e *directory.Error
	if !errors.As(err, &e) || e.Kind != directory.KindConflict {
		return ""
	}
	claim, _ := strings.CutSuffix(e.Code, "_taken")
	switch claim {
	case "number", "source", "pair", "realm", "key", "email", "provider", "plan":
		return claim
	}
	return ""
}

// taken turns the code of a claim that another object holds into the code and
// pointer of the API.
func taken(claim string) (code, pointer, detail string) {
	switch claim {
	case "number":
		return "number_taken", "/number", "The account has this number already."
	case "source":
		return "source_taken", "/source_addresses", "Another trunk sends from one of these addresses."
	case "pair":
		return "already_linked", "/authorization_key", "The two accounts are linked already."
	case "email":
		return "email_taken", "/email", "Another user has this email address."
	case "provider":
		return "provider_taken", "/name", "Another provider has this name."
	case "plan":
		return "plan_taken", "/name", "Another plan has this name."
	case "realm":
		return "realm_taken", "/realm", "Another account has this realm."
	}
	return "conflict", "", "Another object has this already."
}

// problem renders an error of a handler. What it does not know is a 500 without
// details, and a line in the log.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	var p *Problem
	var e *directory.Error
	switch {
	case errors.As(err, &p):
	case errors.As(err, &e):
		p = fromDirectory(e)
		if e.Err != nil && p.Status >= http.StatusInternalServerError {
			s.log.WarnContext(ctx, "request refused", slog.String("request_id", requestOf(ctx).id),
				slog.String("code", e.Code), slog.String("error", e.Err.Error()))
		}
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled):
		p = newProblem(http.StatusServiceUnavailable, "store_unavailable", "The store did not answer in time.")
	default:
		p = newProblem(http.StatusInternalServerError, "internal_error", "The server failed. The log has the request id.")
		s.log.ErrorContext(ctx, "request failed", slog.String("request_id", requestOf(ctx).id), slog.String("error", err.Error()))
	}
	if p.Status == http.StatusServiceUnavailable && p.headers.Get("Retry-After") == "" {
		p.with("Retry-After", "1")
	}
	p.RequestID = requestOf(ctx).id
	return p
}

func fromDirectory(e *directory.Error) *Problem {
	code, field, detail := e.Code, e.Field, e.Detail
	if claim := claimOf(e); claim != "" && field == "" {
		code, field, detail = taken(claim)
	}
	if e.Kind == directory.KindStale {
		detail = stale().Detail // the store names the object, which may be one above the account
	}
	if detail == "" {
		detail = http.StatusText(status(e.Kind)) + "."
	}
	p := newProblem(status(e.Kind), code, detail)
	if field != "" {
		p.Errors = []FieldError{{Pointer: field, Code: code, Detail: detail}}
	}
	return p
}

// badParameter blames a query, path or header parameter.
func badParameter(name, code, format string, args ...any) *Problem {
	p := newProblem(http.StatusUnprocessableEntity, code, fmt.Sprintf(format, args...))
	p.Errors = []FieldError{{Parameter: name, Code: code, Detail: p.Detail}}
	return p
}

// writeProblem answers outside of a handler.
func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	p.RequestID = requestOf(r.Context()).id
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	// The status is out; a client that went away cannot be told anything more.
	_ = json.NewEncoder(w).Encode(p)
}

// transform turns huma's own errors, which come of checking a request against
// its schema, into problems. It never repeats a value that was sent: it could
// be a secret.
func (s *Server) transform(ctx huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := newProblem(model.Status, "invalid", "The request does not have the form the documentation asks for.")
	switch model.Status {
	case http.StatusBadRequest:
		p.Code, p.Detail = "malformed_json", "The body is not the JSON it should be."
	case http.StatusUnsupportedMediaType:
		p.Code, p.Detail = "media_type_unsupported", "The body must be application/json."
	case http.StatusRequestTimeout:
		p.Code, p.Detail = "body_timeout", "The body did not arrive in time."
	case http.StatusInternalServerError:
		p.Code, p.Detail = "internal_error", "The server failed. The log has the request id."
	}
	if model.Status == http.StatusUnprocessableEntity {
		for _, d := range model.Errors {
			p.Errors = append(p.Errors, fieldError(d))
		}
		if len(p.Errors) > 0 {
			p.Code, p.Detail = p.Errors[0].Code, p.Errors[0].Detail
		}
	}
	p.Type, p.RequestID = "/docs#"+p.Code, requestOf(ctx.Context()).id
	return p, nil
}

// fieldError reads huma's "body.items[3].name" and its messages.
func fieldError(d *huma.ErrorDetail) FieldError {
	f := FieldError{Code: "invalid", Detail: sentence(d.Message)}
	in, name, _ := strings.Cut(d.Location, ".")
	if in == "body" {
		if name != "" {
			f.Pointer = "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(name)
		}
	} else {
		f.Parameter, _, _ = strings.Cut(name, "[")
	}
	missing := regexp.MustCompile(`^` + fmt.Sprintf(validation.MsgExpectedRequiredProperty, `(\S+)`) + `$`).FindStringSubmatch(d.Message)
	switch {
	case d.Message == validation.MsgUnexpectedProperty:
		f.Code, f.Detail = "unknown_field", "There is no such field here, or it is not available yet."
	case d.Message == "unknown query parameter":
		f.Code, f.Detail = "unknown_parameter", "There is no such query parameter here."
	case missing != nil:
		f.Pointer += "/" + missing[1]
		f.Code, f.Detail = "required", "The field is required."
	case f.Parameter == "cursor":
		f.Code = "cursor_invalid"
	case strings.HasPrefix(d.Message, "json: "):
		// The decoder's text names Go types; it is of no use to a client.
		f.Detail = "A value does not have the form the documentation asks for."
	}
	return f
}

func sentence(s string) string {
	if s == "" {
		return "The value is not acceptable."
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}
