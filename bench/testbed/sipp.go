package testbed

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Scenario says how to run SIPp.
type Scenario struct {
	// Name stands for the run in errors and file names.
	Name string
	// File is the scenario, an absolute path.
	File string
	// Local is where SIPp sends from and listens.
	Local netip.AddrPort
	// Remote is whom it calls; not valid for a scenario that only answers.
	Remote netip.AddrPort
	// Number is the user part dialled.
	Number string
	// Calls to make, at Rate per second with at most Limit at once (0: SIPp's
	// own limit); Calls 0 stands for as many as come.
	Calls, Rate, Limit int
	// Hold is how long an answered call lasts where the scenario says <pause/>.
	Hold time.Duration
	// Keys are scenario keywords: [name] becomes the value.
	Keys map[string]string
	// Timeout ends a run that hangs; 0 stands for one minute.
	Timeout time.Duration
	// Args are added as they are.
	Args []string
	// Dir takes the statistics, the errors and the log.
	Dir string
}

// SIPp is a running SIPp.
type SIPp struct {
	*Process
	stats, errors string
}

// StartSIPp runs a scenario.
func StartSIPp(s Scenario) (*SIPp, error) {
	base := filepath.Join(s.Dir, s.Name)
	r := &SIPp{stats: base + ".csv", errors: base + ".errors"}
	timeout := s.Timeout
	if timeout == 0 {
		timeout = time.Minute
	}
	args := []string{
		"-sf", s.File, "-nostdin", "-skip_rlimit", "-buff_size", "4194304",
		"-i", s.Local.Addr().String(), "-p", strconv.Itoa(int(s.Local.Port())),
		"-trace_stat", "-stf", r.stats, "-fd", "1",
		"-trace_err", "-error_file", r.errors,
		"-timeout", fmt.Sprintf("%ds", int(timeout.Seconds())), "-timeout_error",
	}
	if s.Number != "" {
		args = append(args, "-s", s.Number)
	}
	if s.Calls > 0 {
		args = append(args, "-m", strconv.Itoa(s.Calls))
	}
	if s.Rate > 0 {
		args = append(args, "-r", strconv.Itoa(s.Rate))
	}
	if s.Limit > 0 {
		args = append(args, "-l", strconv.Itoa(s.Limit))
	}
	if s.Hold > 0 {
		args = append(args, "-d", strconv.Itoa(int(s.Hold.Milliseconds())))
	}
	for k, v := range s.Keys {
		args = append(args, "-key", k, v)
	}
	args = append(args, s.Args...)
	if s.Remote.IsValid() {
		args = append(args, s.Remote.String())
	}
	p, err := Start(Command{Name: "sipp-" + s.Name, Path: "sipp", Args: args, Dir: s.Dir})
	if err != nil {
		return nil, err
	}
	r.Process = p
	return r, nil
}

// Quit asks a SIPp that would answer for ever to end once its calls have.
func (r *SIPp) Quit(ctx context.Context) (Stats, error) {
	if err := r.Signal(lastOrders); err != nil {
		return Stats{}, err
	}
	return r.Finish(ctx)
}

// Finish waits for the end of the run and returns SIPp's own statistics.
func (r *SIPp) Finish(ctx context.Context) (Stats, error) {
	if _, err := r.Wait(ctx); err != nil {
		return Stats{}, err
	}
	st, err := readStats(r.stats)
	if err != nil {
		return Stats{}, fmt.Errorf("%w\n%s\n%s", err, r.Tail(20), r.Errors(20))
	}
	return st, nil
}

// Stats returns the newest line of a running SIPp's statistics (one a second).
func (r *SIPp) Stats() (Stats, error) { return readStats(r.stats) }

// Errors is the first lines of what SIPp found wrong.
func (r *SIPp) Errors(lines int) string {
	b, err := os.ReadFile(r.errors)
	if err != nil {
		return ""
	}
	all := strings.SplitN(string(b), "\n", lines+1)
	return strings.Join(all[:min(len(all), lines)], "\n")
}

