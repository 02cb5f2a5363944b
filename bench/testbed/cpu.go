package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of utime and stime in /proc/PID/stat (proc(5)): Linux
// shows 100 a second on every architecture Go runs on.
const clockTick = time.Second / 100

// CPU is the processor time, user and system, that the child and all of its
// living descendants have used. It reads /proc and so needs Linux.
func (p *Process) CPU() (time.Duration, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	type entry struct{ parent, ticks int }
	all := map[int]entry{}
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // ended meanwhile
		}
		pid, parent, ticks, err := parseStat(string(b))
		if err != nil {
			return 0, err
		}
		all[pid] = entry{parent, ticks}
	}
	if _, ok := all[p.PID()]; !ok {
		return 0, fmt.Errorf("%s: no /proc entry", p.name)
	}
	ticks := 0
	for pid, e := range all {
		for up := pid; up != 0; up = all[up].parent {
			if up == p.PID() {
				ticks += e.ticks
				break
			}
		}
	}
	return time.Duration(ticks) * clockTick, nil
}

// parseStat reads one /proc/PID/stat line. The second field is the command in
// parentheses and may hold anything, so fields are counted from the last ")".
func parseStat(line string) (pid, parent, ticks int, err error) {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return 0, 0, 0, fmt.Errorf("not a stat line: %q", line)
	}
	rest := strings.Fields(line[end+1:])
	if len(rest) < 13 {
		return 0, 0, 0, fmt.Errorf("not a stat line: %q", line)
	}
	var n [4]int
	for i, s := range []string{strings.TrimSpace(line[:open]), rest[1], rest[11], rest[12]} {
		if n[i], err = strconv.Atoi(s); err != nil {
			return 0, 0, 0, fmt.Errorf("not a stat line: %q: %w", line, err)
		}
	}
	return n[0], n[1], n[2] + n[3], nil
}
