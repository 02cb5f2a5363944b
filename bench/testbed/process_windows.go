package testbed

import (
	"os"
	"syscall"
)

// Nothing of the testbed runs on Windows; it only has to compile there.

func processGroup() *syscall.SysProcAttr { return nil }

func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}

const lastOrders, pause, resume = syscall.SIGTERM, syscall.SIGTERM, syscall.SIGTERM