// Stats are SIPp's cumulative counters.
type Stats struct {
	Created, Successful, Failed, Current int
	// Unexpected counts calls that failed on a message out of place, TimedOut
	// those that ran out of retransmissions or waited too long.
	Unexpected, TimedOut int
	Retransmissions      int
	// OutOfCall counts messages of no known call, DeadCall those of one that
	// had ended.
	OutOfCall, DeadCall int
	Errors              int
	Elapsed             time.Duration
}

// Clean reports that nothing at all went wrong. A request sent again, because the
// machine paused for longer than T1, is answered again, when its call may be over
// (RFC 3261 §17.2.2): only more messages than that are wrong.
func (s Stats) Clean() bool {
	return s.Failed == 0 && s.Unexpected == 0 && s.TimedOut == 0 && s.OutOfCall == 0 && s.DeadCall <= s.Retransmissions && s.Errors == 0
}

func (s Stats) String() string {
	return fmt.Sprintf("%d calls in %v: %d ok, %d failed (%d unexpected, %d timed out), %d retransmissions, %d out of call, %d dead call, %d errors",
		s.Created, s.Elapsed.Round(time.Millisecond), s.Successful, s.Failed, s.Unexpected, s.TimedOut, s.Retransmissions, s.OutOfCall, s.DeadCall, s.Errors)
}

// readStats reads the last complete line of a statistics file.
func readStats(name string) (Stats, error) {
	f, err := os.Open(name)
	if err != nil {
		return Stats{}, err
	}
	defer func() { _ = f.Close() }()
	return parseStats(f)
}

func parseStats(from io.Reader) (Stats, error) {
	c := csv.NewReader(from)
	c.Comma, c.FieldsPerRecord, c.LazyQuotes = ';', -1, true
	head, err := c.Read()
	if err != nil {
		return Stats{}, fmt.Errorf("no SIPp statistics: %w", err)
	}
	var last []string
	for {
		line, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Stats{}, fmt.Errorf("SIPp statistics: %w", err)
		}
		if len(line) >= len(head)-1 {
			last = line
		}
	}
	if last == nil {
		return Stats{}, errors.New("SIPp statistics without a line")
	}
	row := make(map[string]string, len(head))
	for i, h := range head {
		if i < len(last) {
			row[h] = last[i]
		}
	}
	return statsOf(row)
}

func statsOf(row map[string]string) (Stats, error) {
	var bad error
	n := func(columns ...string) int {
		sum := 0
		for _, c := range columns {
			v, err := strconv.Atoi(row[c])
			if err != nil {
				bad = fmt.Errorf("SIPp statistics, column %s: %w", c, err)
			}
			sum += v
		}
		return sum
	}
	s := Stats{
		Created:         n("TotalCallCreated"),
		Successful:      n("SuccessfulCall(C)"),
		Failed:          n("FailedCall(C)"),
		Current:         n("CurrentCall"),
		Unexpected:      n("FailedUnexpectedMessage(C)"),
		TimedOut:        n("FailedMaxUDPRetrans(C)", "FailedTimeoutOnRecv(C)", "FailedTimeoutOnSend(C)"),
		Retransmissions: n("Retransmissions(C)"),
		OutOfCall:       n("OutOfCallMsgs(C)"),
		DeadCall:        n("DeadCallMsgs(C)"),
		Errors:          n("FatalErrors(C)"),
	}
	s.Elapsed = elapsed(row["ElapsedTime(C)"])
	return s, bad
}

// elapsed reads "00:00:12:345000" (or without the last part, in seconds).
func elapsed(text string) time.Duration {
	parts := strings.Split(text, ":")
	units := []time.Duration{time.Hour, time.Minute, time.Second, time.Microsecond}
	var d time.Duration
	for i := 0; i < len(parts) && i < len(units); i++ {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return 0
		}
		d += time.Duration(n) * units[i]
	}
	return d
}
