package store

import "syscall"

// There is no redis-server to pause on Windows; the tests only compile there.
const (
	pauseSignal  = syscall.SIGINT
	resumeSignal = syscall.SIGINT
)
