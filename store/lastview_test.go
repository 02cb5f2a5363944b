package store

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// lockedBuffer is a log to look into while others write it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// planOfTwo is two linked accounts, and a key that waits to be redeemed.
func planOfTwo(t testing.TB, s *Store) {
	t.Helper()
	apply(t, s, directory.Create(account("acc_a")), directory.Create(account("acc_b")),
		directory.Create(trunk("trk_a", "acc_a", "192.0.2.1")), directory.Create(trunk("trk_b", "acc_b", "192.0.2.2")),
		directory.Create(number("num_a", "acc_a", "trk_a", "2001")), directory.Create(number("num_b", "acc_b", "trk_b", "30xx")),
		directory.Create(limitsOf("acc_a", 1, 1, 2, 3, 4)),
		directory.Create(&directory.Interlink{ID: "lnk_1", A: directory.Side{Account: "acc_a", Name: "B"}, B: &directory.Side{Account: "acc_b", Name: "A"}}),
		directory.Create(&directory.Interlink{ID: "lnk_2", A: directory.Side{Account: "acc_a", Name: "C"},
			Secret: directory.InterlinkSecret{KeyHash: "the-hash", KeySealed: "the-sealed-key"}}))
}

// viewText is all objects of a view, without secrets.
func viewText(t testing.TB, v *directory.View) string {
	t.Helper()
	var b strings.Builder
	if err := eachObject(v, func(o directory.Object) error {
		body, err := json.Marshal(o.Redacted())
		b.Write(append(body, '\n'))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestStartsWithoutRedis(t *testing.T) {
	r := startRedis(t)
	b := (&backend{url: r.url}).dial(t)
	dir := t.TempDir()
	onDisk := func(c *Config) { c.DataDir = dir }
	first := b.open(t, onDisk)
	planOfTwo(t, first)
	want := viewText(t, first.View())
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "view"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(content), "the-hash") || strings.Contains(string(content), "the-sealed-key") {
		t.Error("the key of an interlink is on the disk")
	}
	if info, err := os.Stat(filepath.Join(dir, "view")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the view is %v, %v", info.Mode(), err)
	}
	kill(r)

	var log lockedBuffer
	s := b.open(t, onDisk, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	if got := viewText(t, s.View()); got != want {
		t.Fatalf("from the disk:\n%s\nwas:\n%s", got, want)
	}
	if n, ok := s.View().Number("acc_b", "3042"); !ok || n.Trunk != "trk_b" {
		t.Fatalf("the view does not route: %+v", n)
	}
	if err := s.Ready(); err == nil || !strings.Contains(err.Error(), "copy of") {
		t.Errorf("ready: %v", err)
	}
	if !strings.Contains(log.String(), "routing by the directory on the disk") {
		t.Errorf("nothing told: %s", &log)
	}
	checked := time.UnixMilli(s.watch.checked.Load())
	if old := time.Since(checked); old < 0 || old > time.Hour {
		t.Errorf("the view is %v old", old)
	}
	after := *s.View().Interlink("lnk_2")
	after.A.Name = "D"
	wantError(t, s.Apply(t.Context(), tester, directory.Replace(s.View().Interlink("lnk_2"), &after)), directory.KindUnavailable, "store_unavailable")

	if err := r.run("redis-server"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the store is ready again", func() bool { return s.Ready() == nil })
	if s.View().Account("acc_a") != nil {
		t.Fatal("the view is not that of the new, empty Redis")
	}
	apply(t, s, directory.Create(account("acc_c")))
	if s.View().Account("acc_c") == nil {
		t.Fatal("a write is not seen")
	}
}

// A view that is damaged anywhere, or cut short, is ignored, with a word about
// it; the store then says what it says without one.
func TestDamagedViewIsIgnored(t *testing.T) {
	r := startRedis(t)
	b := (&backend{url: r.url}).dial(t)
	dir := t.TempDir()
	onDisk := func(c *Config) { c.DataDir = dir }
	first := b.open(t, onDisk)
	planOfTwo(t, first)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "view")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := readView(path); err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 1 << (i % 8)
		for _, content := range [][]byte{damaged, whole[:i]} {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			if l, _, err := readView(path); err == nil {
				// A checksum may be spelled in capitals.
				if i < len(content) && strings.EqualFold(string(content), string(whole)) {
					continue
				}
				t.Fatalf("octet %d of %d: %d objects", i, len(content), l.Size())
			}
		}
	}
	kill(r)
	var log lockedBuffer
	cfg := Config{URL: r.url, DataDir: dir, ClusterKey: []byte("0123456789abcdef"), Log: slog.New(slog.NewTextHandler(&log, nil))}
	if s, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "Redis does not answer") {
		t.Fatalf("opened %v, %v", s, err)
	}
	if !strings.Contains(log.String(), "of no use") {
		t.Errorf("nothing told: %s", &log)
	}
}

func TestViewIsKeptWhileRunning(t *testing.T) {
	b := realBackend(t)
	dir := t.TempDir()
	s := b.open(t, func(c *Config) { c.DataDir, c.ViewEvery = dir, time.Millisecond })
	for _, id := range []string{"acc_a", "acc_b"} {
		apply(t, s, directory.Create(account(id)))
		seq, _ := s.View().Seq()
		eventually(t, "the change is on the disk", func() bool {
			_, have, err := readView(s.last.path())
			return err == nil && have == seq
		})
	}
	// Another node on this machine leaves the directory alone, and works.
	other := b.open(t, func(c *Config) { c.DataDir = dir })
	if other.last != nil || other.View().Account("acc_b") == nil {
		t.Error("two nodes keep one file")
	}
}

func kill(r *redisServer) {
	r.cmd.Process.Kill()
	r.cmd.Wait()
}
