package sip

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip/wire"
)

// setupBuckets are the upper bounds of the setup-time histogram, in seconds.
var setupBuckets = [...]float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1}

const (
	maxMethods = 32
	maxStatus  = 700
)

// counters are one shard's own; the shard adds to them without contention and
// a scrape reads them.
type counters struct {
	requests  [maxMethods]atomic.Uint64
	responses [maxStatus]atomic.Uint64 // sent upstream or by ourselves, by status
	dropped   [len(dropNames)]atomic.Uint64
	results   [len(resultNames)]atomic.Uint64
	refused   [32]atomic.Uint64 // by reason
	retrans   atomic.Uint64     // requests and responses sent again
	absorbed  atomic.Uint64     // retransmissions received
	calls     atomic.Int64
	txns      atomic.Int64
	pending   atomic.Int64
	setup     [len(setupBuckets) + 1]atomic.Uint64
	setupSum  atomic.Int64 // ns
}

type drop uint8

const (
	dropNotSIP drop = iota
	dropInvalid
	dropStrayResponse
	dropStrayACK
	dropBacklog
	dropUnroutable
	dropPanic
)

var dropNames = [...]string{"not_sip", "invalid", "stray_response", "stray_ack", "backlog", "unroutable", "panic"}

var resultNames = [...]routing.Result{
	routing.ResultAnswered, routing.ResultBusy, routing.ResultNoAnswer,
	routing.ResultCancelled, routing.ResultRefused, routing.ResultFailed,
}

func (c *counters) result(r routing.Result) {
	for i := range resultNames {
		if resultNames[i] == r {
			c.results[i].Add(1)
		}
	}
}

// observeSetup files the time from an INVITE's arrival to its leaving for the
// callee: what the gateway adds to the setup of a call.
func (c *counters) observeSetup(d time.Duration) {
	i := 0
	for i < len(setupBuckets) && d.Seconds() > setupBuckets[i] {
		i++
	}
	c.setup[i].Add(1)
	c.setupSum.Add(int64(d))
}

// collector turns the shards' counters into metrics at scrape time.
type collector struct{ srv *Server }

var (
	descRequests  = prometheus.NewDesc("interlink_sip_requests_total", "SIP requests received, without retransmissions absorbed.", []string{"method"}, nil)
	descResponses = prometheus.NewDesc("interlink_sip_responses_total", "SIP responses sent, by status code.", []string{"status"}, nil)
	descRetrans   = prometheus.NewDesc("interlink_sip_retransmissions_total", "SIP messages sent again (out) or received again (in).", []string{"direction"}, nil)
	descDropped   = prometheus.NewDesc("interlink_sip_dropped_total", "SIP messages dropped without an answer, by cause.", []string{"cause"}, nil)
	descCalls     = prometheus.NewDesc("interlink_calls_active", "Calls this node holds, ringing ones included.", nil, nil)
	descTotal     = prometheus.NewDesc("interlink_calls_total", "Call attempts ended, by result and reason.", []string{"result", "reason"}, nil)
	descTxns      = prometheus.NewDesc("interlink_sip_transactions", "SIP transactions in memory.", nil, nil)
	descPending   = prometheus.NewDesc("interlink_calls_pending", "Calls waiting for the ledger.", nil, nil)
	descSetup     = prometheus.NewDesc("interlink_call_setup_seconds", "Time from an INVITE's arrival to its leaving for the callee.", nil, nil)
	descDatagrams = prometheus.NewDesc("interlink_udp_datagrams_total", "UDP datagrams, by direction and fate.", []string{"direction", "fate"}, nil)
)

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descRequests, descResponses, descRetrans, descDropped, descCalls, descTotal, descTxns, descPending, descSetup, descDatagrams} {
		ch <- d
	}
}

func (c collector) sum(pick func(*counters) uint64) float64 {
	var n uint64
	for _, s := range c.srv.shards {
		n += pick(&s.count)
	}
	return float64(n)
}

