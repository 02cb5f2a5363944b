package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// metrics is what the store tells Prometheus. A nil *metrics tells nothing.
type metrics struct {
	registerer prometheus.Registerer
	collectors []prometheus.Collector

	roundTrips *prometheus.HistogramVec
	admissions *prometheus.CounterVec
	// byVerdict and byRole are the admissions' counters, found once.
	unpaid         prometheus.Counter
	byVerdict      [routing.Lost + 1]prometheus.Counter
	byRole         [routing.RoleCalleeParent + 1]prometheus.Counter
	confirms       *prometheus.CounterVec
	retries        prometheus.Counter
	releasesLost   prometheus.Counter
	leasesLost     prometheus.Counter
	records        prometheus.Counter
	recordRetries  prometheus.Counter
	recordsDropped prometheus.Counter
	observers      map[string]prometheus.Observer
}

// scrapeTimeout bounds what a scrape waits for Redis.
const scrapeTimeout = 500 * time.Millisecond

func newMetrics(s *Store) *metrics {
	if s.cfg.Registerer == nil {
		return nil
	}
	m := &metrics{registerer: s.cfg.Registerer, observers: map[string]prometheus.Observer{}}
	m.roundTrips = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "interlink_redis_seconds", Help: "Time of Redis round trips by operation.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .15, .25, .5, 1, 2.5},
	}, []string{"operation"})
	m.admissions = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "interlink_admissions_total", Help: "Admissions asked of the ledger, by verdict and the reason a call is refused with."}, []string{"verdict", "reason"})
	m.confirms = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "interlink_lease_confirms_total", Help: "Leases confirmed in the ledger, by verdict."}, []string{"verdict"})
	for _, v := range []routing.Verdict{routing.Admitted, routing.Duplicate, routing.Ended, routing.Failed, routing.Exhausted} {
		reason := routing.None
		if v == routing.Exhausted {
			reason = routing.LicenceExhausted
		}
		if v == routing.Failed {
			reason = routing.StoreUnavailable
		}
		m.byVerdict[v] = m.admissions.WithLabelValues(verdictText(v), reason.String())
	}
	for r := routing.RoleCaller; r <= routing.RoleCalleeParent; r++ {
		m.byRole[r] = m.admissions.WithLabelValues(verdictText(routing.Busy), r.Reason().String())
	}
	m.unpaid = m.admissions.WithLabelValues(verdictText(routing.Unpaid), routing.NoCredit.String())
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		m.collectors = append(m.collectors, c)
		return c
	}
	m.retries = counter("interlink_ledger_retries_total", "Releases and confirms that had to be tried again, and releases of failed admissions.")
	m.releasesLost = counter("interlink_ledger_releases_dropped_total", "Releases dropped because too many waited for Redis.")
	m.leasesLost = counter("interlink_leases_lost_total", "Leases of calls in progress that the ledger did not hold any more.")
	m.records = counter("interlink_call_records_filed_total", "Call records filed in accounts' logs.")
	m.recordRetries = counter("interlink_call_record_retries_total", "Call records that had to be tried again.")
	m.recordsDropped = counter("interlink_call_records_dropped_total", "Call records dropped because the queue was full.")
	m.collectors = append(m.collectors, m.roundTrips, m.admissions, m.confirms, newStateCollector(s), newLinesCollector(s))
	for _, op := range []string{"apply", "ledger", "refresh", "records", "lines", "live_calls", "end_call", "call_log", "last_calls", "idempotency", "note", "audit"} {
		m.observers[op] = m.roundTrips.WithLabelValues(op)
	}
	return m
}

// register shows the metrics; it comes after the store knows them.
func (m *metrics) register() error {
	if m == nil {
		return nil
	}
	for i, c := range m.collectors {
		if err := m.registerer.Register(c); err != nil {
			m.collectors = m.collectors[:i]
			m.unregister()
			return err
		}
	}
	return nil
}

func (m *metrics) unregister() {
	if m == nil {
		return
	}
	for _, c := range m.collectors {
		m.registerer.Unregister(c)
	}
}

// roundTrip starts the clock of an operation; the function it returns stops it.
func (m *metrics) roundTrip(operation string) func() {
	if m == nil {
		return func() {}
	}
	started := time.Now()
	return func() { m.observers[operation].Observe(time.Since(started).Seconds()) }
}

// verdict counts an answer; claim is the one that was Busy.
func (m *metrics) verdict(o *op, v routing.Verdict, claim int) {
	switch {
	case m == nil:
	case o.kind == opConfirm:
		m.confirms.WithLabelValues(verdictText(v)).Inc()
	case v == routing.Busy, v == routing.Unpaid:
		role := claimAt(o.loc, claim).Role
		if v == routing.Unpaid && role == routing.RoleCaller {
			m.unpaid.Inc()
			return
		}
		m.byRole[role].Inc()
	case m.byVerdict[v] != nil:
		m.byVerdict[v].Inc()
	}
}

func verdictText(v routing.Verdict) string {
	switch v {
	case routing.Admitted:
		return "admitted"
	case routing.Busy:
		return "busy"
	case routing.Unpaid:
		return "unpaid"
	case routing.Exhausted:
		return "exhausted"
	case routing.Duplicate:
		return "duplicate"
	case routing.Ended:
		return "ended"
	case routing.Done:
		return "done"
	case routing.Lost:
		return "lost"
	}
	return "failed"
}

