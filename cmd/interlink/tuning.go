package main

import (
	"context"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// tune fits the Go runtime to what the process does, where the operator has not
// said otherwise with GOMAXPROCS or GOGC: few threads, so that few have to be
// woken, and a heap that is allowed some garbage while it is small. It returns
// when ctx is done.
func tune(ctx context.Context, loops int) {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(processors(runtime.NumCPU(), loops))
	}
	if os.Getenv("GOGC") != "" {
		return
	}
	again := time.NewTicker(time.Minute)
	defer again.Stop()
	for {
		debug.SetGCPercent(gcPercent(liveHeap()))
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// processors is how many threads run Go code at once: one for each loop, and
// half of the machine if that is more; the rest is Redis' and the kernel's.
func processors(cores, loops int) int { return max(1, loops, cores/2) }

// spareHeap is how much garbage may lie about before it is collected, in bytes,
// whatever the size of what is in use.
const spareHeap = 128 << 20

// gcPercent is GOGC for so much heap in use: at least the usual 100, at most
// what lets spareHeap of garbage gather.
func gcPercent(live uint64) int {
	live = max(live, 4<<20) // below that the runtime does not go
	return max(100, int(math.Round(100*spareHeap/float64(live))))
}

// liveHeap is what the last collection found in use, in bytes.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
