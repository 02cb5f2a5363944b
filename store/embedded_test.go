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
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

func openOnDisk(dir string, log *slog.Logger) (*Store, error) {
	return Open(context.Background(), Config{Embedded: true, DataDir: dir, ClusterKey: []byte("0123456789abcdef"), Log: log, AdmitBudget: 20 * time.Second})
}

func mustOpenOnDisk(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := openOnDisk(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// writeUntilKilled is what the child process does: it creates accounts and says
// which of them were acknowledged.
func writeUntilKilled(dir string) {
	s, err := openOnDisk(dir, quiet())
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	have := s.View().Size(directory.KindAccount)
	for i := have; ; i++ {
		a := account("acc_" + strconv.Itoa(i))
		if err := s.Apply(context.Background(), tester, directory.Create(a), directory.Create(limitsOf(string(a.ID), 0, 3))); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		s.Write(&routing.CDR{Lease: lease(i), Caller: a.ID, Result: routing.ResultAnswered})
		fmt.Println(a.ID)
	}
}

// TestKill9LosesNoAcknowledgedWrite kills a process in the middle of writing,
// several times over one data directory.
func TestKill9LosesNoAcknowledgedWrite(t *testing.T) {
	dir := t.TempDir()
	var acknowledged []string
	for round := range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), childEnv+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; n < 30+7*round && lines.Scan(); n++ {
			acknowledged = append(acknowledged, lines.Text())
		}
		cmd.Process.Kill()
		for lines.Scan() { // what it said before it died counts too
			acknowledged = append(acknowledged, lines.Text())
		}
		cmd.Wait()
		s := mustOpenOnDisk(t, dir)
		for _, id := range acknowledged {
			if s.View().Account(directory.AccountID(id)) == nil || s.View().LimitsOf(directory.AccountID(id)) == nil {
				t.Errorf("round %d: %s was acknowledged and is gone", round, id)
			}
		}
		if n := s.View().Size(directory.KindAccount); n > len(acknowledged)+1 {
			t.Errorf("round %d: %d accounts of %d acknowledged", round, n, len(acknowledged))
		} else if n == len(acknowledged)+1 {
			acknowledged = append(acknowledged, "acc_"+strconv.Itoa(n-1)) // written, not told
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEmbeddedSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenOnDisk(t, dir)
	apply(t, s, directory.Create(account("acc_a")), directory.Create(trunk("trk_a", "acc_a", "192.0.2.1")), directory.Create(number("num_1", "acc_a", "trk_a", "20xx")))
	apply(t, s, directory.Create(account("acc_b")))
	apply(t, s, directory.Delete(s.View().Account("acc_b")))
	for i := range 3 {
		s.Write(&routing.CDR{Lease: lease(i), Caller: "acc_a", To: strconv.Itoa(i), Result: routing.ResultAnswered})
	}
	seq, _ := s.View().Seq()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s = mustOpenOnDisk(t, dir)
		if now, _ := s.View().Seq(); now != seq {
			t.Fatalf("stands at %d, not %d", now, seq)
		}
		if n, ok := s.View().Number("acc_a", "2042"); !ok || s.View().InternalNumber(n.ID).Version != 1 || s.View().Account("acc_b") != nil {
			t.Fatalf("number %+v", n)
		}
		// What the script checks is there again.
		wantError(t, s.Apply(t.Context(), tester, directory.Delete(s.View().Account("acc_a"))), directory.KindConflict, "in_use")
		wantError(t, s.Apply(t.Context(), tester, directory.Create(number("num_2", "acc_a", "trk_a", "20xx"))), directory.KindConflict, "number_taken")
		log, _, err := s.CallLog(t.Context(), "acc_a", "", 10)
		if err != nil || len(log) != 3 || log[0].To != "2" || log[2].To != "0" {
			t.Fatalf("call log %+v, %v", log, err)
		}
		if n := s.client.XLen(t.Context(), keyAudit).Val(); n != int64(seq) {
			t.Fatalf("%d audit entries of %d", n, seq)
		}
		if _, err := openOnDisk(dir, quiet()); err == nil || !strings.Contains(err.Error(), "another process") {
			t.Fatalf("a second store on the directory: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", f.Name(), info.Mode())
		}
	}
}

func TestCompaction(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenOnDisk(t, dir)
	for i := range 10 {
		apply(t, s, directory.Create(account("acc_"+strconv.Itoa(i))))
	}
	before, err := os.ReadFile(filepath.Join(dir, "journal"))
	if err != nil {
		t.Fatal(err)
	}
	s.embedded.data.journal.size = compactAt // as if it had grown
	apply(t, s, directory.Delete(s.View().Account("acc_3")))
	apply(t, s, directory.Create(account("acc_last")))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(filepath.Join(dir, "journal"))
	if err != nil || bytes.Count(after, []byte{'\n'}) != 1 {
		t.Fatalf("journal has %d lines, %v", bytes.Count(after, []byte{'\n'}), err)
	}
	check := func() {
		t.Helper()
		s := mustOpenOnDisk(t, dir)
		defer s.Close()
		seq, _ := s.View().Seq()
		if n := s.View().Size(directory.KindAccount); n != 10 || seq != 12 || s.View().Account("acc_3") != nil || s.View().Account("acc_last") == nil {
			t.Fatalf("%d accounts, seq %d", n, seq)
		}
		if n := s.client.XLen(t.Context(), keyAudit).Val(); n != 12 {
			t.Fatalf("%d audit entries of 12", n)
		}
	}
	check()
	// A crash between the new snapshot and the empty journal: the journal still
	// has writes that the snapshot has too.
	deleted := []byte(nil)
	if err := os.WriteFile(filepath.Join(dir, "journal"), append(append(before, deleted...), after...), 0o600); err != nil {
		t.Fatal(err)
	}
	check()
}

func TestTornAndDamagedJournal(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenOnDisk(t, dir)
	for i := range 3 {
		apply(t, s, directory.Create(account("acc_"+strconv.Itoa(i))))
	}
	s.Close()
	path := filepath.Join(dir, "journal")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(whole, '\n') + 1
	second := first + bytes.IndexByte(whole[first:], '\n') + 1
	flipped := func(at int) []byte {
		b := bytes.Clone(whole)
		b[at] ^= 1
		return b
	}
	for _, c := range []struct {
		name    string
		content []byte
		left    int // accounts; -1: must not open
	}{
		{"cut in the last line", whole[:len(whole)-10], 2},
		{"cut before the last newline", whole[:len(whole)-1], 2},
		{"last line wrong", flipped(len(whole) - 20), 2},
		{"only a beginning", whole[:5], 0},
		{"empty", nil, 0},
		{"first line wrong", flipped(20), -1},
		{"second line wrong", flipped(first + 3), -1},
		{"second line missing", append(bytes.Clone(whole[:first]), whole[second:]...), -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(path, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			s, err := openOnDisk(dir, slog.New(slog.NewTextHandler(&said, nil)))
			if c.left < 0 {
				if err == nil {
					s.Close()
					t.Fatal("a damaged journal opens")
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
			if n := s.View().Size(directory.KindAccount); n != c.left {
				t.Fatalf("%d accounts left, want %d", n, c.left)
			}
			if len(c.content) > 0 && !strings.Contains(said.String(), "torn") {
				t.Error("the cut is not logged")
			}
			// It goes on from there.
			apply(t, s, directory.Create(account("acc_new")))
		})
	}
}

// TestAJournalThatFails takes the disk away: what is not on it is not
// acknowledged, and nothing is taken after it.
func TestAJournalThatFails(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenOnDisk(t, dir)
	apply(t, s, directory.Create(account("acc_a")))
	s.embedded.data.journal.file.Close()
	wantError(t, s.Apply(t.Context(), tester, directory.Create(account("acc_b"))), directory.KindUnavailable, "store_unavailable")
	wantError(t, s.Apply(t.Context(), tester, directory.Create(account("acc_c"))), directory.KindUnavailable, "store_unavailable")
	if s.Ready() == nil || s.View().Account("acc_c") != nil {
		t.Fatal("a store without a journal goes on")
	}
	s.Close()
	s = mustOpenOnDisk(t, dir)
	defer s.Close()
	if s.Ready() != nil || s.View().Account("acc_a") == nil || s.View().Account("acc_b") != nil {
		t.Fatal("what was acknowledged is not what is there")
	}
}

func TestDamagedSnapshot(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenOnDisk(t, dir)
	s.embedded.data.journal.size = compactAt
	apply(t, s, directory.Create(account("acc_a")))
	s.Close()
	path := filepath.Join(dir, "snapshot")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte{'\n'})
	for name, content := range map[string][]byte{
		"a line missing": bytes.Join(lines[:len(lines)-2], nil),
		"a bit":          append(append(bytes.Clone(whole[:15]), whole[15]^1), whole[16:]...),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := openOnDisk(dir, quiet()); err == nil {
			s.Close()
			t.Errorf("%s: a damaged snapshot opens", name)
		}
	}
}

func TestEmbeddedSaysItIsForOneNode(t *testing.T) {
	var said bytes.Buffer
	s, err := Open(t.Context(), Config{Embedded: true, Log: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, want := range []string{"one node", "no data directory"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, said.String())
		}
	}
	if a := admit(t, s, lease(1), claim(routing.RoleCaller, "acc_a", nil)); a.Verdict != routing.Admitted {
		t.Fatalf("%+v", a)
	}
	// Nobody else on the machine gets in.
	stranger, err := connect("redis://" + s.embedded.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if err := stranger.Get(t.Context(), keySeq).Err(); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Fatalf("without the password: %v", err)
	}
}
