package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Memory is the proportional set size, in octets, of the child and all of its
// living descendants: memory that several of them share counts once. It reads
// /proc/PID/smaps_rollup and so needs Linux.
func (p *Process) Memory() (int64, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	parents := map[int]int{}
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // ended meanwhile
		}
		pid, parent, _, err := parseStat(string(b))
		if err != nil {
			return 0, err
		}
		parents[pid] = parent
	}
	var sum int64
	for pid := range parents {
		for up := pid; up != 0; up = parents[up] {
			if up != p.PID() {
				continue
			}
			n, err := proportional(pid)
			if err != nil && pid == p.PID() {
				return 0, fmt.Errorf("%s: %w", p.name, err)
			}
			sum += n
			break
		}
	}
	return sum, nil
}

func proportional(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	return parsePSS(string(b))
}

// parsePSS finds the line "Pss:   320 kB" (proc(5)).
func parsePSS(rollup string) (int64, error) {
	for line := range strings.Lines(rollup) {
		f := strings.Fields(line)
		if len(f) == 3 && f[0] == "Pss:" && f[2] == "kB" {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("no Pss in %q", rollup)
}
