package testbed

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// poll is how often a condition is looked at.
const poll = 5 * time.Millisecond

// stopTime is how long a child has between SIGTERM and SIGKILL.
const stopTime = 10 * time.Second

// Command says what to run.
type Command struct {
	// Name stands for the child in errors and names its log file.
	Name string
	Path string
	Args []string
	// Env is added to the environment of this process.
	Env []string
	// Dir takes the log file; the child runs in it. It must exist.
	Dir string
}

// Process is a running child. Its output goes to a file, so that nothing of it
// is lost when the child is killed.
type Process struct {
	name string
	cmd  *exec.Cmd
	log  string
	done chan struct{}
	err  error // after done
}

// Start runs a command.
func Start(c Command) (*Process, error) {
	path, err := exec.LookPath(c.Path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w (scripts/install-test-deps installs what the tests need)", c.Name, err)
	}
	log, err := os.CreateTemp(c.Dir, c.Name+"-*.log")
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	p := &Process{name: c.Name, log: log.Name(), done: make(chan struct{})}
	p.cmd = exec.Command(path, c.Args...)
	p.cmd.Env = append(os.Environ(), c.Env...)
	p.cmd.Dir = filepath.Clean(c.Dir)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = processGroup()
	started := make(chan error)
	go func() {
		// The kernel's "die with your parent" means the parent's thread, so this
		// one is kept for as long as the child lives.
		runtime.LockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	return p, nil
}

// PID is the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Wait waits for the end of the child and returns its exit status; -1 when a
// signal ended it.
func (p *Process) Wait(ctx context.Context) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("%s still runs: %w\n%s", p.name, ctx.Err(), p.Tail(20))
	}
}

// Signal sends a signal; a child that has ended is no error.
func (p *Process) Signal(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// Pause makes the child stand still with its sockets open, as a machine that
// hangs does; Resume ends that.
func (p *Process) Pause() error { return p.Signal(pause) }

// Resume lets a paused child go on.
func (p *Process) Resume() error { return p.Signal(resume) }

// Kill ends the child and its own children with SIGKILL and waits until it is
// gone.
func (p *Process) Kill() {
	select {
	case <-p.done:
	default:
		killGroup(p.PID())
		<-p.done
	}
}

// Stop ends the child with SIGTERM, and with SIGKILL after ten seconds, which
// is an error. It may be called again.
func (p *Process) Stop() error {
	_ = p.Signal(syscall.SIGTERM)
	late := time.NewTimer(stopTime)
	defer late.Stop()
	select {
	case <-p.done:
		return nil
	case <-late.C:
		p.Kill()
		return fmt.Errorf("%s did not stop within %v of SIGTERM\n%s", p.name, stopTime, p.Tail(20))
	}
}

// Output is all that the child has written so far.
func (p *Process) Output() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Tail is the last lines of the output.
func (p *Process) Tail(lines int) string {
	all := strings.Split(strings.TrimRight(p.Output(), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Until polls a condition until it holds, the child ends or ctx is done.
func (p *Process) Until(ctx context.Context, what string, holds func() bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-p.done:
			cancel(errors.New("the process has ended"))
		case <-ctx.Done():
		}
	}()
	if err := Until(ctx, what, holds); err != nil {
		return fmt.Errorf("%s: %w\n%s", p.name, err, p.Tail(20))
	}
	return nil
}

// Until polls a condition until it holds or ctx is done.
func Until(ctx context.Context, what string, holds func() bool) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("not %s: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
	return nil
}

// Listening waits until a program has bound a UDP address.
func (p *Process) Listening(ctx context.Context, local netip.AddrPort) error {
	return p.Until(ctx, "listening", func() bool { return bound(local) })
}