func (m *metrics) retried() {
	if m != nil {
		m.retries.Inc()
	}
}

func (m *metrics) dropped(n int) {
	if m != nil {
		m.releasesLost.Add(float64(n))
	}
}

func (m *metrics) lost(n int) {
	if m != nil {
		m.leasesLost.Add(float64(n))
	}
}

func (m *metrics) recordsFiled(n int) {
	if m != nil {
		m.records.Add(float64(n))
	}
}

func (m *metrics) recordRetried(n int) {
	if m != nil {
		m.recordRetries.Add(float64(n))
	}
}

func (m *metrics) recordDropped() {
	if m != nil {
		m.recordsDropped.Inc()
	}
}

// stateCollector reads what the store holds in memory.
type stateCollector struct {
	s                                                             *Store
	queue, waiting, breaker, recordQueue, size, seq, age, reloads *prometheus.Desc
}

func newStateCollector(s *Store) *stateCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &stateCollector{
		s:           s,
		queue:       desc("interlink_ledger_queue", "Operations handed over to the ledger and not yet taken up."),
		waiting:     desc("interlink_ledger_retries_waiting", "Releases and confirms that wait to be tried again."),
		breaker:     desc("interlink_ledger_breaker_open", "1 while calls are refused because the ledger's Redis does not answer."),
		recordQueue: desc("interlink_call_record_queue", "Call records waiting to be filed."),
		size:        desc("interlink_directory_objects", "Objects in this node's view of the directory, by kind.", "kind"),
		seq:         desc("interlink_directory_seq", "Number of the last change in this node's view."),
		age:         desc("interlink_directory_age_seconds", "Time since this node's view was last known to be current."),
		reloads:     desc("interlink_directory_reloads_total", "Times the whole directory was loaded anew because the change stream did not continue."),
	}
}

func (c *stateCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.queue, c.waiting, c.breaker, c.recordQueue, c.size, c.seq, c.age, c.reloads} {
		ch <- d
	}
}

func (c *stateCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	open := 0.0
	if c.s.ledger.open.Load() {
		open = 1
	}
	gauge(c.queue, float64(c.s.ledger.queued.Load()))
	gauge(c.waiting, float64(c.s.ledger.waiting.Load()))
	gauge(c.breaker, open)
	gauge(c.recordQueue, float64(c.s.writer.waiting.Load()))
	for _, k := range directory.Kinds() {
		gauge(c.size, float64(c.s.view.Size(k)), string(k))
	}
	seq, _ := c.s.view.Seq()
	gauge(c.seq, float64(seq))
	gauge(c.age, max(0, time.Since(time.UnixMilli(c.s.watch.checked.Load())).Seconds()))
	ch <- prometheus.MustNewConstMetric(c.reloads, prometheus.CounterValue, float64(c.s.watch.reloads.Load()))
}

// linesCollector reads the lines taken from Redis at each scrape, for accounts
// with limits, up to Config.MetricsAccounts of them in the order of their ids.
type linesCollector struct {
	s           *Store
	used, limit *prometheus.Desc
}

func newLinesCollector(s *Store) *linesCollector {
	return &linesCollector{
		s:     s,
		used:  prometheus.NewDesc("interlink_lines_used", "Lines taken by calls, by account and direction.", []string{"account", "direction"}, nil),
		limit: prometheus.NewDesc("interlink_lines_limit", "Limits of an account by lane; -1 is unlimited.", []string{"account", "lane"}, nil),
	}
}

func (c *linesCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.used; ch <- c.limit }

func (c *linesCollector) Collect(ch chan<- prometheus.Metric) {
	limits := c.limited()
	accounts := make([]directory.AccountID, len(limits))
	for i, l := range limits {
		accounts[i] = l.Account
		for _, lane := range []struct {
			name string
			n    int64
		}{{"inbound", l.Inbound}, {"outbound", l.Outbound}, {"twoway", l.TwoWay}, {"burst", l.Burst}, {"max_outbound", l.MaxOutbound}} {
			ch <- prometheus.MustNewConstMetric(c.limit, prometheus.GaugeValue, float64(lane.n), string(l.Account), lane.name)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	lines, err := c.s.Lines(ctx, accounts)
	if err != nil {
		c.s.log.Warn("lines in use are missing from this scrape", "err", err)
		return
	}
	for _, l := range lines {
		ch <- prometheus.MustNewConstMetric(c.used, prometheus.GaugeValue, float64(l.Inbound), string(l.Account), "inbound")
		ch <- prometheus.MustNewConstMetric(c.used, prometheus.GaugeValue, float64(l.Outbound), string(l.Account), "outbound")
	}
}

func (c *linesCollector) limited() []*directory.Limits {
	var all []*directory.Limits
	c.s.view.Limited(func(l *directory.Limits) bool {
		all = append(all, l)
		return true
	})
	slices.SortFunc(all, func(a, b *directory.Limits) int { return strings.Compare(string(a.Account), string(b.Account)) })
	return all[:min(len(all), c.s.cfg.MetricsAccounts)]
}
