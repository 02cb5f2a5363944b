package provision

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// Redemption enters an authorization key.
type Redemption struct {
	Name string `json:"name" minLength:"1" maxLength:"128" doc:"This side's name for the connection." example:"Brown"`
	Key  string `json:"authorization_key" maxLength:"128" doc:"The key as the other side reads it; case, spaces and hyphens do not matter." example:"7M3K-Q9XW-2ZPA-R5TN-0HJC-8VBD-6YEF-4GSM"`
}

// Preview is what a key would link to.
type Preview struct {
	Peer       *Peer       `json:"peer" doc:"The account that generated the key."`
	Collisions []Collision `json:"collisions" nullable:"false" doc:"The numbers that the two dial plans would hide from each other, at most 1000."`
}

type redeemInput struct {
	InAccount
	Rehearsal
	Repeatable
	Body Redemption
}

// redeem makes a pending interlink active on both sides (IL2). A key that is
// wrong, spent, expired or deleted gets one and the same answer (IL3), and of
// two redemptions at the same moment the store lets one through: the loser
// finds the key spent.
func (s *Server) redeem(ctx context.Context, in *redeemInput) (*Creation[any], error) {
	a, err := s.account(ctx, in.Account, interlinksWrite)
	if err != nil {
		return nil, err
	}
	b := directory.Side{Account: a.ID, Name: in.Body.Name, Version: 1}
	if err := b.Validate(); err != nil {
		return nil, err
	}
	var out *Creation[any]
	err = s.guarded(ctx, a.ID, func() (err error) {
		out, err = s.redeemOnce(ctx, in.Body.Key, b, in.Rehearsal)
		return err
	})
	switch {
	case err != nil:
	case in.DryRun:
		s.metrics.redeem("preview")
	default:
		s.metrics.redeem("linked")
	}
	return out, err
}

// guarded tries a key or a code, unless too many failed from the account or the
// request's source address.
func (s *Server) guarded(ctx context.Context, id directory.AccountID, try func() error) error {
	source := requestOf(ctx).source
	if wait := s.redeems.begin(id, source); wait > 0 {
		s.metrics.redeem("throttled")
		p := newProblem(http.StatusTooManyRequests, "redeem_throttled", "Too many keys or codes failed; try again later.")
		return p.with("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	err := try()
	if err != nil {
		s.metrics.redeem("refused")
	}
	if !isKind(err, directory.KindNotFound) {
		s.redeems.succeed(id, source) // the key was there, or nobody could tell
	}
	return err
}

func (s *Server) redeemOnce(ctx context.Context, key string, b directory.Side, dry Rehearsal) (*Creation[any], error) {
	// The hash is computed for what cannot be a key, too: it takes as long.
	hash := s.secrets.keyHash(normalizeSecret(authorizationKey, key))
	var out *Creation[any]
	err := s.retry(ctx, func() (error, error) {
		before := s.view.InterlinkByKey(hash)
		if before == nil || !keyWorks(before, time.Now()) {
			return nil, keyUnknown()
		}
		if before.A.Account == b.Account {
			return nil, directory.Conflict("/authorization_key", "link_to_self", "An account cannot be linked to itself.")
		}
		if s.linked(before.A.Account, b.Account) {
			return nil, directory.Conflict("/authorization_key", "already_linked", "The two accounts are linked already.")
		}
		next := cloneInterlink(before)
		next.B, next.LinkedAt, next.ExpiresAt, next.Secret = &b, now(), time.Time{}, directory.InterlinkSecret{}
		next.A.Version++
		change := directory.Replace(before, next)
		if dry.DryRun {
			out = &Creation[any]{Status: http.StatusOK, Body: Preview{Peer: s.peer(before.A.Account), Collisions: s.collisions(b.Account, before.A.Account)}}
		} else {
			after := written[*directory.Interlink](change)
			var body any = s.renderInterlink(after, b.Account)
			out = created(dry, interlinkPath(b.Account, after.ID), b.Version, body)
		}
		return s.apply(ctx, dry, change), nil
	})
	if isKind(err, directory.KindNotFound) {
		err = keyUnknown() // deleted at this very moment
	}
	if err != nil {
		return nil, err
	}
	if !dry.DryRun {
		s.log.InfoContext(ctx, "interlink active", slog.String("request_id", requestOf(ctx).id), slog.String("account", string(b.Account)))
	}
	return out, nil
}

// keyUnknown is the one answer to every key that links nothing, mistyped ones
// included.
func keyUnknown() *directory.Error {
	return &directory.Error{Kind: directory.KindNotFound, Code: "key_unknown", Field: "/authorization_key", Detail: "This key links nothing."}
}

func (s *Server) linked(a, b directory.AccountID) bool {
	for _, l := range s.view.Interlinks(a) {
		if _, peer := l.Sides(a); peer != nil && peer.Account == b {
			return true
		}
	}
	return false
}
