package provision

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pbx-interlink/interlink/directory"
)

// Features are the features of a request or an answer, by name. Requests are
// held to the list that features gives.
type Features map[string]directory.Visibility

// Schema names every feature there is, with the values it can have.
func (Features) Schema(huma.Registry) *huma.Schema {
	schema := &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: false, Properties: map[string]*huma.Schema{},
		Examples: []any{map[string]any{"contacts": string(directory.Partial), "reports": string(directory.Hidden)}},
	}
	for _, f := range features() {
		p := &huma.Schema{Type: huma.TypeString, Default: string(f.levels[0]), Description: f.tells}
		for _, level := range f.levels {
			p.Enum = append(p.Enum, string(level))
		}
		p.PrecomputeMessages()
		schema.Properties[f.name] = p
	}
	schema.PrecomputeMessages()
	return schema
}

// check refuses what is not in the list; base is the JSON pointer of the features
// in the body. The schema does, too, but for null.
func (f Features) check(base string) error {
	known := features()
	for _, name := range slices.Sorted(maps.Keys(f)) {
		i := slices.IndexFunc(known, func(k feature) bool { return k.name == name })
		if i < 0 {
			return directory.Invalid(base+"/"+name, "unknown_field", "There is no such feature.")
		}
		if !slices.Contains(known[i].levels, f[name]) {
			return directory.Invalid(base+"/"+name, "invalid", "The feature cannot have that value.")
		}
	}
	return nil
}

// wholeSet returns the features with those that are not named at their default.
func wholeSet(set directory.FeatureSet) directory.FeatureSet {
	all := directory.FeatureSet{}
	for _, f := range features() {
		all[f.name] = f.levels[0]
		if level, named := set[f.name]; named {
			all[f.name] = level
		}
	}
	return all
}

// PermissionSet is the published set, which is all a customer sees.
type PermissionSet struct {
	Features    Features   `json:"features" doc:"How much the customer sees of each feature."`
	PublishedAt *time.Time `json:"published_at" doc:"When it was published; null while the defaults hold."`
	Version     uint64     `json:"version" doc:"Counts what was published; the ETag. 0 while the defaults hold." example:"3"`
}

