package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// childEnv and childTalksEnv name the data directory of a process this test starts
// of itself.
const (
	childEnv      = "INTERLINK_TEST_STORE_CHILD"
	childTalksEnv = "INTERLINK_TEST_STORE_CHILD_TALKS"
)

// shared is the redis-server that tests share which do not harm it.
var shared struct {
	sync.Mutex
	server *redisServer
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		writeUntilKilled(dir)
	}
	if dir := os.Getenv(childTalksEnv); dir != "" {
		talkUntilKilled(dir)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if shared.server != nil {
			shared.server.stop()
		}
		os.Exit(code)
	}))
}

// redisServer is a redis-server of the test's own, on a Unix socket.
type redisServer struct {
	cmd *exec.Cmd
	dir string
	url string
}

func launchRedis() (*redisServer, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("redis-server is not installed; run scripts/install-test-deps")
	}
	dir, err := os.MkdirTemp("", "rs")
	if err != nil {
		return nil, err
	}
	r := &redisServer{dir: dir, url: "unix://" + filepath.Join(dir, "s")}
	return r, r.run(path)
}

func (r *redisServer) run(path string) error {
	r.cmd = exec.Command(path, "--port", "0", "--unixsocket", filepath.Join(r.dir, "s"), "--save", "", "--appendonly", "no", "--dir", r.dir)
	if err := r.cmd.Start(); err != nil {
		return err
	}
	c, err := connect(r.url)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for c.Ping(ctx).Err() != nil {
		if ctx.Err() != nil {
			return errors.New("redis-server does not answer")
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}

func (r *redisServer) stop() {
	r.cmd.Process.Signal(resumeSignal)
	r.cmd.Process.Kill()
	r.cmd.Wait()
	os.RemoveAll(r.dir)
}

// pause makes it answer nobody, and keep every connection; resume ends that.
func (r *redisServer) pause(t testing.TB)  { t.Helper(); r.signal(t, pauseSignal) }
func (r *redisServer) resume(t testing.TB) { t.Helper(); r.signal(t, resumeSignal) }

func (r *redisServer) signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// startRedis gives a test a redis-server it may harm.
func startRedis(t testing.TB) *redisServer {
	t.Helper()
	r, err := launchRedis()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.stop)
	return r
}

// backend is one Redis, empty at the start of a test.
type backend struct {
	url    string
	client redis.UniversalClient
	// advance moves Redis' clock; nil where it cannot be moved.
	advance func(time.Duration)
}

// forEachBackend runs a test on the embedded kind of Redis, with a clock that
// stands still until moved, and on a real redis-server.
func forEachBackend(t *testing.T, f func(t *testing.T, b *backend)) {
	t.Run("miniredis", func(t *testing.T) { f(t, miniBackend(t)) })
	t.Run("redis", func(t *testing.T) { f(t, realBackend(t)) })
}

func miniBackend(t testing.TB) *backend {
	t.Helper()
	m := miniredis.NewMiniRedis()
	now := time.Now()
	m.SetTime(now)
	m.ClockTTL(true)
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	b := &backend{url: "redis://" + m.Addr(), advance: func(d time.Duration) {
		now = now.Add(d)
		m.SetTime(now)
	}}
	return b.dial(t)
}

func realBackend(t testing.TB) *backend {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		r, err := launchRedis()
		if err != nil {
			t.Fatal(err)
		}
		shared.server = r
	}
	b := (&backend{url: shared.server.url}).dial(t)
	if err := b.client.FlushAll(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *backend) dial(t testing.TB) *backend {
	t.Helper()
	c, err := connect(b.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	b.client = c
	return b
}

// open starts a store on the back end; it is closed when the test ends.
func (b *backend) open(t testing.TB, change ...func(*Config)) *Store {
	t.Helper()
	cfg := Config{
		URL: b.url, ClusterKey: []byte("0123456789abcdef"), Log: quiet(),
		// Instrumented tests on a busy machine are slow; the tests about the
		// budget set their own.
		AdmitBudget: 20 * time.Second,
	}
	for _, f := range change {
		f(&cfg)
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

var tester = directory.Actor{Principal: "staff:test", RequestID: "req_1"}

func account(id string) *directory.Account {
	return &directory.Account{ID: directory.AccountID(id), Name: "Name of " + id, Realm: id + ".example", TimeZone: "UTC", Enabled: true}
}

func trunk(id, owner, source string) *directory.Trunk {
	src, err := directory.ParseSource(source)
	if err != nil {
		panic(err)
	}
	return &directory.Trunk{
		ID: directory.TrunkID(id), Account: directory.AccountID(owner), Name: id,
		Addresses: []netip.AddrPort{netip.AddrPortFrom(src.Prefix.Addr(), 5060)}, Sources: []directory.Source{src},
	}
}

func number(id, owner, trunk, pattern string) *directory.InternalNumber {
	p, err := directory.ParsePattern(pattern)
	if err != nil {
		panic(err)
	}
	return &directory.InternalNumber{ID: directory.NumberID(id), Account: directory.AccountID(owner), Number: p, Trunk: directory.TrunkID(trunk), Enabled: true}
}

func limitsOf(owner string, version uint64, lanes ...int64) *directory.Limits {
	l := directory.NoLimits(directory.AccountID(owner))
	for i, to := range []*int64{&l.Inbound, &l.Outbound, &l.TwoWay, &l.Burst, &l.MaxOutbound} {
		if i < len(lanes) {
			*to = lanes[i]
		}
	}
	l.Version = version
	return l
}

func apply(t testing.TB, s *Store, changes ...directory.Change) {
	t.Helper()
	if err := s.Apply(t.Context(), tester, changes...); err != nil {
		t.Fatal(err)
	}
}

// wantError checks an error's kind and code.
func wantError(t testing.TB, err error, kind directory.ErrorKind, code string) {
	t.Helper()
	var e *directory.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Code != code {
		t.Fatalf("error is %v, want kind %d code %q", err, kind, code)
	}
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("it does not come about: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// sink collects the ledger's answers.
type sink chan routing.Answer

func newSink() sink { return make(chan routing.Answer, 4096) }

func (s sink) LedgerAnswers(list []routing.Answer) {
	for _, a := range list {
		s <- a
	}
}

func (s sink) next(t fataler) routing.Answer {
	t.Helper()
	select {
	case a := <-s:
		return a
	case <-time.After(30 * time.Second):
		t.Fatal("the ledger gives no answer")
		panic("unreachable")
	}
}

func lease(n int) (l routing.LeaseID) {
	copy(l[:], fmt.Sprintf("lease-%010d", n))
	return l
}

func claim(role routing.Role, owner string, limits *directory.Limits) routing.Claim {
	return routing.Claim{Account: directory.AccountID(owner), Role: role, Limits: limits}
}

func admission(l routing.LeaseID, claims ...routing.Claim) *routing.Admission {
	return &routing.Admission{
		Lease: l, Claims: claims, Caller: "acc_a", Callee: "acc_b", From: "2001", To: "3001",
		CallID: "call@example", Started: time.UnixMilli(1_700_000_000_000).UTC(),
	}
}

func admit(t testing.TB, s *Store, l routing.LeaseID, claims ...routing.Claim) routing.Answer {
	t.Helper()
	answers := newSink()
	s.Admit(admission(l, claims...), answers)
	s.Flush()
	return answers.next(t)
}

func confirm(t fataler, s *Store, l routing.LeaseID, expires time.Duration) routing.Verdict {
	t.Helper()
	answers := newSink()
	s.Confirm(l, expires, answers)
	s.Flush()
	a := answers.next(t)
	if a.Lease != l || !a.Confirm {
		t.Fatalf("answer %+v is not for this confirm", a)
	}
	return a.Verdict
}

// release gives a lease back and waits until Redis has taken it: what is handed
// over later is carried out later.
func release(t fataler, s *Store, l routing.LeaseID) {
	t.Helper()
	s.Release(l)
	barrier(t, s)
}

func barrier(t fataler, s *Store) {
	t.Helper()
	confirm(t, s, lease(999_999_999), 0)
}

func lines(t fataler, s *Store, owner string) (in, out int) {
	t.Helper()
	got, err := s.Lines(t.Context(), []directory.AccountID{directory.AccountID(owner)})
	if err != nil || len(got) != 1 {
		t.Fatalf("lines: %v, %v", got, err)
	}
	return got[0].Inbound, got[0].Outbound
}

// fataler is a *testing.T or a *rapid.T.
type fataler interface {
	Helper()
	Context() context.Context
	Fatal(...any)
	Fatalf(string, ...any)
}
