package routing

import (
	"fmt"

	"github.com/pbx-interlink/interlink/directory"
)

func coveredBy(n directory.Match, dialled string) string {
	if p := n.Number.String(); p != dialled {
		return " (in " + p + ")"
	}
	return ""
}

func priority(l directory.Link) string {
	if l.Priority == 0 {
		return ", on a link without priority"
	}
	return fmt.Sprintf(", on a link with priority %d", l.Priority)
}

// add is for trails that are there: callers test for nil first, so that without
// one no argument is built.
func (t *Trail) add(step, result string, about directory.AccountID, format string, args ...any) {
	t.Steps = append(t.Steps, Step{Step: step, Result: result, Detail: fmt.Sprintf(format, args...), About: about})
}
