package provision

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// How many requests are answered when nothing else is configured: so many a
// second of one principal, and of one source that is nobody; rateBurst seconds'
// worth of them at once.
const (
	defaultRate   = 1000
	anonymousRate = 50
	rateBurst     = 10
)

// rates bound what one principal, or one source without a valid token, can ask
// of this node.
type rates struct{ principals, sources *attempts }

func newRates(perSecond int) rates {
	of := func(n int) *attempts { return newAttempts(n*rateBurst, time.Second/time.Duration(n)) }
	return rates{of(perSecond), of(anonymousRate)}
}

// ration counts a request of somebody known, or else of where it comes from.
func (r rates) ration(req *request) *Problem {
	if req.principal.ID != "" {
		return tooMany(r.principals, req.principal.ID)
	}
	return tooMany(r.sources, req.source)
}

func tooMany(a *attempts, key string) *Problem {
	wait := a.begin(key, time.Now())
	if wait == 0 {
		return nil
	}
	p := newProblem(http.StatusTooManyRequests, "rate_limited", "Too many requests; try again later.")
	return p.with("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
}
