package routing

import (
	"net/netip"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

// MaxDialled is the longest user part, in octets, that is looked up at all. No
// number is nearly as long; the bound keeps the price of a hostile one down.
const MaxDialled = 64

// Router decides what becomes of calls. It keeps nothing between decisions but
// spare memory, and is safe for concurrent use.
type Router struct {
	d Directory
	// spare holds searches not in use, so that a decision allocates nothing.
	spare chan *search
}

// maxSpare is more than the goroutines that decide at one time, one per core;
// beyond it a decision allocates.
const maxSpare = 256

// NewRouter returns a router that decides by what d says at each question.
func NewRouter(d Directory) *Router {
	return &Router{d: d, spare: make(chan *search, maxSpare)}
}

// Caller tells whose PBX sends from an address. A trunk with AccountDisabled is
// a known caller who may not call (AC5). SourceUnknown comes without a trunk: no
// trunk sends from there, or none that belongs to anybody any more.
func (r *Router) Caller(src netip.AddrPort) (*directory.Trunk, Reason) {
	trunk := r.d.TrunkBySource(src)
	if trunk == nil {
		return nil, SourceUnknown
	}
	account := r.d.Account(trunk.Account)
	switch {
	case account == nil:
		return nil, SourceUnknown
	case !account.Enabled:
		return trunk, AccountDisabled
	}
	return trunk, None
}

// Route decides one call. It asks the directory and nothing else, changes
// nothing and allocates nothing when trail is nil. The rules, in this order:
//
//  1. The caller's account is there and enabled.
//  2. A number of the caller's own, private or not (DI1, IN3).
//  3. The number dialled is not of a class that the account, or one above it, is
//     denied (LI8): Restricted. Calls inside the account are never restricted.
//  4. The dial prefix of one of the caller's links: the longest that fits, then
//     that link's peer only, with the digits after the prefix (DI3, IL8), which
//     rule 3 holds for, too: a prefix is no way around it.
//  5. All active links: enabled numbers, not private, of enabled accounts (DI2).
//     One is taken; of several the one with the lowest explicit priority, if it
//     is the only one with it (DI3).
//  6. Where no link's peer offers the number, and no dial prefix was used: the
//     other members of the caller's federation, with the same rules (FE4, DI2).
//     Several that have it are ambiguous: a federation knows no priorities.
//
// A private number that nothing else outdoes is NumberNotFound, reached by the
// same steps as for a number that does not exist (IN4); only Hidden and Owner
// tell.
func (r *Router) Route(c Call, trail *Trail) Decision {
	caller := r.d.Account(c.Caller)
	if caller == nil || !caller.Enabled {
		if trail != nil {
			trail.add("caller", "disabled", c.Caller, "The calling account is disabled.")
		}
		return Decision{Reason: AccountDisabled}
	}
	if trail != nil {
		trail.add("caller", "match", c.Caller, "%s is enabled.", caller.Name)
	}
	if c.Dialled == "" || len(c.Dialled) > MaxDialled {
		if trail != nil {
			trail.add("local", "no_match", c.Caller, "No number is empty or longer than %d characters.", MaxDialled)
		}
		return Decision{Reason: NumberNotFound}
	}
	s := r.take()
	s.begin(caller, c.Dialled, trail)
	d := s.decide()
	r.putBack(s)
	return d
}

func (r *Router) take() *search {
	select {
	case s := <-r.spare:
		return s
	default:
		return newSearch(r.d)
	}
}

// putBack keeps a search for later, without what belongs to others.
func (r *Router) putBack(s *search) {
	s.begin(nil, "", nil)
	select {
	case r.spare <- s:
	default:
	}
}

// search is one decision on its way.
type search struct {
	d      Directory
	caller *directory.Account
	trail  *Trail
	// digits is what is looked for: the number dialled, without the prefix once
	// one fits.
	digits string
	// prefix is the longest dial prefix of the caller's links that fits.
	prefix string
	// found is the best match so far and link the link it came by; matches
	// counts all, equals those of the best's priority.
	found           directory.Match
	link            directory.Link
	matches, equals int
	// owner has a private number of these digits; empty for nobody.
	owner directory.AccountID
	// seen counts the links considered.
	seen int
	// federation is the caller's, once it was asked.
	federation *directory.Federation
	// told counts the steps about fellow members.
	told int
	// The methods as values, bound once, for Directory.Links and Fellows.
	findPrefix, consider func(directory.Link) bool
	considerMember       func(directory.Fellow) bool
}

func newSearch(d Directory) *search {
	s := &search{d: d}
	s.findPrefix, s.consider, s.considerMember = s.findPrefixOf, s.considerLink, s.considerFellow
	return s
}

func (s *search) begin(caller *directory.Account, dialled string, trail *Trail) {
	s.caller, s.digits, s.trail = caller, dialled, trail
	s.prefix, s.owner = "", ""
	s.found, s.link = directory.Match{}, directory.Link{}
	s.matches, s.equals, s.seen = 0, 0, 0
	s.federation, s.told = nil, 0
}

func (s *search) decide() Decision {
	if n, ok := s.d.Number(s.caller.ID, s.digits); ok {
		if s.trail != nil {
			s.trail.add("local", "match", s.caller.ID, "%s is %s's own number%s; the local number wins.", s.digits, s.caller.Name, coveredBy(n, s.digits))
		}
		return s.routeTo(n, directory.Link{Peer: s.caller.ID})
	}
	if s.trail != nil {
		s.trail.add("local", "no_match", s.caller.ID, "%s has no enabled number that covers %q.", s.caller.Name, s.digits)
	}
	if s.denied() {
		return Decision{Reason: Restricted}
	}
	s.d.Links(s.caller.ID, s.findPrefix)
	if s.prefix != "" {
		s.digits = s.digits[len(s.prefix):]
		if s.trail != nil {
			s.trail.add("prefix", "match", s.caller.ID, "%s is a dial prefix; what is looked for behind it is %q.", s.prefix, s.digits)
		}
		if s.denied() {
			return Decision{Reason: Restricted}
		}
	}
	s.d.Links(s.caller.ID, s.consider)
	if s.matches == 0 && s.prefix == "" {
		s.askFederation()
	}
	return s.choose()
}

// denied reports whether the caller must not dial the digits. Who above the
// caller denies them is told to those who see that account.
func (s *search) denied() bool {
	class, by := s.d.Denied(s.caller.ID, s.digits)
	if class == "" {
		return false
	}
	if s.trail != nil {
		s.trail.add("restriction", "refuse", s.caller.ID, "%q is of the class %s, which is denied to %s.", s.digits, class, s.caller.Name)
		if by != s.caller.ID {
			s.trail.add("restriction", "refuse", by, "The class %s is denied by the restrictions of %s.", class, s.name(by))
		}
	}
	return true
}

// findPrefixOf keeps the longest dial prefix that fits and leaves digits over.
func (s *search) findPrefixOf(l directory.Link) bool {
	if len(l.Prefix) > len(s.prefix) && len(l.Prefix) < len(s.digits) && strings.HasPrefix(s.digits, l.Prefix) {
		s.prefix = l.Prefix
	}
	return true
}

// considerLink looks at one link's peer. Whatever the peer does not offer –
// because it is not there, private or of a disabled account – leaves the same
// step for the caller to read; the truth is a further step about the peer.
func (s *search) considerLink(l directory.Link) bool {
	if s.prefix != "" && l.Prefix != s.prefix {
		return true
	}
	s.seen++
	n, found := s.d.Number(l.Peer, s.digits)
	peer := s.d.Account(l.Peer)
	enabled := peer != nil && peer.Enabled
	if found && enabled && !n.Private {
		s.match(n, l)
		return true
	}
	hidden := found && enabled
	if hidden && s.owner == "" {
		s.owner = l.Peer
	}
	if s.trail != nil {
		s.trail.add("link", "no_match", s.caller.ID, "%s offers no number that covers %q.", s.name(l.Peer), s.digits)
		switch {
		case hidden:
			s.trail.add("link", "private", l.Peer, "%s is private%s: it rings for %s only.", s.digits, coveredBy(n, s.digits), peer.Name)
		case !enabled:
			s.trail.add("link", "disabled", l.Peer, "%s is disabled and receives no calls.", s.name(l.Peer))
		}
	}
	return true
}

// match takes one more number into the choice.
func (s *search) match(n directory.Match, l directory.Link) {
	if s.trail != nil {
		s.trail.add("link", "match", s.caller.ID, "%s has %s%s.", s.name(l.Peer), s.digits, priority(l))
	}
	s.matches++
	switch {
	case s.matches == 1 || before(l, s.link):
		s.found, s.link, s.equals = n, l, 1
	case !before(s.link, l):
		s.equals++
	}
}

// before reports whether a's priority beats b's: an explicit one beats none, a
// lower one a higher.
func before(a, b directory.Link) bool {
	if a.Priority == 0 || b.Priority == 0 {
		return a.Priority != 0 && b.Priority == 0
	}
	return a.Priority < b.Priority
}

func (s *search) choose() Decision {
	switch {
	case s.matches == 0:
		return s.notFound()
	case s.matches == 1:
		return s.routeTo(s.found, s.link)
	case s.federation != nil:
		return s.severalFellows()
	case s.link.Priority == 0 || s.equals > 1:
		if s.trail != nil {
			s.trail.add("choose", "refuse", s.caller.ID, "%d linked accounts have %s and no priority decides.", s.matches, s.digits)
		}
		return Decision{Reason: AmbiguousNumber}
	}
	if s.trail != nil {
		s.trail.add("choose", "chosen", s.caller.ID, "%s wins with priority %d.", s.name(s.link.Peer), s.link.Priority)
	}
	return s.routeTo(s.found, s.link)
}

func (s *search) notFound() Decision {
	if s.trail != nil && s.seen == 0 && s.federation == nil {
		s.trail.add("link", "no_match", s.caller.ID, "%s has no active interlink to look at.", s.caller.Name)
	}
	d := Decision{Reason: NumberNotFound}
	if s.owner != "" {
		d.Hidden, d.Owner = NumberPrivate, s.owner
	}
	return d
}

// routeTo ends the search at a number. Its trunk exists as long as the number
// does, but the directory may have moved on since the number was read.
func (s *search) routeTo(n directory.Match, l directory.Link) Decision {
	trunk := s.d.Trunk(n.Trunk)
	if trunk == nil {
		if s.trail != nil {
			s.trail.add("trunk", "refuse", l.Peer, "The number's trunk %s does not exist any more.", n.Trunk)
		}
		return Decision{Reason: NumberNotFound}
	}
	user := n.User
	if user == "" {
		user = s.digits
	}
	if s.trail != nil {
		s.trail.add("trunk", "chosen", l.Peer, "The call goes to %q over trunk %s.", user, trunk.Name)
	}
	r := Route{
		Caller: s.caller.ID, Callee: l.Peer,
		Number: n.ID, Interlink: l.ID, Trunk: trunk, User: user,
	}
	if s.federation != nil {
		r.Federation = s.federation.ID
	}
	return Decision{Route: r}
}

// name is what a person calls an account.
func (s *search) name(id directory.AccountID) string {
	if a := s.d.Account(id); a != nil {
		return a.Name
	}
	return string(id)
}
