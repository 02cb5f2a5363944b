package main

import (
	"math/rand/v2"
	"slices"
	"time"
)

// cost is what work takes, from the tables of ../README.md.
type cost struct {
	// trip is Redis' time for a pipeline of scripts as such, operation that for
	// each call's step in it: 44 µs alone and 20 µs among 16 (the ledger's table).
	trip, operation time.Duration
	// away is a pipeline's time outside Redis, network included, and marshal the
	// node's time for each operation in it: round trips of 0.14 ms with one
	// operation, 0.64 with 16, 4.2 with 128 (the same table).
	away, marshal time.Duration
	// recordTrip and record are Redis' time for a pipeline of call records and
	// for each record in it; two a call.
	recordTrip, record time.Duration
	// gateway is a node's CPU per call, of which one loop has one core.
	gateway time.Duration
	// budget is how long an admission may take before the call is refused.
	budget time.Duration
}

// measured is the cost of the machine that ../README.md tells of.
func measured() cost {
	us := time.Microsecond
	return cost{trip: 27 * us, operation: 18 * us, away: 100 * us, marshal: 14 * us, recordTrip: 30 * us, record: 5 * us, gateway: 120 * us, budget: 150 * time.Millisecond}
}

// The store's own bounds: operations and records of one pipeline, and how long
// the first record waits for others.
const (
	operationsMost = 512
	recordsMost    = 256
	recordLinger   = 20 * time.Millisecond
)

// deployment is what is simulated.
type deployment struct {
	nodes int
	// rate is calls per second of all nodes.
	rate float64
	// spread says that call records are on other cores of Redis than the ledger,
	// as in a Cluster; the lines of one domain never are.
	spread bool
}

// outcome is what came of it; times are those of admissions.
type outcome struct {
	p50, p99 time.Duration
	// refused is the share of admissions that took longer than the budget.
	refused float64
	// busy is the share of time the ledger's core of Redis worked, redis its time
	// per call, and batch how many operations shared a round trip.
	busy  float64
	redis time.Duration
	batch float64
}

// sending is a queue of one node that has one pipeline on its way at a time:
// that of the ledger, or that of the call records.
type sending struct {
	waiting []arrival
	// back is when the pipeline on its way is answered; 0 where there is none.
	// begins is when the next one leaves at the earliest.
	back, begins    time.Duration
	flight          []arrival
	most            int
	linger          time.Duration
	trip, each, own time.Duration
}

// arrival is one operation, or one record.
type arrival struct {
	at    time.Duration
	admit bool
}

// simulate lets calls arrive at random for a while, at nodes chosen at random. A
// call makes three operations; they come at random, too, since calls last
// unlike. Redis works off pipelines in the order in which they reach it.
func simulate(d deployment, c cost, lasting time.Duration) outcome {
	random := rand.New(rand.NewPCG(1, 2))
	ledger, records := make([]sending, d.nodes), make([]sending, d.nodes)
	for i := range d.nodes {
		ledger[i] = sending{most: operationsMost, trip: c.trip, each: c.operation, own: c.marshal}
		records[i] = sending{most: recordsMost, linger: recordLinger, trip: c.recordTrip, each: c.record}
	}
	run := &simulation{cost: c, warm: lasting / 5, lasting: lasting, spread: d.spread}
	for now := time.Duration(0); now < lasting; {
		now += time.Duration(random.ExpFloat64() / (5 * d.rate) * float64(time.Second))
		run.until(now, ledger, records)
		node := random.IntN(d.nodes)
		if kind := random.IntN(5); kind < 3 {
			run.add(&ledger[node], arrival{now, kind == 0}, false)
		} else {
			run.add(&records[node], arrival{at: now}, true)
		}
	}
	return run.outcome()
}

// simulation is Redis, and what is counted.
type simulation struct {
	cost          cost
	warm, lasting time.Duration
	spread        bool
	free, worked  time.Duration
	waits         []time.Duration
	trips, sent   int
}

