package provision

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/pbx-interlink/interlink/directory"
)

// request is what is known of a request beside its HTTP form.
type request struct {
	id        string
	started   time.Time
	method    string
	route     string // the route's template, never the raw path
	source    string // where it comes from
	principal principal
	// extend lets the answer take until a time, whatever the server's own bound.
	extend func(time.Time) error
}

type requestKey struct{}

// requestOf returns the request a context belongs to.
func requestOf(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{}
}

// actor is who goes into the audit entry of a write.
func actor(ctx context.Context) directory.Actor {
	r := requestOf(ctx)
	a := directory.Actor{Principal: r.principal.ID, RequestID: r.id, Action: r.method + " " + r.route}
	if r.principal.Actor != "" {
		a.Principal, a.Subject = r.principal.Actor, r.principal.Account
	}
	return a
}

const requestIDHeader = "X-Request-Id"

// unmatched is the route of requests for which there is none.
const unmatched = "unmatched"

// observe stands around everything: it gives the request its id, turns a panic
// into a 500, writes the access log and counts.
func (s *Server) observe(next http.Handler) http.Handler {
	wellFormed := regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req := &request{id: r.Header.Get(requestIDHeader), started: time.Now(), method: method(r.Method), route: unmatched, source: s.source(r)}
		if !wellFormed.MatchString(req.id) {
			req.id = s.ids.next("req_")
		}
		rec := &recorder{ResponseWriter: w}
		req.extend = http.NewResponseController(rec).SetWriteDeadline
		rec.Header().Set(requestIDHeader, req.id)
		rec.Header().Set("X-Content-Type-Options", "nosniff")
		rec.Header().Set("Cache-Control", "no-store")
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, req))
		defer s.finish(rec, r)
		next.ServeHTTP(rec, asGet(r))
	})
}

// asGet routes a HEAD like a GET; net/http keeps the content back (RFC 9110
// §9.3.2).
func asGet(r *http.Request) *http.Request {
	if r.Method != http.MethodHead {
		return r
	}
	get := r.WithContext(r.Context())
	get.Method = http.MethodGet
	return get
}

// finish is deferred by observe.
func (s *Server) finish(rec *recorder, r *http.Request) {
	req := requestOf(r.Context())
	if p := recover(); p != nil {
		s.log.ErrorContext(r.Context(), "request panicked", slog.String("request_id", req.id),
			slog.String("route", req.route), slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
		if rec.status == 0 {
			s.writeProblem(rec, r, newProblem(http.StatusInternalServerError, "internal_error", "The server failed. The log has the request id."))
		}
	}
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	took := time.Since(req.started)
	s.metrics.request(method(r.Method), req.route, rec.status, took)
	s.log.InfoContext(r.Context(), "request", slog.String("request_id", req.id), slog.String("method", method(r.Method)),
		slog.String("route", req.route), slog.Int("status", rec.status), slog.String("principal", req.principal.ID),
		slog.Duration("took", took), slog.Int64("bytes", rec.bytes))
}

// method bounds the values of a label and a log field that a client chooses.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// admit stands before every route: readiness, who is asking, the body's form,
// and an answer given before.
func (s *Server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req := requestOf(r.Context())
		route := mux.CurrentRoute(r)
		if route != nil {
			if t, err := route.GetPathTemplate(); err == nil {
				req.route = t
			}
		}
		if !strings.HasPrefix(r.URL.Path, "/v1/") {
			next.ServeHTTP(w, r)
			return
		}
		// Only JSON, whatever a client says it accepts: RFC 9110 §12.5.1 allows
		// it, and a client that reads nothing else must still get problems.
		r.Header.Del("Accept")
		if s.cfg.Ready != nil {
			if err := s.cfg.Ready(); err != nil {
				s.writeProblem(w, r, s.problem(r.Context(), &directory.Error{Kind: directory.KindUnavailable, Code: "not_ready", Detail: "The gateway is not ready yet.", Err: err}))
				return
			}
		}
		public := route != nil && openToAll(r.Method, req.route)
		var problem *Problem
		if !public {
			req.principal, problem = s.authenticate(r)
		}
		if late := s.rates.ration(req); late != nil {
			problem = late
		}
		if problem != nil {
			s.writeProblem(w, r, problem)
			return
		}
		if route == nil {
			next.ServeHTTP(w, r) // the path or the method is at fault, not the body
			return
		}
		problem = checkQuery(r)
		switch {
		case problem != nil:
		case s.bodiless(r.Method, req.route):
			problem = checkNoBody(w, r)
		default:
			problem = checkBody(w, r)
		}
		switch {
		case problem != nil:
			s.writeProblem(w, r, problem)
		case public:
			next.ServeHTTP(w, r) // whose answer would be remembered is not known
		default:
			s.once(w, r, next)
		}
	})
}

// openToAll is the rule for what needs no token: the login, which gives one. A
// path that was not found is none of them.
func openToAll(method, route string) bool {
	return method == http.MethodPost && route == loginPath
}

// bodiless reports whether a write takes no body at all.
func (s *Server) bodiless(method, route string) bool {
	item := s.api.OpenAPI().Paths[route]
	switch {
	case item == nil:
	case method == http.MethodPost:
		return item.Post != nil && item.Post.RequestBody == nil
	case method == http.MethodPut:
		return item.Put != nil && item.Put.RequestBody == nil
	}
	return false
}

func (s *Server) routeNotFound(w http.ResponseWriter, r *http.Request) {
	s.writeProblem(w, r, newProblem(http.StatusNotFound, "route_not_found", "There is nothing at this path."))
}

// methodNotAllowed names the methods there are (RFC 9110 §15.5.6); OPTIONS asks
// for just that (§9.3.7).
func (s *Server) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	var allow []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = m
		if match := (mux.RouteMatch{}); s.router.Match(other, &match) && match.MatchErr == nil && match.Route != nil {
			allow = append(allow, m)
			if m == http.MethodGet {
				allow = append(allow, http.MethodHead)
			}
		}
	}
	w.Header().Set("Allow", strings.Join(append(allow, http.MethodOptions), ", "))
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.writeProblem(w, r, newProblem(http.StatusMethodNotAllowed, "method_not_allowed", "This path does not serve that method."))
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
