//go:build !linux && !windows

package testbed

import (
	"os"
	"syscall"
)

func processGroup() *syscall.SysProcAttr { return nil }

// killGroup ends the child; what it has started must look after itself.
func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}

const (
	// lastOrders is the signal by which SIPp takes no more calls and ends when
	// those it has are over.
	lastOrders = syscall.SIGUSR1
	// pause makes a program stand still, with its sockets open; resume ends that.
	pause, resume = syscall.SIGSTOP, syscall.SIGCONT
)
