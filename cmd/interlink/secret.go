package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// adminTokenFile and clusterKeyFile are the secrets that an embedded gateway
// makes for itself, in its data directory.
const (
	adminTokenFile = "admin-token"
	clusterKeyFile = "cluster-key"
)

// keptSecret reads the secret that an earlier start left in dir, or makes one
// of 130 random bits and keeps it there, readable for the owner only. With an
// empty dir it lives as long as the process.
func keptSecret(dir, name string) (string, error) {
	if dir == "" {
		return rand.Text(), nil
	}
	path := filepath.Join(dir, name)
	b, err := os.ReadFile(path)
	if err == nil {
		return checkSecret(path, string(b))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	secret := rand.Text()
	// Written beside and linked in place: a crash leaves no half a key, and of
	// two processes that start together both use the one that came first.
	f, err := os.CreateTemp(dir, name+".*") // mode 0600
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(secret + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", err
	}
	if err := os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
		return keptSecret(dir, name)
	} else if err != nil {
		return "", err
	}
	return secret, nil
}

// checkSecret keeps the text out of its error.
func checkSecret(path, text string) (string, error) {
	text = strings.TrimSpace(text)
	if len(text) < minAdminToken {
		return "", fmt.Errorf("%s holds no key: %d characters", path, len(text))
	}
	return text, nil
}
