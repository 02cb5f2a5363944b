package provision

import "github.com/pbx-interlink/interlink/directory"

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
	singles := map[string]*directory.InternalNumber{}
	var mine, blocks []*directory.InternalNumber
	for _, n := range s.allNumbers(ours) {
		switch {
		case !n.Enabled:
			continue
		case n.Number.Single():
			singles[n.Number.String()] = n
		default:
			blocks = append(blocks, n)
		}
		mine = append(mine, n)
	}
	out := []Collision{}
	for _, t := range s.allNumbers(theirs) {
		if !t.Enabled || t.Private {
			continue
		}
		against := mine
		if t.Number.Single() {
			// Most numbers are single ones: no need to compare all with all.
			against = blocks
			if o := singles[t.Number.String()]; o != nil {
				out = append(out, collision(o, t))
			}
		}
		for _, o := range against {
			if o.Number.Overlaps(t.Number) {
				out = append(out, collision(o, t))
			}
			if len(out) >= maxCollisions {
				return out[:maxCollisions]
			}
		}
	}
	return out
}

func collision(ours, theirs *directory.InternalNumber) Collision {
	c := Collision{Number: ours.Number.String(), Ours: ours.Number.String(), Theirs: theirs.Number.String()}
	if theirs.Number.Size() < ours.Number.Size() {
		c.Number = c.Theirs
	}
	return c
}
