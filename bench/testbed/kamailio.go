package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Kamailio says how to run one.
type Kamailio struct {
	// Config is the configuration file; every @NAME@ in it is filled in, with
	// Names and with @MODULES@ and @CTL@, where the modules and the control
	// socket are.
	Config string
	Names  map[string]string
	// Args are added as they are.
	Args []string
	// Dir takes everything it writes. Its path is short: it holds a socket.
	Dir string
}

// RunningKamailio is a Kamailio that answers on its control socket.
type RunningKamailio struct {
	*Process
	ctl string
}

// StartKamailio runs one and waits until it answers.
func StartKamailio(ctx context.Context, k Kamailio) (*RunningKamailio, error) {
	source, err := os.ReadFile(k.Config)
	if err != nil {
		return nil, err
	}
	modules, err := kamailioModules()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(k.Dir, "k-")
	if err != nil {
		return nil, err
	}
	ctl := filepath.Join(dir, "ctl")
	replace := []string{"@CTL@", ctl, "@MODULES@", modules}
	for name, value := range k.Names {
		replace = append(replace, "@"+name+"@", value)
	}
	file := filepath.Join(dir, "kamailio.cfg")
	if err := os.WriteFile(file, []byte(strings.NewReplacer(replace...).Replace(string(source))), 0o600); err != nil {
		return nil, err
	}
	p, err := Start(Command{Name: "kamailio", Path: sbin("kamailio"), Dir: dir,
		Args: append([]string{"-DD", "-E", "-f", file, "-Y", dir}, k.Args...)})
	if err != nil {
		return nil, err
	}
	r := &RunningKamailio{Process: p, ctl: ctl}
	answers := func() bool {
		_, err := r.Command(ctx, "core.uptime")
		return err == nil
	}
	if err := p.Until(ctx, "answering on its control socket", answers); err != nil {
		p.Kill()
		return nil, err
	}
	return r, nil
}

// Command asks it something on its control socket.
func (r *RunningKamailio) Command(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, sbin("kamcmd"), append([]string{"-s", "unix:" + r.ctl}, args...)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("kamcmd: %w: %s", err, out)
	}
	return string(out), nil
}

func kamailioModules() (string, error) {
	for _, pattern := range []string{"/usr/lib/*/kamailio/modules", "/usr/lib*/kamailio/modules", "/usr/local/lib*/kamailio/modules"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[0], nil
		}
	}
	return "", errors.New("no modules of Kamailio (scripts/install-test-deps)")
}

// sbin finds a program that Debian keeps out of an ordinary user's PATH.
func sbin(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return filepath.Join("/usr/sbin", name)
}
