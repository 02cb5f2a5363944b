package sip

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// The times of the chaos test: RFC 3261's and ours, made small in proportion.
const (
	chaosT1     = 5 * time.Millisecond
	chaosBudget = 10 * chaosT1
	chaosLimit  = 240 * chaosT1 // MaxDuration
	chaosCalls  = 200
	// Once most calls came as far as the ledger and so many were answered, and
	// no sooner, the gateway drains; another chaosLate come after that.
	chaosAnswered = 20
	chaosLate     = 50
)

// chaosSeedVar names the environment variable that chooses the seed.
const chaosSeedVar = "SIP_CHAOS_SEED"

// TestChaos has many phones at once do what phones do, and what they should
// not, over a network that loses, doubles and reorders, with a ledger that is
// late or says no. At the end nothing is left of any call, every line was given
// back and none too early, and the records agree with what the phones saw.
func TestChaos(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	seeds := []uint64{1, uint64(time.Now().UnixNano())}
	if v := os.Getenv(chaosSeedVar); v != "" {
		seed, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seeds = []uint64{seed}
	}
	for _, loops := range []int{1, 2} {
		for _, seed := range seeds {
			t.Run(fmt.Sprintf("loops=%d/seed=%d", loops, seed), func(t *testing.T) { chaosRun(t, loops, seed) })
		}
	}
}

// chaos is one run.
type chaos struct {
	chaosNet
	srv      *Server
	gateway  netip.AddrPort
	ledger   *chaosLedger
	journal  *chaosJournal
	clock    chaosClock
	calls    map[string]*chaosCall
	phones   []*chaosPhone
	callers  []*chaosPhone
	outsider *chaosPhone
	numbers  []string
	branches int
	begun    int // calls
	drained  bool
	// cut: nothing from the phones reaches the gateway any more, but for probes,
	// of which probed says by their Call-ID which were answered.
	cut    bool
	probed map[string]bool
	trace  chaosTrace
	faults []string
	faulty []string // the calls that went wrong
}

func (w *chaos) fault(callID, format string, args ...any) {
	w.faults = append(w.faults, callID+": "+fmt.Sprintf(format, args...))
	w.faulty = append(w.faulty, callID)
}

// do has the world's goroutine do something.
func (w *chaos) do(f func()) { w.in <- f }

func (w *chaos) via(p *chaosPhone) string {
	w.branches++
	return fmt.Sprintf("SIP/2.0/UDP %s;branch=z9hG4bK-chaos-%d;rport", p.addr, w.branches)
}

// chaosDirectory: whoever is in sources calls; number i rings at trunks[i].
type chaosDirectory struct {
	sources map[netip.AddrPort]*directory.Trunk
	trunks  map[directory.TrunkID]*directory.Trunk
}

func (d chaosDirectory) Account(id directory.AccountID) *directory.Account {
	return &directory.Account{ID: id, Name: "any", Enabled: true, Version: 1}
}

func (d chaosDirectory) Number(_ directory.AccountID, dialled string) (directory.Match, bool) {
	if d.trunks[directory.TrunkID(dialled)] == nil {
		return directory.Match{}, false
	}
	return directory.Match{ID: directory.NumberID(dialled), Trunk: directory.TrunkID(dialled)}, true
}
func (d chaosDirectory) Links(directory.AccountID, func(directory.Link) bool) {}
func (d chaosDirectory) Trunk(id directory.TrunkID) *directory.Trunk          { return d.trunks[id] }
func (d chaosDirectory) TrunkBySource(a netip.AddrPort) *directory.Trunk      { return d.sources[a] }
func (d chaosDirectory) LimitsOf(directory.AccountID) *directory.Limits       { return nil }
func (d chaosDirectory) PerMinute(directory.AccountID) (price, added int64, ok bool) {
	return 0, 0, false
}
func (d chaosDirectory) Licensed(directory.AccountID) bool { return false }
func (d chaosDirectory) Denied(directory.AccountID, string) (string, directory.AccountID) {
	return "", ""
}
func (d chaosDirectory) Fellows(directory.AccountID, string, func(directory.Fellow) bool) *directory.Federation {
	return nil
}

