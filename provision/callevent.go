package provision

import (
	"context"
	"maps"
	"slices"

	"github.com/pbx-interlink/interlink/directory"
)

// CallEvent is something that happened to a live call, as an account sees it.
type CallEvent struct {
	Account directory.AccountID `json:"account"`
	Call    LiveCall            `json:"call"`
}

// CallSnapshot is the first event of a stream that follows calls.
type CallSnapshot struct {
	Calls []CallEvent `json:"calls"`
}

// streamedCall is a call as it was told last.
type streamedCall struct{ CallEvent }

// liveCalls reads the calls of the accounts a stream follows; false when the
// store does not answer.
func (l *listener) liveCalls(ctx context.Context) (map[string]streamedCall, bool) {
	now := map[string]streamedCall{}
	for _, id := range l.accounts {
		if !l.server.may(l.sight.reader, callsRead, id) {
			continue
		}
		calls, err := l.server.calls.LiveCalls(ctx, id, maxLiveCalls)
		if err != nil {
			return nil, false
		}
		for _, c := range calls {
			now[string(id)+" "+callID(c.Lease)] = streamedCall{CallEvent{id, l.server.renderCall(id, c)}}
		}
	}
	return now, true
}

// snapshot tells the calls that are up.
func (l *listener) snapshot(ctx context.Context) {
	now, _ := l.liveCalls(ctx)
	list := []CallEvent{}
	for _, key := range slices.Sorted(maps.Keys(now)) {
		list = append(list, now[key].CallEvent)
	}
	l.calls = now
	l.tell("call.snapshot", "", CallSnapshot{list})
}

// compare tells what has become of calls since they were looked at last. A call
// that came and went in between is not told; the call log has it.
func (l *listener) compare(ctx context.Context) error {
	now, ok := l.liveCalls(ctx)
	if !ok {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(now)) {
		before, known := l.calls[key]
		call := now[key]
		if !known {
			l.tell("call.started", "", call.CallEvent)
		}
		if call.Call.State == "confirmed" && (!known || before.Call.State != "confirmed") {
			l.tell("call.answered", "", call.CallEvent)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(l.calls)) {
		if _, still := now[key]; !still {
			l.tell("call.ended", "", l.calls[key].CallEvent)
		}
	}
	l.calls = now
	if l.out.Buffered() == 0 {
		return nil
	}
	return l.flush("")
}
