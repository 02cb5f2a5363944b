package store

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// paidCallOf is the claim of an account without lines that pays 7 a minute and uses
// its licence's minutes.
func paidCallOf(owner string) routing.Claim {
	c := onCredit(routing.RoleCaller, owner, 0, routing.Terms{Price: 7, Added: 1_000_000})
	c.Licensed = true
	return c
}

// talkUntilKilled is what the child process does: calls that cost 7 and a minute
// each, one after the other; it says which of them were booked.
func talkUntilKilled(dir string) {
	s, err := openOnDisk(dir, quiet())
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	t := printer{}
	for i := 0; ; i++ {
		id := lease(i)
		copy(id[:], s.incarnation[len(s.incarnation)-6:])
		answers := newSink()
		s.Admit(admission(id, paidCallOf("acc_a")), answers)
		s.Flush()
		if a := answers.next(t); a.Verdict != routing.Admitted {
			t.Fatalf("failed: %+v", a)
		}
		if v := confirm(t, s, id, 0); v != routing.Done {
			t.Fatalf("failed: verdict %d", v)
		}
		release(t, s, id)
		fmt.Println("booked")
	}
}

// printer is a child process' way to fail.
type printer struct{}

func (printer) Helper()                  {}
func (printer) Context() context.Context { return context.Background() }
func (printer) Fatal(args ...any)        { fmt.Println(args...); os.Exit(1) }
func (printer) Fatalf(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

// LI9, SU5: a process that is killed in the middle of calls loses none that was
// booked, and the one that was up is booked when it starts again.
func TestKill9LosesNoMoney(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenOnDisk(t, dir)
	apply(t, s, directory.Create(account("acc_a")), licence("acc_a", "lic_1", 1_000_000))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for round := range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), childTalksEnv+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines, n := bufio.NewScanner(out), int64(0)
		for lines.Scan() {
			if lines.Text() != "booked" {
				t.Fatal(lines.Text())
			}
			if n++; n == int64(20+5*round) {
				cmd.Process.Kill() // what it said before it died counts too
			}
		}
		cmd.Wait()
		s := mustOpenOnDisk(t, dir)
		got, minutes := spending(t, s, "acc_a"), talked(t, s, "acc_a")
		if got.Running != 0 || got.Minutes != 0 || got.Spent < 7*(total+n) || got.Spent > 7*(total+n+1) || minutes != got.Spent/7 {
			t.Errorf("round %d: %+v, %d minutes; %d calls were booked, %d in this round", round, got, minutes, total+n, n)
		}
		total = got.Spent / 7
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// talk carries out a call that is answered and ends.
func talk(t testing.TB, s *Store, n int) {
	t.Helper()
	if a := admit(t, s, lease(n), paidCallOf("acc_a")); a.Verdict != routing.Admitted {
		t.Fatalf("%+v", a)
	}
	confirm(t, s, lease(n), 0)
	release(t, s, lease(n))
}

func openPaid(t *testing.T, dir string) *Store {
	t.Helper()
	s := mustOpenOnDisk(t, dir)
	apply(t, s, directory.Create(account("acc_a")), licence("acc_a", "lic_1", 1_000))
	return s
}

// A restart forgets neither what was booked nor that calls ran: those that were up
// are booked until it, those that rang cost nothing.
func TestLI9BooksSurviveRestart(t *testing.T) {
	dir := t.TempDir()
	s := openPaid(t, dir)
	talk(t, s, 1)
	for n := 2; n <= 3; n++ {
		admit(t, s, lease(n), paidCallOf("acc_a"))
	}
	confirm(t, s, lease(2), 0)
	talk(t, s, 4)
	if got := spending(t, s, "acc_a"); got.Spent != 14 || got.Running == 0 || got.Minutes == 0 {
		t.Fatalf("%+v", got)
	}
	// An administrator's way to end a call is booked, too.
	admit(t, s, lease(5), paidCallOf("acc_a"))
	confirm(t, s, lease(5), 0)
	if err := s.EndCall(t.Context(), lease(5)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s = mustOpenOnDisk(t, dir)
		if got := spending(t, s, "acc_a"); got != (routing.Spending{Spent: 28}) || talked(t, s, "acc_a") != 4 {
			t.Fatalf("%+v, %d minutes", got, talked(t, s, "acc_a"))
		}
		release(t, s, lease(2)) // too late
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What is known of a call that was up is how long the process lived with it.
func TestLI9ACallIsBookedUpToTheLastSignOfLife(t *testing.T) {
	dir := t.TempDir()
	s := openPaid(t, dir)
	admit(t, s, lease(1), paidCallOf("acc_a"))
	confirm(t, s, lease(1), 0)
	books := s.embedded.data.books
	at := func() int64 {
		books.mu.Lock()
		defer books.mu.Unlock()
		return books.at
	}
	// The call is an hour older than it is.
	age(t, &backend{client: s.client}, s, "acc_a", lease(1), time.Hour)
	if got := spending(t, s, "acc_a"); got.Spent != 0 || got.Minutes < 61 {
		t.Fatalf("%+v", got)
	}
	before := at()
	if err := books.beat(time.UnixMilli(before).Add(bookSignOfLife - time.Millisecond)); err != nil || at() != before {
		t.Fatal("it says too often that it lives", err)
	}
	if err := books.beat(time.UnixMilli(before).Add(bookSignOfLife)); err != nil {
		t.Fatal(err)
	}
	if at() < before {
		t.Fatal("no sign of life")
	}
	s.Close()
	s = mustOpenOnDisk(t, dir)
	defer s.Close()
	if got, minutes := spending(t, s, "acc_a"), talked(t, s, "acc_a"); minutes < 60 || minutes > 61 || got != (routing.Spending{Spent: 7 * minutes}) {
		t.Fatalf("%+v, %d minutes", got, minutes)
	}
}

func TestTornAndDamagedBooks(t *testing.T) {
	dir := t.TempDir()
	s := openPaid(t, dir)
	for n := range 3 {
		talk(t, s, n)
	}
	s.Close()
	path := filepath.Join(dir, "books")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(bytes.TrimSuffix(whole, []byte{'\n'}), []byte{'\n'})
	if len(lines) < 6 {
		t.Fatalf("%d lines of three calls", len(lines))
	}
	flipped := func(at int) []byte {
		b := bytes.Clone(whole)
		b[at] ^= 1
		return b
	}
	for _, c := range []struct {
		name    string
		content []byte
		spent   int64 // at least, and one call more at most; -1: must not open
		torn    bool
	}{
		{"cut in the last line", whole[:len(whole)-10], 14, true},
		{"cut before the last newline", whole[:len(whole)-1], 14, true},
		{"last line wrong", flipped(len(whole) - 20), 14, true},
		{"only a beginning", whole[:5], 0, true},
		{"empty", nil, 0, false},
		{"first line wrong", flipped(20), -1, false},
		{"a line twice", append(bytes.Clone(whole), bytes.Join(lines[len(lines)-1:], nil)...), 21, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			content := c.content
			if c.name == "a line twice" {
				content = append(bytes.Clone(content), '\n')
			}
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			s, err := openOnDisk(dir, slog.New(slog.NewTextHandler(&said, nil)))
			if c.spent < 0 {
				if err == nil {
					s.Close()
					t.Fatal("damaged books open")
				}
				if !strings.Contains(err.Error(), path) {
					t.Fatalf("the error does not name the file: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			// A call whose end is cut off was up: it is booked all the same.
			if got := spending(t, s, "acc_a"); got.Running != 0 || got.Spent < c.spent || got.Spent > c.spent+7 {
				t.Fatalf("%+v, want %d", got, c.spent)
			}
			if torn := strings.Contains(said.String(), "torn"); torn != c.torn {
				t.Errorf("logged %q", said.String())
			}
			talk(t, s, 99) // it goes on from there
		})
	}
}

// TestBooksAreWrittenAnew lets the file outgrow what it says.
func TestBooksAreWrittenAnew(t *testing.T) {
	dir := t.TempDir()
	s := openPaid(t, dir)
	admit(t, s, lease(1000), paidCallOf("acc_a"))
	confirm(t, s, lease(1000), 0)
	for n := range 5 {
		talk(t, s, n)
	}
	books := s.embedded.data.books
	books.mu.Lock()
	before := books.size
	books.size = rewriteAt // as if it had grown
	books.mu.Unlock()
	talk(t, s, 5)
	path := filepath.Join(dir, "books")
	info, err := os.Stat(path)
	if err != nil || info.Size() >= before || info.Mode().Perm() != 0o600 {
		t.Fatalf("%d octets after %d, %v", info.Size(), before, err)
	}
	talk(t, s, 6)
	// A crash while it was written anew leaves the old file, and a new one nobody reads.
	if err := os.WriteFile(path+".new", []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = mustOpenOnDisk(t, dir)
	defer s.Close()
	if got := spending(t, s, "acc_a"); got != (routing.Spending{Spent: 8 * 7}) {
		t.Fatalf("%+v", got)
	}
}

// TestBooksThatFail takes the disk away: the node says that it is not ready.
func TestBooksThatFail(t *testing.T) {
	dir := t.TempDir()
	s := openPaid(t, dir)
	talk(t, s, 1)
	s.embedded.data.books.file.Close()
	talk(t, s, 2)
	if err := s.Ready(); err == nil || !strings.Contains(err.Error(), "books") {
		t.Fatalf("ready: %v", err)
	}
	if _, err := s.Spending(t.Context(), "acc_a"); err == nil {
		t.Error("what is not on the disk is told")
	}
	s.Close()
	s = mustOpenOnDisk(t, dir)
	defer s.Close()
	if got := spending(t, s, "acc_a"); got.Spent != 7 {
		t.Fatalf("%+v", got)
	}
}
