package provision

import (
	"slices"

	"github.com/pbx-interlink/interlink/directory"
)

// maxCollisions bounds a report.
const maxCollisions = 1000

// Collision is a number that both accounts have, so that each side's own hides
// the other's.
type Collision struct {
	Number string `json:"number" doc:"The numbers concerned: the smaller of the two."`
	Ours   string `json:"ours" doc:"The redeeming account's number or block."`
	Theirs string `json:"theirs" doc:"The other account's number or block."`
}

// collisions reports what two dial plans would hide from each other (IL9). A
// private number of theirs stays unknown; one of ours hides theirs from us all
// the same.
func (s *Server) collisions(ours, theirs directory.AccountID) []Collision {
	out := []Collision{}
	colliding(s.enabledNumbers(ours, true), s.enabledNumbers(theirs, false), func(o, t *directory.InternalNumber) bool {
		out = append(out, collision(o, t))
		return len(out) < maxCollisions
	})
	return out
}

// enabledNumbers returns an account's numbers that calls can reach, with the
// private ones or without.
func (s *Server) enabledNumbers(id directory.AccountID, private bool) []*directory.InternalNumber {
	return slices.DeleteFunc(s.allNumbers(id), func(n *directory.InternalNumber) bool { return !n.Enabled || n.Private && !private })
}

// colliding calls yield for the pairs of numbers that overlap, until it returns
// false.
func colliding(ours, theirs []*directory.InternalNumber, yield func(ours, theirs *directory.InternalNumber) bool) {
	singles := map[directory.Pattern]*directory.InternalNumber{}
	var blocks []*directory.InternalNumber
	for _, n := range ours {
		if n.Number.Single() {
			singles[n.Number] = n
		} else {
			blocks = append(blocks, n)
		}
	}
	for _, t := range theirs {
		against := ours
		if t.Number.Single() {
			// Most numbers are single ones: no need to compare all with all.
			against = blocks
			if o := singles[t.Number]; o != nil && !yield(o, t) {
				return
			}
		}
		for _, o := range against {
			if o.Number.Overlaps(t.Number) && !yield(o, t) {
				return
			}
		}
	}
}

func collision(ours, theirs *directory.InternalNumber) Collision {
	c := Collision{Number: ours.Number.String(), Ours: ours.Number.String(), Theirs: theirs.Number.String()}
	if theirs.Number.Size() < ours.Number.Size() {
		c.Number = c.Theirs
	}
	return c
}
