package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// More threads run while several requests are under way and for a moment after
// it; one alone, and streams of events, change nothing.
func TestSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sets []int
		s := &spread{narrow: 1, wide: 9, set: func(n int) { sets = append(sets, n) }}
		release := make(chan struct{})
		h := s.over(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
		ask := func(path string) {
			go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
			synctest.Wait()
		}
		want := func(when string, n ...int) {
			t.Helper()
			synctest.Wait()
			if !slices.Equal(sets, n) {
				t.Fatalf("%s: set to %v, want %v", when, sets, n)
			}
		}
		answer := func() { release <- struct{}{}; synctest.Wait() }
		ask("/v1/events")
		ask("/v1/events")
		ask("/v1/me")
		want("one request and two streams")
		ask("/v1/me")
		ask("/v1/me")
		want("several", 9)
		// The streams end with three of these.
		for range 5 {
			answer()
		}
		time.Sleep(spreadCalm - time.Millisecond) // on the bubble's clock, as below
		ask("/v1/me")
		ask("/v1/me")
		time.Sleep(spreadCalm)
		want("several again", 9)
		answer()
		answer()
		time.Sleep(spreadCalm)
		want("quiet", 9, 1)
		ask("/v1/me")
		ask("/v1/me")
		answer()
		s.close()
		want("closed", 9, 1, 9, 1)
		answer()
		time.Sleep(spreadCalm)
		want("after the end", 9, 1, 9, 1)
	})
}
