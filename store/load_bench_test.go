package store

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

// The size a node is built for.
const (
	benchAccounts = 100_000
	benchNumbers  = 10 // per account
)

// benchObjects calls yield with accounts, a trunk and ten numbers each, and an
// interlink of each to the next.
func benchObjects(accounts int, yield func(directory.Object)) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	name := func(a int) directory.AccountID { return directory.AccountID(fmt.Sprintf("acc_%026d", a)) }
	for a := range accounts {
		source := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(a >> 16), byte(a >> 8), byte(a)}), 5060)
		id := directory.TrunkID(fmt.Sprintf("trk_%026d", a))
		yield(&directory.Account{ID: name(a), Name: fmt.Sprintf("Account %d", a), Realm: fmt.Sprintf("r%d.pbx.test", a), TimeZone: "UTC", Enabled: true, Version: 1, CreatedAt: at})
		yield(&directory.Trunk{ID: id, Account: name(a), Name: "pbx", Addresses: []netip.AddrPort{source},
			Sources: []directory.Source{{Prefix: netip.PrefixFrom(source.Addr(), 32)}}, Version: 1, CreatedAt: at})
		yield(&directory.Interlink{ID: directory.InterlinkID(fmt.Sprintf("lnk_%026d", a)), A: directory.Side{Account: name(a), Name: "next", Version: 1},
			B: &directory.Side{Account: name((a + 1) % accounts), Name: "previous", Version: 1}, Version: 1, CreatedAt: at, LinkedAt: at})
		for n := range benchNumbers {
			p, err := directory.ParsePattern(fmt.Sprint(2000 + n))
			if err != nil {
				panic(err)
			}
			yield(&directory.InternalNumber{ID: directory.NumberID(fmt.Sprintf("num_%022d%04d", a, n)), Account: name(a), Number: p, Trunk: id, Enabled: true, Version: 1, CreatedAt: at})
		}
	}
}

// fill puts the objects into Redis as apply.lua would have, without the rest.
func fill(tb testing.TB, c redis.UniversalClient, accounts int) {
	tb.Helper()
	p := c.Pipeline()
	benchObjects(accounts, func(o directory.Object) {
		body, err := json.Marshal(o)
		if err != nil {
			tb.Fatal(err)
		}
		p.HSet(tb.Context(), keyObjects(o.Ref().Kind), o.Ref().ID, objectValue(1, body))
		if p.Len() >= 10_000 {
			if _, err := p.Exec(tb.Context()); err != nil {
				tb.Fatal(err)
			}
		}
	})
	if _, err := p.Exec(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkLoad loads 1,000,000 numbers in 100,000 accounts from a redis-server
// beside it, and reports what they take in memory, all objects and indexes. The
// collector is told what the program tells it while it loads.
func BenchmarkLoad(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	r := startRedis(b)
	back := (&backend{url: r.url}).dial(b)
	fill(b, back.client, benchAccounts)
	for b.Loop() {
		b.StopTimer()
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := newWatch(back.client, directory.NewView(), quiet())
		b.StartTimer()
		if err := w.load(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&after)
		if n := w.view.Size(directory.KindNumber); n != benchAccounts*benchNumbers {
			b.Fatalf("%d numbers", n)
		}
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(benchAccounts*benchNumbers), "B/number-in-all")
		b.StartTimer()
	}
}

// bigView writes the view of 1,000,000 numbers in 100,000 accounts to the disk,
// and forgets it.
func bigView(b *testing.B) (path string) {
	loader := directory.NewLoader(directory.Room{Numbers: benchAccounts * benchNumbers})
	benchObjects(benchAccounts, loader.Put)
	w := newWatch(nil, directory.NewView(), quiet())
	w.view.Replace(1, time.Now(), loader)
	l := lastView{dir: b.TempDir(), view: w.view, watch: w, log: quiet()}
	began := time.Now()
	if err := l.write(1); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms-to-write")
	return l.path()
}

// BenchmarkReadView reads 1,000,000 numbers in 100,000 accounts from the disk, as
// at a start without Redis.
func BenchmarkReadView(b *testing.B) {
	path := bigView(b)
	for b.Loop() {
		b.StopTimer()
		runtime.GC()
		b.StartTimer()
		loader, _, err := readView(path)
		if err != nil {
			b.Fatal(err)
		}
		// Putting everything into order belongs to it.
		v := directory.NewView()
		v.Replace(1, time.Now(), loader)
		if n := v.Size(directory.KindNumber); n != benchAccounts*benchNumbers {
			b.Fatalf("%d numbers", n)
		}
	}
}
