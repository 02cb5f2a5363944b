package main

import (
	"context"
	"runtime"
	"testing"
	"time"
)

func TestProcessors(t *testing.T) {
	for _, c := range []struct{ cores, loops, want int }{{1, 1, 1}, {2, 1, 1}, {2, 2, 2}, {4, 1, 2}, {8, 2, 4}, {8, 8, 8}} {
		if got := processors(c.cores, c.loops); got != c.want {
			t.Errorf("%d cores, %d loops: %d, want %d", c.cores, c.loops, got, c.want)
		}
	}
}

func TestGCPercent(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{{0, 800}, {16 << 20, 200}, {32 << 20, 100}, {1 << 30, 100}} {
		if got := gcPercent(c.live); got != c.want {
			t.Errorf("%d bytes in use: %d, want %d", c.live, got, c.want)
		}
	}
}

func TestLiveHeap(t *testing.T) {
	runtime.GC() // it tells what the last one found
	if liveHeap() == 0 {
		t.Error("the runtime does not tell how much heap is in use")
	}
}

func TestAfterCollections(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	called := make(chan struct{}, 100)
	afterCollections(ctx, func() { called <- struct{}{} })
	<-called // at once
	for range 3 {
		runtime.GC()
		select {
		case <-called:
		case <-time.After(10 * time.Second):
			t.Fatal("a collection was not noticed")
		}
	}
}
