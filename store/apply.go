package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// plan is what apply.lua reads.
type plan struct {
	Kinds   []directory.Kind `json:"kinds"`
	Changes []planned        `json:"changes"`
}

type planned struct {
	Ref    string `json:"ref"`
	Expect uint64 `json:"expect"`
	// Demand: nothing is written, only Expect must hold.
	Demand bool `json:"demand,omitempty"`
	// Value is empty for a delete.
	Value       string   `json:"value,omitempty"`
	Claims      []string `json:"claims,omitempty"`
	OldClaims   []string `json:"old_claims,omitempty"`
	Requires    []string `json:"requires,omitempty"`
	OldRequires []string `json:"old_requires,omitempty"`
}

// entryDelta is one object in a change stream entry.
type entryDelta struct {
	Kind directory.Kind `json:"kind"`
	ID   string         `json:"id"`
	// After is absent for a delete.
	After json.RawMessage `json:"after,omitempty"`
}

// Apply carries out changes, all or none, and returns once this node's view has
// them. Its errors are *directory.Error:
//
//   - KindStale "stale": an object is not at the version the change expects;
//   - KindNotFound: the object to be replaced or deleted does not exist;
//   - KindConflict "<first part of the claim>_taken", "in_use" (something still
//     requires what is to be deleted), "missing_required" (what an object
//     requires does not exist);
//   - KindUnavailable: Redis did not answer; the changes may have been made.
func (s *Store) Apply(ctx context.Context, actor directory.Actor, changes ...directory.Change) error {
	if len(changes) == 0 {
		return nil
	}
	if s.watch.loads.Load() == 0 {
		// What the writer read lacks keys, and may be old.
		return unavailable(errors.New("the directory has not come from Redis yet"))
	}
	w, err := s.newWrite(actor, changes)
	if err != nil {
		return err
	}
	// A caller who goes away does not leave a write half known.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), applyTimeout)
	defer cancel()
	billed, err := s.condemn(ctx, changes)
	if err != nil {
		return unavailable(err)
	}
	done := s.metrics.roundTrip("apply")
	var out outcome
	if s.embedded != nil {
		// One writer at a time: the journal has the order of the entries.
		out, err = s.embedded.keep(w.entry, func() (outcome, error) { return s.runApply(ctx, w) })
	} else {
		out, err = s.runApply(ctx, w)
	}
	done()
	if err != nil {
		return err
	}
	s.showCaps(ctx, changes)
	s.bury(ctx, changes, billed)
	if err := s.view.WaitFor(ctx, out.seq); err != nil {
		return unavailable(fmt.Errorf("written as %d, not seen back: %w", out.seq, err))
	}
	return nil
}

// applyTimeout bounds a write; a cascade over a large account takes a while.
const applyTimeout = 15 * time.Second

// write is a list of changes made ready for the script.
type write struct {
	changes     []directory.Change
	plan, entry string
	audit       auditText
}

// outcome is what a script did: the entry's number and time (ms) in the change
// stream, 0 for a note, and the entry of the audit trail.
type outcome struct {
	seq  uint64
	ms   int64
	line auditLine
}

func (s *Store) newWrite(actor directory.Actor, changes []directory.Change) (*write, error) {
	p := plan{Kinds: directory.Kinds()}
	var deltas []entryDelta
	audit := auditData{Actor: actor}
	paths := s.view.Concerned(changes)
	seen := map[directory.Ref]bool{}
	for i, c := range changes {
		ref := c.Ref()
		if seen[ref] {
			return nil, directory.Invalid("", "change_repeated", "A list of changes names the %s %s twice.", ref.Kind, ref.ID)
		}
		seen[ref] = true
		one := planned{Ref: refText(ref), Expect: c.Expect(), Demand: c.Demand()}
		if c.Demand() {
			p.Changes = append(p.Changes, one)
			continue
		}
		delta := entryDelta{Kind: ref.Kind, ID: ref.ID}
		if c.Before != nil {
			one.OldClaims, one.OldRequires = c.Before.Claims(), refTexts(c.Before.Requires())
		}
		if after := c.Written(); after != nil {
			value, err := json.Marshal(after)
			if err != nil {
				return nil, fmt.Errorf("store: %s %s does not encode: %w", ref.Kind, ref.ID, err)
			}
			one.Value, one.Claims, one.Requires = objectValue(after.ObjectVersion(), value), after.Claims(), refTexts(after.Requires())
			delta.After = value
		}
		trace, err := auditChangeOf(c, paths[i])
		if err != nil {
			return nil, err
		}
		p.Changes = append(p.Changes, one)
		deltas = append(deltas, delta)
		audit.Changes = append(audit.Changes, trace)
	}
	return s.encode(&write{changes: changes}, p, deltas, audit)
}