func (c collector) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, pick func(*counters) uint64, labels ...string) {
		if v := c.sum(pick); v > 0 {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
		}
	}
	gauge := func(d *prometheus.Desc, pick func(*counters) *atomic.Int64) {
		var n int64
		for _, s := range c.srv.shards {
			n += pick(&s.count).Load()
		}
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n))
	}
	for m := range maxMethods {
		counter(descRequests, func(k *counters) uint64 { return k.requests[m].Load() }, methodName(wire.Method(m)))
	}
	for status := range maxStatus {
		counter(descResponses, func(k *counters) uint64 { return k.responses[status].Load() }, strconv.Itoa(status))
	}
	for i, name := range dropNames {
		counter(descDropped, func(k *counters) uint64 { return k.dropped[i].Load() }, name)
	}
	counter(descRetrans, func(k *counters) uint64 { return k.retrans.Load() }, "out")
	counter(descRetrans, func(k *counters) uint64 { return k.absorbed.Load() }, "in")
	c.collectResults(ch, counter)
	gauge(descCalls, func(k *counters) *atomic.Int64 { return &k.calls })
	gauge(descTxns, func(k *counters) *atomic.Int64 { return &k.txns })
	gauge(descPending, func(k *counters) *atomic.Int64 { return &k.pending })
	c.collectSetup(ch)
	c.collectDatagrams(ch)
}

// collectResults adds one series per result, refusals one per reason's
// spelling; two reasons can share a spelling and differ in the SIP status.
func (c collector) collectResults(ch chan<- prometheus.Metric, counter func(*prometheus.Desc, func(*counters) uint64, ...string)) {
	for i, r := range resultNames {
		if r != routing.ResultRefused {
			counter(descTotal, func(k *counters) uint64 { return k.results[i].Load() }, string(r), "")
		}
	}
	spelled := map[string][]routing.Reason{}
	for _, r := range routing.Reasons() {
		spelled[r.String()] = append(spelled[r.String()], r)
	}
	for name, reasons := range spelled {
		counter(descTotal, func(k *counters) (n uint64) {
			for _, r := range reasons {
				n += k.refused[r].Load()
			}
			return n
		}, string(routing.ResultRefused), name)
	}
}

func (c collector) collectSetup(ch chan<- prometheus.Metric) {
	buckets := make(map[float64]uint64, len(setupBuckets))
	var count uint64
	for i, le := range setupBuckets {
		count += uint64(c.sum(func(k *counters) uint64 { return k.setup[i].Load() }))
		buckets[le] = count
	}
	count += uint64(c.sum(func(k *counters) uint64 { return k.setup[len(setupBuckets)].Load() }))
	sum := c.sum(func(k *counters) uint64 { return uint64(k.setupSum.Load()) }) / float64(time.Second)
	ch <- prometheus.MustNewConstHistogram(descSetup, count, sum, buckets)
}

func (c collector) collectDatagrams(ch chan<- prometheus.Metric) {
	var in, out, lost, cut, unsent uint64
	for i := range c.srv.group.Len() {
		st := c.srv.group.Loop(i).Stats()
		in, out = in+st.Received, out+st.Sent
		lost, cut, unsent = lost+st.Overflowed, cut+st.Truncated, unsent+st.Dropped
	}
	for _, m := range []struct {
		n               uint64
		direction, fate string
	}{
		{in, "in", "read"}, {lost, "in", "overflowed"}, {cut, "in", "too_long"},
		{out, "out", "sent"}, {unsent, "out", "dropped"},
	} {
		ch <- prometheus.MustNewConstMetric(descDatagrams, prometheus.CounterValue, float64(m.n), m.direction, m.fate)
	}
}

func methodName(m wire.Method) string {
	if m == wire.MethodOther {
		return "OTHER"
	}
	return m.String()
}
