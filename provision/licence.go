package provision

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// Licence is one addition to what an account may talk. It is never changed nor
// taken away (SU5).
type Licence struct {
	ID           directory.LicenceID `json:"id" doc:"The licence's id." example:"lic_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	ValidFrom    time.Time           `json:"valid_from" doc:"It holds from then on."`
	ValidUntil   time.Time           `json:"valid_until" doc:"It holds until before then."`
	FreeMinutes  int64               `json:"free_minutes" doc:"Used first." example:"1000"`
	AddonMinutes int64               `json:"addon_minutes" doc:"Used when no free ones are left." example:"200"`
	UsedMinutes  int64               `json:"used_minutes" doc:"What calls to other accounts have talked of it, begun minutes counted whole." example:"310"`
	Remarks      *string             `json:"remarks,omitempty" doc:"Internal; absent for the customer."`
	Version      uint64              `json:"version" doc:"The ETag; a licence never changes." example:"1"`
	CreatedAt    time.Time           `json:"created_at" doc:"When it was added."`
}

// NewLicence adds a licence.
type NewLicence struct {
	ValidFrom    time.Time `json:"valid_from" doc:"The licence holds from then on." example:"2026-01-01T00:00:00Z"`
	ValidUntil   time.Time `json:"valid_until" doc:"It holds until before then." example:"2027-01-01T00:00:00Z"`
	FreeMinutes  int64     `json:"free_minutes" minimum:"0" maximum:"1000000000" doc:"Used first; never negative." example:"1000"`
	AddonMinutes int64     `json:"addon_minutes,omitempty" minimum:"0" maximum:"1000000000" default:"0" doc:"Used when no free ones are left; never negative." example:"200"`
	Remarks      string    `json:"remarks,omitempty" maxLength:"1024" doc:"Internal; the customer never reads them." example:"Order 4711"`
}

// CurrentLicence is what an account's licences allow now, all that hold taken
// together: one more never makes it less.
type CurrentLicence struct {
	Valid        bool                  `json:"valid" doc:"Whether a licence holds now."`
	ValidFrom    *time.Time            `json:"valid_from" doc:"Since when one of those that hold has held; null when none does."`
	ValidUntil   *time.Time            `json:"valid_until" doc:"Until before when the last of those that hold does; null when none does."`
	FreeMinutes  int64                 `json:"free_minutes" doc:"The free minutes of all that hold." example:"1000"`
	AddonMinutes int64                 `json:"addon_minutes" doc:"The add-on minutes of all that hold." example:"200"`
	UsedMinutes  int64                 `json:"used_minutes" doc:"What has been used of all that hold." example:"310"`
	FreeLeft     int64                 `json:"free_minutes_left" doc:"The free minutes that are left." example:"690"`
	AddonLeft    int64                 `json:"addon_minutes_left" doc:"The add-on minutes that are left." example:"200"`
	Licences     []directory.LicenceID `json:"licences" nullable:"false" doc:"Those that hold, in the order in which they end."`
}

type createLicenceInput struct {
	InAccount
	Rehearsal
	Repeatable
	Body NewLicence
}

func (s *Server) createLicence(ctx context.Context, in *createLicenceInput) (*Creation[Licence], error) {
	a, err := s.account(ctx, in.Account, licencesWrite)
	if err != nil {
		return nil, err
	}
	l := &directory.Licence{
		ID: directory.LicenceID(s.ids.next("lic_")), Account: a.ID, ValidFrom: in.Body.ValidFrom.UTC(), ValidUntil: in.Body.ValidUntil.UTC(),
		FreeMinutes: in.Body.FreeMinutes, AddonMinutes: in.Body.AddonMinutes, Remarks: in.Body.Remarks,
		By: requestOf(ctx).principal.ID, CreatedAt: now(),
	}
	if err := l.Validate(); err != nil {
		return nil, err
	}
	if !l.ValidUntil.After(now()) {
		return nil, directory.Invalid("/valid_until", "licence_over", "The licence would be over already.")
	}
	change := directory.Create(l)
	if err := s.apply(ctx, in.Rehearsal, change); err != nil {
		return nil, err
	}
	l = written[*directory.Licence](change)
	return created(in.Rehearsal, accountURL(a.ID)+"/licences/"+string(l.ID), l.Version, s.renderLicence(ctx, l, 0)), nil
}

type listLicencesInput struct {
	InAccount
	Paging
	Sort []string `query:"sort" maxItems:"4" enum:"id,-id,valid_from,-valid_from,valid_until,-valid_until,free_minutes,-free_minutes,addon_minutes,-addon_minutes,used_minutes,-used_minutes,remarks,-remarks,version,-version,created_at,-created_at" doc:"Columns in order of weight, - for descending; the order of their addition without. remarks only for those who read them."`
}

func (s *Server) listLicences(ctx context.Context, in *listLicencesInput) (*Listing[Licence], error) {
	a, err := s.account(ctx, in.Account, licencesRead)
	if err != nil {
		return nil, err
	}
	internal := slices.ContainsFunc(in.Sort, func(key string) bool { return strings.TrimPrefix(key, "-") == "remarks" })
	if internal && !s.mayNow(ctx, remarksRead, a.ID) {
		return nil, badParameter("sort", "invalid", "There is no such column.")
	}
	list := fmt.Sprintf("licences %s sort=%v", a.ID, in.Sort)
	at, err := s.position(list, in.Cursor)
	if err != nil {
		return nil, err
	}
	used, err := s.calls.Talked(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	licences := directory.List[*directory.Licence](s.view, directory.KindLicence, a.ID)
	slices.SortStableFunc(licences, func(x, y *directory.Licence) int { return compareLicences(in.Sort, used, x, y) })
	page := &Listing[Licence]{Body: Page[Licence]{Items: []Licence{}}}
	// None is ever deleted: the one the cursor names is there.
	first := 1 + slices.IndexFunc(licences, func(l *directory.Licence) bool { return string(l.ID) == at.ID })
	for _, l := range licences[first:] {
		if len(page.Body.Items) == in.Limit {
			page.Body.Next = s.cursor(list, at)
			break
		}
		page.Body.Items = append(page.Body.Items, s.renderLicence(ctx, l, used[l.ID]))
		at.ID = string(l.ID)
	}
	return page, nil
}

// compareLicences compares column by column.
func compareLicences(sort []string, used map[directory.LicenceID]int64, x, y *directory.Licence) int {
	for _, key := range sort {
		column, down := strings.CutPrefix(key, "-")
		c := 0
		switch column {
		case "id":
			c = cmp.Compare(x.ID, y.ID)
		case "valid_from":
			c = x.ValidFrom.Compare(y.ValidFrom)
		case "valid_until":
			c = x.ValidUntil.Compare(y.ValidUntil)
		case "free_minutes":
			c = cmp.Compare(x.FreeMinutes, y.FreeMinutes)
		case "addon_minutes":
			c = cmp.Compare(x.AddonMinutes, y.AddonMinutes)
		case "used_minutes":
			c = cmp.Compare(used[x.ID], used[y.ID])
		case "version":
			c = cmp.Compare(x.Version, y.Version)
		case "remarks":
			c = cmp.Compare(x.Remarks, y.Remarks)
		case "created_at":
			c = cmp.Or(x.CreatedAt.Compare(y.CreatedAt), cmp.Compare(x.ID, y.ID))
		}
		if c != 0 && down {
			return -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

type getLicenceInput struct {
	InAccount
	Licence directory.LicenceID `path:"licence" maxLength:"64" doc:"The licence's id."`
}

func (s *Server) getLicence(ctx context.Context, in *getLicenceInput) (*Reading[Licence], error) {
	a, err := s.account(ctx, in.Account, licencesRead)
	if err != nil {
		return nil, err
	}
	l := directory.Find[*directory.Licence](s.view, directory.KindLicence, string(in.Licence))
	if l == nil || l.Account != a.ID {
		return nil, directory.NotFound(directory.KindLicence)
	}
	used, err := s.calls.Talked(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	return &Reading[Licence]{ETag: etag(l.Version), Body: s.renderLicence(ctx, l, used[l.ID])}, nil
}

type currentLicenceInput struct{ InAccount }

func (s *Server) currentLicence(ctx context.Context, in *currentLicenceInput) (*Reading[CurrentLicence], error) {
	a, err := s.account(ctx, in.Account, licencesRead)
	if err != nil {
		return nil, err
	}
	used, err := s.calls.Talked(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	out := CurrentLicence{Licences: []directory.LicenceID{}}
	for _, l := range s.view.LicencesAt(a.ID, time.Now()) {
		if !out.Valid || l.ValidFrom.Before(*out.ValidFrom) {
			out.ValidFrom = nullTime(l.ValidFrom)
		}
		out.Valid, out.ValidUntil = true, nullTime(l.ValidUntil)
		out.FreeMinutes += l.FreeMinutes
		out.AddonMinutes += l.AddonMinutes
		out.UsedMinutes += used[l.ID]
		// Free minutes are used first, then add-on minutes.
		out.FreeLeft += max(0, l.FreeMinutes-used[l.ID])
		out.AddonLeft += min(l.AddonMinutes, max(0, l.FreeMinutes+l.AddonMinutes-used[l.ID]))
		out.Licences = append(out.Licences, l.ID)
	}
	return &Reading[CurrentLicence]{Body: out}, nil
}

func (s *Server) renderLicence(ctx context.Context, l *directory.Licence, used int64) Licence {
	out := Licence{
		ID: l.ID, ValidFrom: l.ValidFrom.UTC(), ValidUntil: l.ValidUntil.UTC(),
		FreeMinutes: l.FreeMinutes, AddonMinutes: l.AddonMinutes, UsedMinutes: used, Version: l.Version, CreatedAt: l.CreatedAt.UTC(),
	}
	if s.mayNow(ctx, remarksRead, l.Account) {
		out.Remarks = &l.Remarks
	}
	return out
}
