package provision

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// Trail keeps who did what. Writes are put down by Repository.Apply itself.
type Trail interface {
	// Note puts down an act that changes nothing in the directory.
	Note(ctx context.Context, actor directory.Actor, note directory.Note) error
	// AuditEntries returns up to q.Limit entries; fewer when there are no more.
	AuditEntries(ctx context.Context, q directory.AuditQuery) ([]directory.AuditEntry, error)
	// AuditEnd returns the number of the oldest entry kept and the place of the
	// newest.
	AuditEnd(ctx context.Context) (oldest uint64, newest directory.AuditPosition, err error)
	// VerifyAudit checks the whole trail.
	VerifyAudit(ctx context.Context) (directory.AuditReport, error)
}

// note puts an act of the request's principal into the audit trail.
func (s *Server) note(ctx context.Context, n directory.Note) error {
	return s.cfg.Trail.Note(ctx, actor(ctx), n)
}

// Refused logins are put down so many times at once and then one each while, of
// one address and of all together: nobody fills the trail by guessing.
const (
	refusedBurst, refusedEvery       = 5, time.Minute
	refusedAllBurst, refusedAllEvery = 100, time.Second
)

// noteRefused puts a refused login down; u is nil for an address nobody has.
// Known and unknown addresses take as long.
func (s *Server) noteRefused(ctx context.Context, email string, u *directory.User) {
	at := time.Now()
	if s.refused.begin(email, at) > 0 || s.refusedAll.begin("", at) > 0 {
		return
	}
	n := directory.Note{Object: "user:unknown", Outcome: "refused"}
	if u != nil {
		n.Object, n.Accounts = userPrincipal(u.ID), []directory.AccountID{u.Account}
	}
	by := actor(ctx)
	by.Principal = "anonymous"
	if err := s.cfg.Trail.Note(ctx, by, n); err != nil {
		s.log.WarnContext(ctx, "a refused login was not put down", slog.String("request_id", requestOf(ctx).id), slog.String("error", err.Error()))
	}
}

// Bounds of a question to the trail.
const (
	// auditScan is how many entries are looked at for one answer, auditChunk how
	// many are read at a time.
	auditScan  = 2000
	auditChunk = 250
	// auditChanges is how many changes of one write are shown.
	auditChanges = 200
)

// AuditEntry is one thing that was done.
type AuditEntry struct {
	Number    uint64               `json:"number" doc:"Counts all entries from 1; a reader sees gaps where it may not see." example:"4711"`
	At        time.Time            `json:"at" doc:"When it was done, by the store's clock."`
	Actor     string               `json:"actor" doc:"The principal that did it." example:"user:usr_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Subject   *directory.AccountID `json:"subject" doc:"The account acted as; null where the actor acted for itself."`
	Action    string               `json:"action" doc:"The request's method and route." example:"POST /v1/accounts/{account}/trunks"`
	RequestID string               `json:"request_id" doc:"Ties the entry to the answer and the log." example:"req_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Outcome   string               `json:"outcome" doc:"done; asked where something else than the directory had to act; refused for a failed login." example:"done"`
	Object    *string              `json:"object" doc:"What it was done to, where no object was changed; else null." example:"call:call_4b1f0d6c2a9e8d7753c0ffee12345678"`
	Changes   []AuditChange        `json:"changes" nullable:"false" doc:"What was changed, as far as the reader may see it."`
	Omitted   int                  `json:"omitted" doc:"How many further changes the write made that the answer has no room for." example:"0"`
}

