package provision

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the API does. Labels are bounded: the route is a template.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	redeems  *prometheus.CounterVec
	logins   *prometheus.CounterVec
	hooks    *prometheus.CounterVec
}

// newMetrics registers nothing when reg is nil.
func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "interlink_api_requests_total",
			Help: "Requests answered by the API, by method, route template and status.",
		}, []string{"method", "route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "interlink_api_request_duration_seconds",
			Help:    "Time from a request's header to the end of its answer, by route template.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}, []string{"method", "route"}),
		redeems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "interlink_api_redeems_total",
			Help: "Attempts to redeem an authorization key, by result: linked, preview, refused or throttled.",
		}, []string{"result"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "interlink_api_logins_total",
			Help: "Logins, by result: opened, refused or throttled.",
		}, []string{"result"}),
		hooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "interlink_api_webhook_deliveries_total",
			Help: "Attempts to post events to webhooks, by outcome: delivered, failed or given_up.",
		}, []string{"outcome"}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.duration, m.redeems, m.logins, m.hooks)
	}
	return m
}

func (m *metrics) request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(method, route).Observe(took.Seconds())
}

func (m *metrics) redeem(result string) { m.redeems.WithLabelValues(result).Inc() }

func (m *metrics) delivery(outcome string) { m.hooks.WithLabelValues(outcome).Inc() }

func (m *metrics) login(result string) { m.logins.WithLabelValues(result).Inc() }
