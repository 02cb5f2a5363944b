package provision

import (
	"net/http"
	"net/url"
	"slices"
)

// checkQuery refuses a query that could be understood in two ways, before
// anything reads it: a broken escape, a parameter that stands twice, a switch
// without a value. A reader would drop these without a word, and a rehearsal
// would become a write.
func checkQuery(r *http.Request) *Problem {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return newProblem(http.StatusBadRequest, "query_malformed", "The query has a broken escape or a semicolon.")
	}
	for name, values := range query {
		switch {
		case len(values) > 1:
			return badParameter(name, "parameter_twice", "A query parameter stands twice.")
		case values[0] == "" && slices.Contains([]string{"dry_run", "cascade", "end_calls"}, name):
			return badParameter(name, "invalid", "%s is true or false.", name)
		}
	}
	return nil
}
