package store

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockExclusively fails at once when another process holds the lock.
func lockExclusively(f *os.File) error {
	const onlyByte, low, high = 0, 1, 0
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		onlyByte, low, high, &windows.Overlapped{})
}

// syncDir has nothing to do: Windows does not flush a directory, and NTFS
// journals the rename.
func syncDir(string) error { return nil }
