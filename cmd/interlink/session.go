package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// savedSession is what login leaves for the commands that follow.
type savedSession struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
	Principal string    `json:"principal"`
	// Acting is set between access start and access end.
	Acting *savedAccess `json:"acting,omitempty"`
}

type savedAccess struct {
	Token     string              `json:"token"`
	Account   directory.AccountID `json:"account"`
	ExpiresAt time.Time           `json:"expires_at"`
}

// sessions are the sessions of one user of this machine, by server, in one file
// that nobody else reads.
type sessions struct{ path string }

func newSessions(environ []string) (sessions, error) {
	dir := variable(environ, "XDG_CONFIG_HOME")
	if dir == "" {
		var err error
		if dir, err = os.UserConfigDir(); err != nil {
			return sessions{}, err
		}
	}
	return sessions{filepath.Join(dir, "interlink", "sessions.json")}, nil
}

// load reads all sessions; none when there is no file.
func (s sessions) load() (map[string]savedSession, error) {
	all := map[string]savedSession{}
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s holds sessions and others can read it: chmod 600 it, or delete it", s.path)
	}
	b, err := os.ReadFile(s.path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", s.path, err)
	}
	return all, nil
}

// find returns the session with a server; nil for none that still lasts.
func (s sessions) find(server string) (*savedSession, error) {
	all, err := s.load()
	if err != nil {
		return nil, err
	}
	saved, ok := all[server]
	if !ok || time.Now().After(saved.ExpiresAt) {
		return nil, nil
	}
	if saved.Acting != nil && time.Now().After(saved.Acting.ExpiresAt) {
		saved.Acting = nil
	}
	return &saved, nil
}

// save keeps the session with a server; nil forgets it.
func (s sessions) save(server string, saved *savedSession) error {
	all, err := s.load()
	if err != nil {
		return err
	}
	if delete(all, server); saved != nil {
		all[server] = *saved
	}
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(s.path), "sessions.*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
