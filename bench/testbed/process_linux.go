package testbed

import "syscall"

// processGroup makes the child the head of a group of its own, and dead when
// this process is.
func processGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// killGroup ends the child and whatever it has started.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

const (
	// lastOrders is the signal by which SIPp takes no more calls and ends when
	// those it has are over.
	lastOrders = syscall.SIGUSR1
	// pause makes a program stand still, with its sockets open; resume ends that.
	pause, resume = syscall.SIGSTOP, syscall.SIGCONT
)