func chaosRun(t *testing.T, loops int, seed uint64) {
	w := &chaos{
		chaosNet: chaosNet{rng: rand.New(rand.NewPCG(seed, 1)), in: make(chan func(), 1<<16)},
		calls:    map[string]*chaosCall{}, trace: chaosTrace{calls: map[string][]chaosEvent{}},
	}
	w.ledger, w.journal, w.clock.begun = newChaosLedger(w, seed), &chaosJournal{world: w}, time.Now()
	dir := chaosDirectory{map[netip.AddrPort]*directory.Trunk{}, map[directory.TrunkID]*directory.Trunk{}}
	for i := range 4 {
		p := w.phone(t, fmt.Sprintf("caller%d", i), "127.0.0.1")
		dir.sources[p.addr] = &directory.Trunk{ID: "trk_caller", Account: "acc_caller"}
		w.callers = append(w.callers, p)
	}
	w.outsider = w.phone(t, "outsider", "127.0.0.99")
	w.numbers = w.callees(t, dir)
	stop := w.serve(t, loops, dir)

	w.place(chaosCalls)
	quiet := w.run(time.Minute, func() bool { return w.drained && w.begun == len(w.calls) && w.quiet() })
	quiet = w.settle() && quiet
	stop()
	// The gateway's last words may not have been read yet.
	w.agenda = nil
	w.run(patience, w.allEnded)
	w.check(t)
	if !quiet {
		t.Error("the run did not come to an end")
	}
	if t.Failed() {
		w.trace.report(t, w.faulty)
		t.Logf("run it again: %s=%d", chaosSeedVar, seed)
	}
}

// callees makes trunks of every kind and returns their numbers; one number
// nobody has.
func (w *chaos) callees(t *testing.T, dir chaosDirectory) []string {
	silent := addrOf(listenUDP(t, netip.MustParseAddrPort("127.0.0.1:0")))
	a, b := w.phone(t, "callee-a", "127.0.0.1"), w.phone(t, "callee-b", "127.0.0.1")
	numbers := []string{"9999"}
	for i, addresses := range [][]netip.AddrPort{
		{a.addr}, {b.addr}, {a.addr, b.addr}, {b.addr, a.addr}, {deadAddr(t), a.addr}, {a.addr, deadAddr(t)}, {silent, b.addr}, {silent},
	} {
		number := strconv.Itoa(2000 + i)
		dir.trunks[directory.TrunkID(number)] = &directory.Trunk{ID: directory.TrunkID(number), Account: "acc_callee", Addresses: addresses}
		numbers = append(numbers, number, number)
	}
	return numbers
}

func (w *chaos) serve(t *testing.T, loops int, dir chaosDirectory) (stop func()) {
	srv, err := New(Config{
		Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, ClusterKey: []byte(crand.Text()), // no stray datagram of another run means anything
		Router: routing.NewRouter(dir), Ledger: w.ledger, Journal: w.journal, Loops: loops,
		T1: chaosT1, TimerC: 50 * chaosT1, NoReply: 15 * chaosT1, AdmitBudget: chaosBudget, MaxDuration: chaosLimit,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.srv, w.gateway = srv, srv.Addrs()[0]
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	t.Cleanup(cancel)
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// place has so many calls begin soon.
func (w *chaos) place(n int) {
	for range n {
		c := &chaosCall{
			world: w, id: fmt.Sprintf("chaos-%d", len(w.calls)), caller: w.callers[w.rng.IntN(len(w.callers))],
			number: w.numbers[w.rng.IntN(len(w.numbers))], dialogs: map[string]*chaosDialog{}, early: map[string]*chaosDialog{},
			passed: map[string]time.Time{}, told: map[string]bool{},
		}
		w.calls[c.id] = c
		w.after(w.upTo(time.Duration(n)*3*chaosT1/5), func() { w.begin(c) })
	}
}

// begin begins a call, a little later where the machine cannot keep up: else
// most of them would come to nothing for want of time. The last one has more of
// them follow, until enough were answered.
func (w *chaos) begin(c *chaosCall) {
	if w.lag > 2*chaosT1 {
		w.after(w.upTo(20*chaosT1), func() { w.begin(c) })
		return
	}
	w.begun++
	c.begin()
	asked, confirmed := w.ledger.counts()
	switch {
	case w.drained:
	case asked >= chaosCalls*4/5 && confirmed >= chaosAnswered:
		w.drained = true
		w.srv.Drain()
		w.place(chaosLate)
	case w.begun == len(w.calls):
		w.place(chaosLate)
	}
}