// encode puts the parts of a write into words.
func (s *Store) encode(w *write, p plan, deltas []entryDelta, audit auditData) (*write, error) {
	planText, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("store: a change does not encode: %w", err)
	}
	entryText, err := json.Marshal(deltas)
	if err != nil {
		return nil, fmt.Errorf("store: a change does not encode: %w", err)
	}
	w.plan, w.entry = string(planText), string(entryText)
	w.audit, err = s.trailKeys.text(audit)
	return w, err
}

// runApply runs the script.
func (s *Store) runApply(ctx context.Context, w *write) (out outcome, err error) {
	reply, err := s.scripts.apply.run(ctx, s.client, applyKeys(), w.plan, w.entry,
		w.audit.data, w.audit.mac, w.audit.accounts, s.cfg.ChangesKept, s.cfg.AuditKept).Slice()
	if err != nil {
		return out, unavailable(err)
	}
	verdict, _ := reply[0].(string)
	n, _ := reply[1].(int64)
	if verdict == "ok" && len(reply) == 4 {
		entry, _ := reply[3].([]any)
		out.seq = uint64(n)
		out.ms, _ = reply[2].(int64)
		out.line, err = w.audit.line(out.seq, entry)
		return out, err
	}
	if n < 1 || int(n) > len(w.changes) {
		return out, unavailable(fmt.Errorf("apply answered %v", reply))
	}
	detail := ""
	if len(reply) > 2 {
		detail, _ = reply[2].(string)
	}
	return out, applyError(verdict, w.changes[n-1].Ref(), detail)
}

func applyKeys() []string {
	keys := []string{keySeq, keyChanges, keyAudit, keyClaims, keyDependents, keyChain, keyTrailOf}
	for _, k := range directory.Kinds() {
		keys = append(keys, keyObjects(k))
	}
	return keys
}

// applyError puts a refusal of apply.lua into words.
func applyError(verdict string, ref directory.Ref, detail string) error {
	switch verdict {
	case "stale":
		return &directory.Error{Kind: directory.KindStale, Code: "stale", Detail: fmt.Sprintf("The %s %s was changed in the meantime.", ref.Kind, ref.ID)}
	case "gone":
		return directory.NotFound(ref.Kind)
	case "taken":
		return directory.Taken(detail)
	case "missing":
		kind, id, _ := strings.Cut(detail, ":")
		return directory.Missing(directory.Ref{Kind: directory.Kind(kind), ID: id})
	case "in_use":
		return directory.Conflict("", "in_use", "Other objects still need the %s %s.", ref.Kind, ref.ID)
	}
	return unavailable(fmt.Errorf("apply answered %q", verdict))
}

// capsKept is how long the ledger remembers the caps it was shown. The nodes'
// views catch up within a fraction of a second; this is for one that stands still.
const capsKept = 24 * 60 * 60 * 1000 // ms

// showCaps lets limits hold on every node before the write is answered. A
// failure is logged only: the views bring the limits a moment later.
func (s *Store) showCaps(ctx context.Context, changes []directory.Change) {
	for _, c := range changes {
		if c.Ref().Kind != directory.KindLimits || c.Demand() {
			continue
		}
		account := directory.AccountID(c.Ref().ID)
		var err error
		if l, ok := c.Written().(*directory.Limits); ok {
			err = s.scripts.caps.run(ctx, s.client, []string{s.keys.limits(account)},
				l.Version, l.Inbound, l.Outbound, l.TwoWay, l.Burst, l.MaxOutbound, capsKept).Err()
		} else {
			err = s.client.Del(ctx, s.keys.limits(account)).Err()
		}
		if err != nil {
			s.log.Warn("the ledger was not shown new limits; nodes apply them as their views follow", "account", account, "err", err)
		}
	}
}

func refText(r directory.Ref) string { return string(r.Kind) + ":" + r.ID }

// refTexts leaves out repetitions: one object depends once on another.
func refTexts(refs []directory.Ref) []string {
	out := make([]string, 0, len(refs))
	for _, r := range refs {
		if t := refText(r); !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// objectValue is how the hash of a kind holds an object.
func objectValue(version uint64, body []byte) string {
	return strconv.FormatUint(version, 10) + " " + string(body)
}