// AuditChange is one object that was written, without secrets.
type AuditChange struct {
	Kind    directory.Kind       `json:"kind" doc:"The sort of object." example:"trunk"`
	ID      string               `json:"id" doc:"The object's id." example:"trk_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Account *directory.AccountID `json:"account" doc:"The account it concerns; null: the platform."`
	Action  string               `json:"action" enum:"created,changed,deleted" doc:"What became of it."`
	Before  map[string]any       `json:"before" nullable:"true" doc:"What it was, as it is kept; null where it was created."`
	After   map[string]any       `json:"after" nullable:"true" doc:"What it is; null where it was deleted."`
}

type listAuditInput struct {
	Account directory.AccountID `query:"account" maxLength:"64" doc:"Only what concerns this account or one below it; without, all that the token may see."`
	Actor   string              `query:"actor" maxLength:"128" doc:"Only what this principal did." example:"staff:admin"`
	Action  string              `query:"action" maxLength:"128" doc:"Only this method and route." example:"DELETE /v1/accounts/{account}"`
	From    time.Time           `query:"from" doc:"Only what was done then or later." example:"2026-05-01T00:00:00Z"`
	To      time.Time           `query:"to" doc:"Only what was done before." example:"2026-06-01T00:00:00Z"`
	Paging
}

// listAudit looks at a bounded number of entries: where few of many are asked
// for, an answer may have less than its limit and still a next.
func (s *Server) listAudit(ctx context.Context, in *listAuditInput) (*Listing[AuditEntry], error) {
	v, err := s.sight(ctx, in.Account, auditRead)
	if err != nil {
		return nil, err
	}
	list := strings.Join([]string{"audit", string(v.account), in.Actor, in.Action, in.From.Format(time.RFC3339Nano), in.To.Format(time.RFC3339Nano)}, "\x00")
	at, err := s.position(list, in.Cursor)
	if err != nil {
		return nil, err
	}
	q := directory.AuditQuery{Account: v.account, From: in.From, To: in.To, Beyond: auditPosition(at.ID), Limit: min(in.Limit+1, auditChunk)}
	if in.Actor != "" || in.Action != "" {
		q.Limit = auditChunk
	}
	page := &Listing[AuditEntry]{Body: Page[AuditEntry]{Items: []AuditEntry{}}}
	last := q.Beyond
	for scanned := 0; scanned < auditScan; {
		entries, err := s.cfg.Trail.AuditEntries(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			q.Beyond = e.AuditPosition
			scanned++
			shown, ok := v.entry(e)
			if !ok || in.Actor != "" && shown.Actor != in.Actor || in.Action != "" && shown.Action != in.Action {
				last = q.Beyond
				continue
			}
			if len(page.Body.Items) == in.Limit {
				page.Body.Next = s.cursor(list, position{ID: eventID(last)})
				return page, nil
			}
			page.Body.Items = append(page.Body.Items, shown)
			last = q.Beyond
		}
		if len(entries) < q.Limit {
			return page, nil
		}
	}
	page.Body.Next = s.cursor(list, position{ID: eventID(last)})
	return page, nil
}

// eventID is a place in the trail as cursors and events name it.
func eventID(p directory.AuditPosition) string { return fmt.Sprintf("%d-%d", p.Ms, p.Number) }

// auditPosition reads what eventID wrote; the zero position for anything else.
func auditPosition(id string) (p directory.AuditPosition) {
	ms, number, ok := strings.Cut(id, "-")
	if !ok || len(id) > 40 {
		return p
	}
	m, err := strconv.ParseInt(ms, 10, 64)
	n, err2 := strconv.ParseUint(number, 10, 64)
	if err != nil || err2 != nil || m < 0 {
		return p
	}
	return directory.AuditPosition{Ms: m, Number: n}
}

// AuditReport is what came of checking the trail.
type AuditReport struct {
	Intact  bool    `json:"intact" doc:"No entry was changed, moved or taken out, and none forged."`
	Entries int     `json:"entries" doc:"How many entries were checked." example:"4711"`
	First   uint64  `json:"first" doc:"The number of the oldest entry kept." example:"1"`
	Last    uint64  `json:"last" doc:"The number of the newest entry." example:"4711"`
	Sealed  uint64  `json:"sealed" doc:"The number of the newest entry up to which a node vouches for the trail with the cluster's key." example:"4711"`
	Broken  *uint64 `json:"broken" doc:"The number of the first entry that is not what was written; null when intact."`
	Reason  *string `json:"reason" doc:"What is wrong with it; null when intact."`
}

// verifyTime is how long checking the trail may take: a million entries take
// half a minute on a slow machine.
const verifyTime = 3 * time.Minute

// verifyAudit checks the whole trail, which takes a while when it is long.
func (s *Server) verifyAudit(ctx context.Context, _ *struct{}) (*Reading[AuditReport], error) {
	if p := requestOf(ctx).principal; p.Kind != staff || !s.mayNow(ctx, auditRead, "") {
		return nil, forbidden()
	}
	if extend := requestOf(ctx).extend; extend != nil {
		// A writer without deadlines needs none.
		_ = extend(time.Now().Add(verifyTime))
	}
	ctx, cancel := context.WithTimeout(ctx, verifyTime)
	defer cancel()
	r, err := s.cfg.Trail.VerifyAudit(ctx)
	if err != nil {
		return nil, err
	}
	return &Reading[AuditReport]{Body: AuditReport{
		Intact: r.Broken == 0, Entries: r.Entries, First: r.First, Last: r.Last, Sealed: r.Sealed,
		Broken: nullable(r.Broken), Reason: nullable(r.Reason),
	}}, nil
}
