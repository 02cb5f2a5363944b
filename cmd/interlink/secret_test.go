package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestKeptSecret(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	var wg sync.WaitGroup
	got := make([]string, 8)
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = keptSecret(dir, "cluster-key"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range got {
		if s != got[0] || len(s) < minAdminToken {
			t.Fatalf("processes that start together use different keys: %q", got)
		}
	}
	path := filepath.Join(dir, "cluster-key")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("left behind: %v %v", files, err)
	}
	if err := os.WriteFile(path, []byte("s3cr3t"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keptSecret(dir, "cluster-key"); err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("a cut key: %v", err)
	}
	a, _ := keptSecret("", "x")
	b, _ := keptSecret("", "x")
	if a == b {
		t.Error("two secrets are alike")
	}
}
