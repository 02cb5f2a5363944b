package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// startPatience is how long a node that has a copy of the directory waits
	// for Redis at its start, startPause how long between attempts.
	startPatience = 3 * time.Second
	startPause    = 500 * time.Millisecond
)

// begin makes the view: from Redis, or from the last view on the disk where
// Redis does not answer.
func (s *Store) begin(ctx context.Context) error {
	if s.embedded == nil && s.cfg.DataDir != "" {
		last, err := openLastView(s.cfg, s.watch)
		if err != nil {
			// Another node on this machine, or nowhere to write.
			s.log.Warn("the directory is not kept on the disk", "err", err)
		}
		s.last = last
	}
	cause := s.reach(ctx)
	if cause == nil || s.last == nil || errors.Is(cause, errClusterKey) {
		return cause
	}
	at, ok := s.last.exists()
	if !ok {
		return cause
	}
	if err := s.await(ctx); err == nil || errors.Is(err, errClusterKey) {
		return err
	}
	began := time.Now()
	loader, seq, err := readView(s.last.path())
	if err != nil {
		s.log.Error("the directory on the disk is of no use", "err", err)
		return cause
	}
	s.log.Warn("Redis does not answer; routing by the directory on the disk", "cause", cause, "current_at", at.UTC(),
		"age", time.Since(at).Round(time.Second), "objects", loader.Size(), "seq", seq, "took", time.Since(began).Round(time.Millisecond))
	s.watch.stand(seq, at, loader, cause)
	return nil
}

// await tries to reach Redis for a while.
func (s *Store) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(startPause):
		}
		if err := s.reach(ctx); err == nil || errors.Is(err, errClusterKey) {
			return err
		}
	}
}

// reach loads the directory from a Redis that answers.
func (s *Store) reach(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	if err := s.watch.load(ctx); err != nil {
		return fmt.Errorf("store: the directory did not load: %w", err)
	}
	return nil
}

// prepare makes sure that Redis answers, is the cluster's and knows the scripts.
func (s *Store) prepare(ctx context.Context) error {
	if err := s.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("store: Redis does not answer: %w", err)
	}
	if err := s.checkClusterKey(ctx); err != nil {
		return err
	}
	if err := s.scripts.load(ctx, s.client); err != nil {
		return fmt.Errorf("store: Redis did not take the scripts: %w", err)
	}
	return nil
}