// add queues an arrival; a pipeline leaves at once where none is on its way.
func (s *simulation) add(q *sending, a arrival, record bool) {
	if q.back == 0 && len(q.waiting) == 0 {
		q.begins = a.at + q.linger
	}
	q.waiting = append(q.waiting, a)
	if q.back == 0 && (q.linger == 0 || len(q.waiting) >= q.most) {
		s.leave(q, a.at, record)
	}
}

// until lets everything happen that does before a time, in order.
func (s *simulation) until(now time.Duration, ledger, records []sending) {
	for {
		var next *sending
		at, record := now, false
		for i := range ledger {
			if t := ledger[i].back; t != 0 && t < at {
				next, at, record = &ledger[i], t, false
			}
			q := &records[i]
			if t := q.back; t != 0 && t < at {
				next, at, record = q, t, true
			}
			if q.back == 0 && len(q.waiting) > 0 && q.begins < at {
				next, at, record = q, q.begins, true
			}
		}
		if next == nil {
			return
		}
		if next.back != 0 {
			s.arrive(next)
			next.begins = at
		}
		if len(next.waiting) > 0 {
			s.leave(next, at, record)
		}
	}
}

// leave sends what waits.
func (s *simulation) leave(q *sending, at time.Duration, record bool) {
	n := min(len(q.waiting), q.most)
	q.flight = append(q.flight[:0], q.waiting[:n]...)
	q.waiting = append(q.waiting[:0], q.waiting[n:]...)
	work := q.trip + time.Duration(n)*q.each
	reached := at + s.cost.away/2 + time.Duration(n)*q.own/2
	done := reached + work
	if !record || !s.spread {
		s.free = max(s.free, reached) + work
		done = s.free
		if at > s.warm {
			s.worked += work
		}
	}
	if !record && at > s.warm {
		s.trips, s.sent = s.trips+1, s.sent+n
	}
	q.back = done + s.cost.away/2 + time.Duration(n)*q.own/2
}

// arrive is the answer to a pipeline.
func (s *simulation) arrive(q *sending) {
	for _, a := range q.flight {
		if a.admit && a.at > s.warm {
			s.waits = append(s.waits, q.back-a.at)
		}
	}
	q.back = 0
}

func (s *simulation) outcome() outcome {
	slices.Sort(s.waits)
	if len(s.waits) == 0 {
		return outcome{refused: 1}
	}
	over := len(s.waits) - sortedBefore(s.waits, s.cost.budget)
	return outcome{
		p50: s.waits[len(s.waits)/2], p99: s.waits[len(s.waits)*99/100], refused: float64(over) / float64(len(s.waits)),
		busy: float64(s.worked) / float64(s.lasting-s.warm), redis: s.worked / time.Duration(len(s.waits)), batch: float64(s.sent) / float64(max(s.trips, 1)),
	}
}

// sortedBefore counts the times that are at most a bound.
func sortedBefore(sorted []time.Duration, most time.Duration) int {
	n, _ := slices.BinarySearch(sorted, most+1)
	return n
}

// highest is the highest rate, to about 2 %, that is carried. node says that it is
// the nodes' loops that end it.
func highest(nodes, loops int, spread bool, c cost) (rate float64, o outcome, node bool) {
	low, high := 100.0, 40_000.0
	if most := float64(nodes*loops) * float64(time.Second) / float64(c.gateway); most < high {
		high, node = most, true
	}
	if o = simulate(deployment{nodes, high, spread}, c, simulated); o.carried(c) {
		return high, o, node
	}
	for high > 1.02*low {
		middle := (low + high) / 2
		if at := simulate(deployment{nodes, middle, spread}, c, simulated); at.carried(c) {
			low, o = middle, at
		} else {
			high = middle
		}
	}
	return low, o, false
}

// carried says whether a rate is one to live with: nobody is refused, and nine
// tenths of the budget are left for a stall.
func (o outcome) carried(c cost) bool { return o.refused == 0 && o.p99 <= c.budget/10 }
