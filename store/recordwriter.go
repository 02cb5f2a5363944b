package store

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

const (
	// recordBatch bounds the call records of one round trip.
	recordBatch = 256
	// recordLinger is how long the first record waits for others: filing them
	// one by one would cost more than the calls' own share of Redis.
	recordLinger = 20 * time.Millisecond
	// recordCompare is how many of a log's newest records are compared before
	// one is filed again.
	recordCompare = 1000
	// recordPause is the first pause after a failed attempt; it doubles up to
	// recordPauseMax.
	recordPause    = 50 * time.Millisecond
	recordPauseMax = 2 * time.Second
	// recordTimeout bounds one attempt.
	recordTimeout = 2 * time.Second
)

// recordWriter files call records in the background. A record is filed once;
// when an attempt's outcome is unknown, the next one looks whether it arrived.
type recordWriter struct {
	s *Store

	mu    sync.Mutex
	queue []routing.CDR
	// full counts records refused since the last one that found room.
	full int

	// linger runs while the first record waits for others; wake says that a whole
	// batch is there.
	linger *time.Timer
	wake   chan struct{}
	stop   chan struct{}
	done   sync.WaitGroup
	// batch is what was last taken from the queue; begun of its records are filed
	// or pending.
	batch []routing.CDR
	begun int
	// pending is what goes out next, from so many records; spare can be used for
	// others.
	pending, spare []*filing
	records        int64
	pipe           redis.Pipeliner
	// latest is when calls began whose records are on the way.
	latest latest
	// waiting counts records from Write until they are filed.
	waiting  atomic.Int64
	failures atomic.Int64
}

func newRecordWriter(s *Store) *recordWriter {
	return &recordWriter{s: s, latest: latest{}, pipe: s.client.Pipeline(), linger: time.NewTimer(time.Hour), wake: make(chan struct{}, 1), stop: make(chan struct{})}
}

func (w *recordWriter) start() { w.done.Go(w.run) }

// close files what is left, within a few seconds, and stops.
func (w *recordWriter) close() {
	close(w.stop)
	w.done.Wait()
}

// Write implements routing.Journal. The record is copied. When the queue is
// full the record is dropped, counted and logged.
func (s *Store) Write(c *routing.CDR) {
	w := s.writer
	w.mu.Lock()
	if w.waiting.Load() >= int64(s.cfg.MaxRecords) {
		w.full++
		first := w.full == 1
		w.mu.Unlock()
		s.metrics.recordDropped()
		if first {
			s.log.Error("the queue of call records is full; records are lost until there is room", "queue", s.cfg.MaxRecords)
		}
		return
	}
	if w.full > 0 {
		lost := w.full
		w.full = 0
		defer s.log.Error("call records were lost", "records", lost)
	}
	w.waiting.Add(1)
	w.queue = append(w.queue, *c)
	switch len(w.queue) {
	case 1:
		w.linger.Reset(recordLinger)
	case recordBatch:
		ring(w.wake)
	}
	w.mu.Unlock()
}

// idle reports whether everything written so far is filed.
func (w *recordWriter) idle() bool { return w.waiting.Load() == 0 }

func (w *recordWriter) run() {
	defer w.linger.Stop()
	pause := recordPause
	for {
		select {
		case <-w.linger.C:
		case <-w.wake:
		case <-w.stop:
			w.finish()
			return
		}
		w.take()
		for w.next() {
			if w.file() {
				pause = recordPause
				continue
			}
			select {
			case <-time.After(pause):
			case <-w.stop:
				w.finish()
				return
			}
			pause = min(2*pause, recordPauseMax)
		}
	}
}

// finish tries for a while to file what is left when the store closes, with a
// pause between attempts that failed.
func (w *recordWriter) finish() {
	deadline := time.Now().Add(closeWithin)
	for w.next() || w.take() {
		if w.file() {
			continue
		}
		if time.Now().After(deadline) {
			w.s.log.Error("closing with call records that Redis did not take", "records", w.waiting.Load())
			return
		}
		time.Sleep(recordPause)
	}
}

// take empties the queue, once all that was taken before is filed, and makes the
// first of it ready.
func (w *recordWriter) take() bool {
	clear(w.batch)
	if cap(w.batch) > 4*recordBatch {
		w.batch = nil // Redis was away
	}
	w.mu.Lock()
	w.batch, w.queue = w.queue, w.batch[:0]
	w.mu.Unlock()
	w.begun = 0
	return w.next()
}

// next makes ready what goes out in one round trip, and reports whether there is
// anything.
func (w *recordWriter) next() bool {
	if w.records > 0 {
		return true
	}
	n := min(len(w.batch)-w.begun, recordBatch)
	for i := range n {
		c := &w.batch[w.begun+i]
		eachLog(c, func(account directory.AccountID, side recordSide, reason routing.Reason) {
			w.pending = append(w.pending, w.filing(account, c, side, reason))
		})
	}
	w.begun += n
	w.records = int64(n)
	return n > 0
}

func (w *recordWriter) filing(account directory.AccountID, c *routing.CDR, side recordSide, reason routing.Reason) *filing {
	var f *filing
	if n := len(w.spare); n > 0 {
		f, w.spare = w.spare[n-1], w.spare[:n-1]
	} else {
		f = newFiling(w.s.cfg.RecordsPerAccount)
	}
	f.fill(account, c, side, reason)
	w.latest.add(account, f.started)
	return f
}

// file sends what is pending and keeps what did not arrive.
func (w *recordWriter) file() bool {
	if len(w.pending) == 0 {
		w.filed() // records nobody may see
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), recordTimeout)
	defer cancel()
	defer w.s.metrics.roundTrip("records")()
	for _, f := range w.pending {
		f.send(ctx, w.pipe, &w.s.scripts.file, w.s.cfg.RecordsPerAccount)
	}
	noted := w.latest.send(ctx, w.pipe)
	w.pipe.Exec(ctx) // every command has its own error
	if err := w.latest.sent(noted); err != nil {
		w.s.log.Warn("when accounts had their last call is not noted and is tried with the next records", "err", err)
	}
	failure := w.settle(ctx)
	if len(w.pending) == 0 {
		w.filed()
	}
	if failure != nil {
		w.failures.Add(1)
		w.s.metrics.recordRetried(len(w.pending))
		w.s.log.Warn("call records were not filed and are tried again", "records", len(w.pending), "err", failure)
	}
	return failure == nil
}

// settle goes through the attempts and leaves pending what must be tried again.
func (w *recordWriter) settle(ctx context.Context) (failure error) {
	keep := w.pending[:0]
	for _, f := range w.pending {
		err := f.cmd.Err()
		if err == nil {
			if w.s.embedded != nil {
				w.s.embedded.keepRecord(f.account, f.id(), f.body)
			}
			f.cmd = nil
			w.spare = append(w.spare, f)
			continue
		}
		if unknownScript(err) {
			w.s.scripts.load(ctx, w.s.client) // the next attempt tells
		} else {
			f.tried = true
		}
		failure = err
		keep = append(keep, f)
	}
	w.s.metrics.recordsFiled(len(w.pending) - len(keep))
	w.pending = keep
	return failure
}

// filed: nothing of what was pending waits any more.
func (w *recordWriter) filed() {
	w.waiting.Add(-w.records)
	w.records = 0
}
