package provision

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/pbx-interlink/interlink/directory"
)

// trunkPlan is an account's trunks as they will be, by name.
type trunkPlan struct {
	server  *Server
	account directory.AccountID
	names   map[string]directory.TrunkID
}

// write lists the changes that make the account's trunks those given.
func (p *trunkPlan) write(want []NewTrunk, numbers *[]NumberEntry) ([]directory.Change, error) {
	have := map[string]*directory.Trunk{}
	for _, t := range p.server.view.Trunks(p.account) {
		if have[t.Name] != nil {
			return nil, directory.Conflict("", "name_twice", "Two of the account's trunks are called %q; rename one first.", t.Name)
		}
		have[t.Name] = t
	}
	p.names = map[string]directory.TrunkID{}
	var changes []directory.Change
	for i := range want {
		w := &want[i]
		base := fmt.Sprintf("/%d", i)
		if p.names[w.Name] != "" {
			return nil, directory.Invalid(base+"/name", "name_twice", "Two trunks have this name.")
		}
		before := have[w.Name]
		next := &directory.Trunk{ID: directory.TrunkID(p.server.ids.next("trk_")), Account: p.account, CreatedAt: now()}
		if before != nil {
			copied := *before
			next = &copied
		}
		if err := patchedTrunk(next, w.patch()); err != nil {
			return nil, under(base, err)
		}
		p.names[w.Name] = next.ID
		switch {
		case before == nil:
			changes = append(changes, directory.Create(next))
		case !reflect.DeepEqual(before, next):
			changes = append(changes, directory.Replace(before, next))
		}
		delete(have, w.Name)
	}
	for _, t := range p.server.view.Trunks(p.account) {
		if have[t.Name] == nil {
			continue
		}
		if n := p.server.numberOf(t); n != nil && numbers == nil {
			return nil, directory.Conflict("", "in_use", "The number %s goes to the trunk %s; move or delete it first.", n.Number, t.Name)
		}
		changes = append(changes, directory.Delete(t))
	}
	return changes, nil
}

func (s *Server) numberOf(t *directory.Trunk) *directory.InternalNumber {
	for _, n := range s.allNumbers(t.Account) {
		if n.Trunk == t.ID {
			return n
		}
	}
	return nil
}

// find returns the trunk that a number names, or "".
func (p *trunkPlan) find(name string) directory.TrunkID {
	if p.names != nil {
		if id := p.names[name]; id != "" || !slices.Contains(slices.Collect(maps.Values(p.names)), directory.TrunkID(name)) {
			return id
		}
		return directory.TrunkID(name)
	}
	var found directory.TrunkID
	for _, t := range p.server.view.Trunks(p.account) {
		switch {
		case string(t.ID) == name:
			return t.ID
		case t.Name == name && found != "":
			return "" // two of them
		case t.Name == name:
			found = t.ID
		}
	}
	return found
}

// numbersPart lists the changes that make the account's numbers those given.
func (s *Server) numbersPart(a directory.AccountID, want []NumberEntry, trunks *trunkPlan) ([]directory.Change, error) {
	have := map[directory.Pattern]*directory.InternalNumber{}
	for _, n := range s.allNumbers(a) {
		have[n.Number] = n
	}
	var changes []directory.Change
	seen := map[directory.Pattern]bool{}
	for i, w := range want {
		base := fmt.Sprintf("/%d", i)
		next := &directory.InternalNumber{ID: directory.NumberID(s.ids.next("num_")), Account: a, CreatedAt: now()}
		p := &NumberPatch{Number: To(w.Number), Label: To(w.Label), Trunk: To(trunks.find(w.Trunk)), User: To(w.User), Private: To(w.Private), Enabled: To(w.Enabled == nil || *w.Enabled)}
		pattern, err := directory.ParsePattern(w.Number)
		if err != nil {
			return nil, under(base, err)
		}
		before := have[pattern]
		if before != nil {
			copied := *before
			next = &copied
		}
		err = s.editedNumber(next, p)
		switch {
		case p.Trunk.Value == "":
			err = trunkUnknown()
		case seen[pattern]:
			err = directory.Invalid("/number", "number_taken", "The number stands twice.")
		}
		if err != nil {
			return nil, under(base, err)
		}
		seen[pattern] = true
		switch {
		case before == nil:
			changes = append(changes, directory.Create(next))
		case *before != *next:
			changes = append(changes, directory.Replace(before, next))
		}
	}
	for _, n := range s.allNumbers(a) {
		if !seen[n.Number] {
			changes = append(changes, directory.Delete(n))
		}
	}
	return changes, nil
}