// PermissionEdition is a set that was published once.
type PermissionEdition struct {
	Version     uint64    `json:"version" doc:"Counts what was published, from 1." example:"3"`
	Features    Features  `json:"features" doc:"How much the customer saw of each feature."`
	PublishedAt time.Time `json:"published_at" doc:"When it was published."`
	By          string    `json:"by" doc:"Who published it." example:"user:usr_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
}

// PermissionDraft is what publishing would make the published set.
type PermissionDraft struct {
	Features  Features `json:"features" doc:"How much the customer would see of each feature."`
	Version   uint64   `json:"version" doc:"Counts the changes of the draft, publishing included; the ETag. 0 while it was never edited." example:"4"`
	Published uint64   `json:"published_version" doc:"The published set's version." example:"3"`
}

// NewPermissions is a set of features to be written.
type NewPermissions struct {
	Features Features `json:"features" doc:"Features that are not named get their default."`
}

// FeatureChange is a feature that publishing would change.
type FeatureChange struct {
	Feature string               `json:"feature" doc:"The feature's name." example:"reports"`
	From    directory.Visibility `json:"from" enum:"shown,partial,hidden" doc:"As it is published."`
	To      directory.Visibility `json:"to" enum:"shown,partial,hidden" doc:"As the draft has it."`
}

// PermissionDiff compares the draft with what is published.
type PermissionDiff struct {
	Changes []FeatureChange `json:"changes" nullable:"false" doc:"What publishing would change; empty when nothing."`
}

// permissions are an account's; an empty object stands for none.
func (s *Server) permissions(id directory.AccountID) *directory.Permissions {
	if p := directory.Find[*directory.Permissions](s.view, directory.KindPermissions, string(id)); p != nil {
		return p
	}
	return &directory.Permissions{Account: id}
}

// draft is what would be published: without one, what is.
func draft(p *directory.Permissions) directory.FeatureSet {
	if p.Draft == nil {
		return wholeSet(p.Published())
	}
	return wholeSet(p.Draft)
}

// published are the permissions of an account that is created with them; base is
// the JSON pointer of the object in the body.
func (n *NewPermissions) published(ctx context.Context, id directory.AccountID, base string) (*directory.Permissions, error) {
	if err := n.Features.check(base + "/features"); err != nil {
		return nil, err
	}
	p := &directory.Permissions{Account: id, Draft: wholeSet(directory.FeatureSet(n.Features))}
	return p.Publish(now(), actor(ctx).Principal), nil
}

// save is the change that writes permissions.
func save(before, after *directory.Permissions) directory.Change {
	if before.Version == 0 {
		return directory.Create(after)
	}
	return directory.Replace(before, after)
}

// editionID orders editions as text.
func editionID(n uint64) string { return fmt.Sprintf("%020d", n) }

func (s *Server) getPermissions(ctx context.Context, in *InAccount) (*Reading[PermissionSet], error) {
	a, err := s.account(ctx, in.Account, permissionsRead)
	if err != nil {
		return nil, err
	}
	return renderPublished(s.permissions(a.ID)), nil
}

func renderPublished(p *directory.Permissions) *Reading[PermissionSet] {
	e := p.Edition()
	return &Reading[PermissionSet]{ETag: etag(e.Number), Body: PermissionSet{
		Features: Features(wholeSet(e.Features)), PublishedAt: nullTime(e.PublishedAt), Version: e.Number,
	}}
}

func (s *Server) getDraft(ctx context.Context, in *InAccount) (*Reading[PermissionDraft], error) {
	a, err := s.account(ctx, in.Account, permissionsWrite)
	if err != nil {
		return nil, err
	}
	return renderDraft(s.permissions(a.ID)), nil
}

func renderDraft(p *directory.Permissions) *Reading[PermissionDraft] {
	return &Reading[PermissionDraft]{ETag: etag(p.Version), Body: PermissionDraft{
		Features: Features(draft(p)), Version: p.Version, Published: p.Edition().Number,
	}}
}

type putDraftInput struct {
	InAccount
	Precondition
	Rehearsal
	Body NewPermissions
}

func (s *Server) putDraft(ctx context.Context, in *putDraftInput) (*Reading[PermissionDraft], error) {
	var after *directory.Permissions
	err := s.retry(ctx, func() (error, error) {
		a, err := s.account(ctx, in.Account, permissionsWrite)
		if err != nil {
			return nil, err
		}
		before := s.permissions(a.ID)
		if err := in.check(before.Version); err != nil {
			return nil, err
		}
		if err := in.Body.Features.check("/features"); err != nil {
			return nil, err
		}
		next := *before
		next.Draft = wholeSet(directory.FeatureSet(in.Body.Features))
		change := save(before, &next)
		after = written[*directory.Permissions](change)
		return s.apply(ctx, in.Rehearsal, change), nil
	})
	if err != nil {
		return nil, err
	}
	return renderDraft(after), nil
}

type publishInput struct {
	InAccount
	Rehearsal
	Repeatable
	IfMatch string `header:"If-Match" doc:"The draft's ETag as the publisher knows it: 412 when it has changed. Without, the draft is published as it is."`
}

func (in *publishInput) given() bool { return Precondition{IfMatch: in.IfMatch}.given() }

// publishPermissions switches the customer to the draft in one write (SU2). A
// draft that says what is published already makes no new version.
func (s *Server) publishPermissions(ctx context.Context, in *publishInput) (*Reading[PermissionSet], error) {
	var after *directory.Permissions
	err := s.retry(ctx, func() (error, error) {
		a, err := s.account(ctx, in.Account, permissionsWrite)
		if err != nil {
			return nil, err
		}
		before := s.permissions(a.ID)
		if in.IfMatch != "" {
			if err := (Precondition{IfMatch: in.IfMatch}).check(before.Version); err != nil {
				return nil, err
			}
		}
		next := *before
		next.Draft = draft(before)
		if len(before.Editions) > 0 && maps.Equal(next.Draft, wholeSet(before.Published())) {
			after = before
			return nil, nil
		}
		change := save(before, next.Publish(now(), actor(ctx).Principal))
		after = written[*directory.Permissions](change)
		return s.apply(ctx, in.Rehearsal, change), nil
	})
	if err != nil {
		return nil, err
	}
	return renderPublished(after), nil
}

type listEditionsInput struct {
	InAccount
	Paging
}

// listEditions answers with what was published, the newest first.
func (s *Server) listEditions(ctx context.Context, in *listEditionsInput) (*Listing[PermissionEdition], error) {
	a, err := s.account(ctx, in.Account, permissionsWrite)
	if err != nil {
		return nil, err
	}
	list := "permission-versions " + string(a.ID)
	at, err := s.position(list, in.Cursor)
	if err != nil {
		return nil, err
	}
	page := &Listing[PermissionEdition]{Body: Page[PermissionEdition]{Items: []PermissionEdition{}}}
	last := ""
	for _, e := range slices.Backward(s.permissions(a.ID).Editions) {
		if id := editionID(e.Number); at.ID == "" || id < at.ID {
			if len(page.Body.Items) == in.Limit {
				page.Body.Next = s.cursor(list, position{ID: last})
				break
			}
			page.Body.Items = append(page.Body.Items, PermissionEdition{
				Version: e.Number, Features: Features(wholeSet(e.Features)), PublishedAt: e.PublishedAt.UTC(), By: e.By,
			})
			last = id
		}
	}
	return page, nil
}

func (s *Server) diffPermissions(ctx context.Context, in *InAccount) (*Reading[PermissionDiff], error) {
	a, err := s.account(ctx, in.Account, permissionsWrite)
	if err != nil {
		return nil, err
	}
	p := s.permissions(a.ID)
	from, to := wholeSet(p.Published()), draft(p)
	body := PermissionDiff{Changes: []FeatureChange{}}
	for _, f := range features() {
		if from[f.name] != to[f.name] {
			body.Changes = append(body.Changes, FeatureChange{Feature: f.name, From: from[f.name], To: to[f.name]})
		}
	}
	return &Reading[PermissionDiff]{ETag: etag(p.Version), Body: body}, nil
}
