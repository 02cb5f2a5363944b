package main

import (
	"context"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// tune fits the Go runtime to what the process does, where the operator has not
// said otherwise with GOMAXPROCS or GOGC: few threads, so that few have to be
// woken, and a heap that is allowed some garbage while it is small. The second
// goes on until ctx is done.
func tune(ctx context.Context, loops int) {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(processors(runtime.NumCPU(), loops))
	}
	if os.Getenv("GOGC") == "" {
		afterCollections(ctx, func() { debug.SetGCPercent(gcPercent(liveHeap())) })
	}
}

// afterCollections calls f now and after every garbage collection: a finalizer
// runs when one has found its object unused.
func afterCollections(ctx context.Context, f func()) {
	f()
	// The object is a pointer, so that it does not share its memory with others.
	var again func(**byte)
	again = func(**byte) {
		if ctx.Err() == nil {
			f()
			runtime.SetFinalizer(new(*byte), again)
		}
	}
	runtime.SetFinalizer(new(*byte), again)
}

// processors is how many threads run Go code at once: one for each loop, and
// half of the machine if that is more; the rest is Redis' and the kernel's.
func processors(cores, loops int) int { return max(1, loops, cores/2) }

// spareHeap is how much garbage may lie about before it is collected, in bytes,
// whatever the size of what is in use.
const spareHeap = 32 << 20

// gcPercent is GOGC for so much heap in use: at least the usual 100, at most
// what lets spareHeap of garbage gather.
func gcPercent(live uint64) int {
	live = max(live, 4<<20) // below that the runtime does not go
	return max(100, int(math.Round(100*spareHeap/float64(live))))
}

// loadingGC is GOGC while the directory is loaded, where hardly anything that is
// allocated becomes garbage.
const loadingGC = 400

// liveHeap is what the last collection found in use, in bytes.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
