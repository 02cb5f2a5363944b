package directory

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// The size a node is built for.
const (
	benchAccounts = 100_000
	benchNumbers  = 10 // per account
)

// accountName, trunkName and numberName are ids of the length real ones have.
func accountName(a int) AccountID { return AccountID(fmt.Sprintf("acc_%026d", a)) }
func trunkName(a int) TrunkID     { return TrunkID(fmt.Sprintf("trk_%026d", a)) }
func numberName(a, n int) NumberID {
	return NumberID(fmt.Sprintf("num_%022d%04d", a, n))
}

// benchObjects makes accounts with a trunk, ten numbers (one of them a block)
// and an interlink to the next account, in random order; every string has its
// own memory, as when decoded one by one.
func benchObjects(accounts int) []Object {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	objects := make([]Object, 0, accounts*(benchNumbers+3))
	for a := range accounts {
		source := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(a >> 16), byte(a >> 8), byte(a)}), 5060)
		objects = append(objects,
			&Account{ID: accountName(a), Name: fmt.Sprintf("Account %d", a), Realm: fmt.Sprintf("r%d.pbx.test", a), TimeZone: "UTC", Enabled: true, Version: 1, CreatedAt: at},
			&Trunk{ID: trunkName(a), Account: accountName(a), Name: "pbx", Addresses: []netip.AddrPort{source},
				Sources: []Source{{Prefix: netip.PrefixFrom(source.Addr(), 32)}}, Version: 1, CreatedAt: at},
			&Interlink{ID: InterlinkID(fmt.Sprintf("lnk_%026d", a)), A: Side{Account: accountName(a), Name: "next"},
				B: &Side{Account: accountName((a + 1) % accounts), Name: "previous"}, Version: 1, CreatedAt: at, LinkedAt: at})
		for n := range benchNumbers {
			spelling := fmt.Sprintf("%d", 2000+n)
			if n == 0 {
				spelling = "30xx"
			}
			p, _ := ParsePattern(strings.Clone(spelling))
			objects = append(objects, &InternalNumber{ID: numberName(a, n), Account: accountName(a), Number: p, Trunk: trunkName(a), Enabled: true, Version: 1, CreatedAt: at})
		}
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
	return objects
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// benchView is made once; what it took is reported by BenchmarkViewLoad.
var benchView = sync.OnceValue(func() *View {
	v := NewView()
	v.Load(1, time.Now(), benchObjects(benchAccounts))
	return v
})

// BenchmarkViewLoad loads 1,000,000 numbers, and then drops all numbers to see
// what one of them took.
func BenchmarkViewLoad(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		before := heap()
		objects := benchObjects(benchAccounts)
		v := NewView()
		b.StartTimer()
		v.Load(1, time.Now(), objects)
		b.StopTimer()
		objects = nil
		full := heap()
		var rest []Object
		for _, k := range Kinds() {
			if k == KindNumber {
				continue
			}
			rest = append(rest, viewObjects(v, k)...)
		}
		v.Load(2, time.Now(), rest)
		rest = nil
		without := heap()
		b.ReportMetric(float64(full-without)/(benchAccounts*benchNumbers), "B/number")
		b.ReportMetric(float64(full-before)/benchAccounts, "B/account-in-all")
		runtime.KeepAlive(v)
		b.StartTimer()
	}
}

func viewObjects(v *View, k Kind) (list []Object) {
	switch k {
	case KindAccount:
		v.Accounts("", func(a *Account) bool { list = append(list, a); return true })
	case KindTrunk:
		for _, t := range v.trunks {
			list = append(list, t)
		}
	case KindInterlink:
		for _, l := range v.links {
			list = append(list, l)
		}
	}
	return list
}

func BenchmarkViewNumber(b *testing.B) {
	v := benchView()
	ids := make([]AccountID, 1<<16)
	for i := range ids {
		ids[i] = accountName(rand.IntN(benchAccounts))
	}
	for name, dialled := range map[string]string{"single": "2005", "block": "3042", "none": "4000"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				v.Number(ids[i&(1<<16-1)], dialled)
				i++
			}
		})
	}
}

func BenchmarkViewTrunkBySource(b *testing.B) {
	v := benchView()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i*1664525 + 1013904223) & 0xffff
		if v.TrunkBySource(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 1024)) == nil {
			b.Fatal("not found")
		}
	}
}

// BenchmarkViewChange flips the private switch of a number, of few and of many.
func BenchmarkViewChange(b *testing.B) {
	for _, accounts := range []int{100, benchAccounts} {
		b.Run(fmt.Sprintf("of_%d_numbers", accounts*benchNumbers), func(b *testing.B) {
			v := benchView()
			if accounts != benchAccounts {
				v = NewView()
				v.Load(1, time.Now(), benchObjects(accounts))
			}
			seq, _ := v.Seq()
			b.ReportAllocs()
			for b.Loop() {
				before := v.InternalNumber(numberName(rand.IntN(accounts), 5))
				after := *before
				after.Private, after.Version = !before.Private, before.Version+1
				seq++
				v.Apply(seq, time.Time{}, []Delta{{after.Ref(), &after}})
			}
		})
	}
}
