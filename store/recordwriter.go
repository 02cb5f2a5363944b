package store

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

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

	wake    chan struct{}
	stop    chan struct{}
	done    sync.WaitGroup
	pending []filing
	// latest is when calls began whose records are on the way.
	latest latest
	// taken is how many records what is pending came from.
	taken int64
	// waiting counts records from Write until they are filed.
	waiting  atomic.Int64
	failures atomic.Int64
}

func newRecordWriter(s *Store) *recordWriter {
	return &recordWriter{s: s, latest: latest{}, wake: make(chan struct{}, 1), stop: make(chan struct{})}
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
	if len(w.queue) >= s.cfg.MaxRecords {
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
	w.queue = append(w.queue, *c)
	n := len(w.queue)
	w.mu.Unlock()
	w.waiting.Add(1)
	if n == 1 || n == recordBatch {
		ring(w.wake)
	}
}

// idle reports whether everything written so far is filed.
func (w *recordWriter) idle() bool { return w.waiting.Load() == 0 }

func (w *recordWriter) run() {
	pause := recordPause
	for {
		select {
		case <-w.wake:
		case <-w.stop:
			w.finish()
			return
		}
		select {
		case <-time.After(recordLinger):
		case <-w.wake: // a whole batch is there
		case <-w.stop:
			w.finish()
			return
		}
		for w.take() {
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
	for w.take() {
		if w.file() {
			continue
		}
		if time.Now().After(deadline) {
			w.s.log.Error("closing with call records that Redis did not take", "records", len(w.pending))
			return
		}
		time.Sleep(recordPause)
	}
}

// take makes the next batch ready and reports whether there is one.
func (w *recordWriter) take() bool {
	if len(w.pending) > 0 {
		return true
	}
	w.mu.Lock()
	n := min(len(w.queue), recordBatch)
	batch := w.queue[:n]
	for i := range batch {
		w.pending = filings(w.pending, &batch[i])
	}
	left := copy(w.queue, w.queue[n:])
	clear(w.queue[left:])
	w.queue = w.queue[:left]
	w.taken = int64(n)
	w.mu.Unlock()
	return n > 0
}

// file sends what is pending and keeps what did not arrive.
func (w *recordWriter) file() bool {
	if len(w.pending) == 0 {
		w.waiting.Add(-w.taken) // records nobody may see
		w.taken = 0
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), recordTimeout)
	defer cancel()
	defer w.s.metrics.roundTrip("records")()
	pipe := w.s.client.Pipeline()
	sent := make([]redis.Cmder, len(w.pending))
	for i, f := range w.pending {
		sent[i] = w.send(ctx, pipe, f)
		w.latest.add(f)
	}
	noted := w.latest.send(ctx, pipe)
	pipe.Exec(ctx) // every command has its own error
	if err := w.latest.sent(noted); err != nil {
		w.s.log.Warn("when accounts had their last call is not noted and is tried with the next records", "err", err)
	}
	keep := w.pending[:0]
	var failure error
	for i, f := range w.pending {
		err := sent[i].Err()
		if err == nil {
			w.filed(f, sent[i])
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
	clear(w.pending[len(keep):])
	w.pending = keep
	if len(keep) == 0 {
		w.waiting.Add(-w.taken)
		w.taken = 0
	}
	if failure != nil {
		w.failures.Add(1)
		w.s.metrics.recordRetried(len(keep))
		w.s.log.Warn("call records were not filed and are tried again", "records", len(keep), "err", failure)
	}
	return failure == nil
}

func (w *recordWriter) send(ctx context.Context, pipe redis.Pipeliner, f filing) redis.Cmder {
	kept := w.s.cfg.RecordsPerAccount
	if f.tried {
		return pipe.EvalSha(ctx, w.s.scripts.file.hash, []string{keyCallLog(f.account)}, f.body, kept, recordCompare)
	}
	cmd := redis.NewStringCmd(ctx, "xadd", keyCallLog(f.account), "maxlen", "~", kept, "*", "r", f.body)
	_ = pipe.Process(ctx, cmd) // it only joins the pipeline
	return cmd
}

// filed lets an embedded store keep a record beyond the process.
func (w *recordWriter) filed(f filing, cmd redis.Cmder) {
	w.s.metrics.recordFiled()
	if w.s.embedded == nil {
		return
	}
	var id string
	switch c := cmd.(type) {
	case *redis.StringCmd:
		id = c.Val()
	case *redis.Cmd:
		id, _ = c.Val().(string)
	}
	w.s.embedded.keepRecord(f.account, id, f.body)
}
