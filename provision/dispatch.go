package provision

import (
	"context"
	"log/slog"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// Courier keeps what nodes must know of each other about deliveries to webhooks.
type Courier interface {
	// Lead makes this process the one that delivers, for some seconds, or keeps
	// it so. The term tells leaders apart; 0 while another leads.
	Lead(ctx context.Context) (term uint64, err error)
	// Delivered returns how far a webhook's deliveries have come.
	Delivered(ctx context.Context, id directory.WebhookID) (directory.DeliveryState, error)
	// Deliver notes how far they have come, and an attempt where there was one;
	// KindStale when another process leads by now.
	Deliver(ctx context.Context, term uint64, id directory.WebhookID, state directory.DeliveryState, attempt *directory.Delivery) error
	// Deliveries returns the last attempts, the newest first.
	Deliveries(ctx context.Context, id directory.WebhookID) ([]directory.Delivery, error)
}

const (
	// leadEvery is how often a node asks to lead, or to go on leading.
	leadEvery = 3 * time.Second
	// couriers is how many webhooks are posted to at a time, ownCouriers how many
	// of one account's, slowCouriers how many whose receiver failed the last time
	// or took its time: who answers at once does not wait for who does not.
	couriers, ownCouriers, slowCouriers = 64, 4, 32
	// stumble is how long a webhook waits whose store failed.
	stumble = 2 * time.Second
)

// dispatch delivers to webhooks while this node leads, until ctx is done. Another
// node takes over within seconds of one that dies, and goes on where it was; what
// was under way is posted again.
func (s *Server) dispatch(ctx context.Context) {
	ask := time.NewTimer(0)
	defer ask.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ask.C:
		}
		if term, err := s.cfg.Courier.Lead(ctx); err == nil && term > 0 {
			newDispatcher(s, term).run(ctx)
		}
		ask.Reset(leadEvery)
	}
}

// dispatcher hands webhooks that have something to be told to deliver. One
// goroutine owns it.
type dispatcher struct {
	server *Server
	term   uint64
	// at is the entry of the trail up to which webhooks have been woken.
	at directory.AuditPosition
	// due is when a webhook is looked at; one that is busy is looked at after.
	due  map[directory.WebhookID]visit
	busy map[directory.WebhookID]visit
	// own counts the busy ones by account, slowly those that are slow.
	own    map[directory.AccountID]int
	slowly int
	// slow are the webhooks that were slow the last time.
	slow map[directory.WebhookID]bool
	done chan handed
}

// visit is a webhook whose turn comes.
type visit struct {
	account directory.AccountID
	at      time.Time
	slow    bool
}

// handed is what came of looking at a webhook.
type handed struct {
	id directory.WebhookID
	progress
	err error
}

func newDispatcher(s *Server, term uint64) *dispatcher {
	return &dispatcher{
		server: s, term: term, due: map[directory.WebhookID]visit{}, busy: map[directory.WebhookID]visit{},
		own: map[directory.AccountID]int{}, slow: map[directory.WebhookID]bool{}, done: make(chan handed, couriers),
	}
}

// run works until the node does not lead any more or ctx is done, and until all
// posts under way have ended.
func (d *dispatcher) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		for range len(d.busy) {
			<-d.done
		}
	}()
	moved, stop := d.server.moves(ctx)
	defer stop()
	if !d.begin(ctx) {
		return
	}
	lead := time.NewTicker(leadEvery)
	defer lead.Stop()
	for {
		wake := time.NewTimer(d.next())
		select {
		case <-ctx.Done():
			wake.Stop()
			return
		case <-lead.C:
			if term, err := d.server.cfg.Courier.Lead(ctx); err != nil || term != d.term {
				wake.Stop()
				return
			}
		case <-moved:
			d.look(ctx)
		case <-wake.C:
		case h := <-d.done:
			d.settle(h)
		}
		wake.Stop()
		d.hand(ctx)
	}
}

// begin lets every webhook be looked at once: another node may have left
// something.
func (d *dispatcher) begin(ctx context.Context) bool {
	_, newest, err := d.server.cfg.Trail.AuditEnd(ctx)
	if err != nil {
		return false
	}
	d.at = newest
	d.server.view.AccountRows(directory.AccountWalk{}, func(rows []directory.AccountRow) bool {
		for _, r := range rows {
			d.wake(r.Account.ID)
		}
		return true
	})
	return true
}

// wake lets the webhooks of an account be looked at; those that wait for another
// attempt go on waiting.
func (d *dispatcher) wake(id directory.AccountID) {
	for _, o := range d.server.view.OwnedBy(directory.KindWebhook, id) {
		w, ok := o.(*directory.Webhook)
		if _, waits := d.due[w.ID]; ok && w.Enabled && !waits {
			d.due[w.ID] = visit{account: id, slow: d.slow[w.ID]}
		}
	}
}

// look wakes the webhooks of accounts that something new concerns.
func (d *dispatcher) look(ctx context.Context) {
	for {
		entries, err := d.server.cfg.Trail.AuditEntries(ctx, directory.AuditQuery{Beyond: d.at, Ascending: true, Limit: eventChunk})
		if err != nil {
			return // looked at again with the next move
		}
		for _, e := range entries {
			d.at = e.AuditPosition
			for _, c := range e.Changes {
				for _, path := range c.Paths {
					for _, id := range path {
						d.wake(id)
					}
				}
			}
		}
		if len(entries) < eventChunk {
			return
		}
	}
}

// free reports whether a webhook can have a courier now.
func (d *dispatcher) free(id directory.WebhookID, v visit) bool {
	_, busy := d.busy[id]
	return !busy && len(d.busy) < couriers && d.own[v.account] < ownCouriers && (!v.slow || d.slowly < slowCouriers)
}

// next is how long until a webhook is due; those that wait for a courier are
// handed out when one is done.
func (d *dispatcher) next() time.Duration {
	wait := leadEvery
	for id, v := range d.due {
		if d.free(id, v) {
			wait = min(wait, max(0, time.Until(v.at)))
		}
	}
	return wait
}

// hand gives out the webhooks that are due, whichever comes first.
func (d *dispatcher) hand(ctx context.Context) {
	for id, v := range d.due {
		if len(d.busy) >= couriers {
			return
		}
		if !d.free(id, v) || time.Until(v.at) > 0 {
			continue
		}
		delete(d.due, id)
		d.busy[id] = v
		d.own[v.account]++
		if v.slow {
			d.slowly++
		}
		go func() {
			p, err := d.server.deliver(ctx, d.term, id)
			d.done <- handed{id, p, err}
		}()
	}
}

func (d *dispatcher) settle(h handed) {
	v := d.busy[h.id]
	delete(d.busy, h.id)
	if d.own[v.account]--; d.own[v.account] == 0 {
		delete(d.own, v.account)
	}
	if v.slow {
		d.slowly--
	}
	switch {
	case h.slow:
		d.slow[h.id] = true
	case h.posted, d.server.view.Object(directory.Ref{Kind: directory.KindWebhook, ID: string(h.id)}) == nil:
		delete(d.slow, h.id)
	}
	next := h.next
	if h.err != nil {
		d.server.log.Warn("a webhook waits", slog.String("webhook", string(h.id)), slog.String("error", h.err.Error()))
		next = time.Now().Add(stumble)
	}
	again, woken := d.due[h.id]
	switch {
	case !next.IsZero():
		d.due[h.id] = visit{v.account, next, d.slow[h.id]}
	case woken:
		again.slow = d.slow[h.id]
		d.due[h.id] = again
	}
}
