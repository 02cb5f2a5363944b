package routing

import "github.com/pbx-interlink/interlink/directory"

// maxTold bounds the steps of one trail about members of a federation.
const maxTold = 20

// askFederation looks at the other members of the caller's federation. What it
// costs does not grow with their number: the directory finds those that have
// what is dialled.
func (s *search) askFederation() {
	s.federation = s.d.Fellows(s.caller.ID, s.digits, s.considerMember)
	if s.trail != nil && s.federation != nil && s.matches == 0 {
		s.trail.add("federation", "no_match", s.caller.ID, "No other member of %s offers a number that covers %q.", s.federation.Name, s.digits)
	}
}

// considerFellow takes one member's number into the choice. As with links, what
// a member does not offer leaves no step that the caller may read.
func (s *search) considerFellow(f directory.Fellow) bool {
	private, disabled := f.Match.Private, !f.Account.Enabled
	switch {
	case !private && !disabled:
		if s.matches++; s.matches == 1 {
			s.found, s.link = f.Match, directory.Link{Peer: f.Account.ID}
		}
	case !disabled && s.owner == "" && s.matches == 0:
		s.owner = f.Account.ID
	}
	// Private ones come last: they change nothing beside one that is not.
	more := s.matches < 2 && (!private || s.matches == 0 && s.owner == "")
	if s.trail == nil {
		return more
	}
	s.tellFellow(f)
	return more || s.told < maxTold
}

func (s *search) tellFellow(f directory.Fellow) {
	s.told++
	switch {
	case s.told > maxTold:
	case !f.Account.Enabled:
		s.trail.add("federation", "disabled", f.Account.ID, "%s is disabled and receives no calls.", f.Account.Name)
	case f.Match.Private:
		s.trail.add("federation", "private", f.Account.ID, "%s is private%s: it rings for %s only.", s.digits, coveredBy(f.Match, s.digits), f.Account.Name)
	default:
		s.trail.add("federation", "match", s.caller.ID, "%s has %s.", f.Account.Name, s.digits)
	}
}

// severalFellows ends the search where more than one member has the number.
func (s *search) severalFellows() Decision {
	if s.trail != nil {
		s.trail.add("choose", "refuse", s.caller.ID, "Several members of %s have %s and nothing decides between them.", s.federation.Name, s.digits)
	}
	return Decision{Reason: AmbiguousNumber}
}
