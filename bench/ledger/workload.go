package main

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// workload asks a ledger for the lines of calls, each between two accounts that
// have limits.
type workload struct {
	ledger routing.Ledger
	limits []*directory.Limits
	calls  uint64
	answer chan routing.Answer
}

func newWorkload(l routing.Ledger, accounts int) *workload {
	w := &workload{ledger: l, answer: make(chan routing.Answer, 1<<16)}
	for i := range accounts {
		w.limits = append(w.limits, &directory.Limits{
			Account: directory.AccountID(fmt.Sprintf("acc_%026d", i)), Version: 1,
			Inbound: 1_000_000, Outbound: 1_000_000, TwoWay: 10, Burst: 10, MaxOutbound: 1_000_000,
		})
	}
	return w
}

// LedgerAnswers implements routing.Sink.
func (w *workload) LedgerAnswers(answers []routing.Answer) {
	for _, a := range answers {
		w.answer <- a
	}
}

// admission is that of a new call; calls go round all accounts.
func (w *workload) admission() *routing.Admission {
	w.calls++
	caller := w.limits[w.calls%uint64(len(w.limits))]
	callee := w.limits[(w.calls+1)%uint64(len(w.limits))]
	a := &routing.Admission{
		Caller: caller.Account, Callee: callee.Account, From: "1001", To: "2001", CallID: fmt.Sprintf("%d@bench.example", w.calls),
		Claims: []routing.Claim{{Account: caller.Account, Role: routing.RoleCaller, Limits: caller},
			{Account: callee.Account, Role: routing.RoleCallee, Limits: callee}},
	}
	binary.BigEndian.PutUint64(a.Lease[:], w.calls)
	return a
}

// setUp shows the ledger every account's limits, which it then keeps, and has
// that many calls up from then on.
func (w *workload) setUp(ctx context.Context, calls int) error {
	if err := w.cycles(ctx, max(100, len(w.limits)), 100); err != nil {
		return err
	}
	for calls > 0 {
		n := min(calls, 1000)
		if _, err := w.admit(ctx, n); err != nil {
			return err
		}
		calls -= n
	}
	return nil
}

// cycles takes calls from admission to release, so many in one round trip. The
// releases travel with the next admissions.
func (w *workload) cycles(ctx context.Context, calls, batch int) error {
	for range calls / batch {
		leases, err := w.admit(ctx, batch)
		if err != nil {
			return err
		}
		for _, l := range leases {
			w.ledger.Confirm(l, 0, w)
		}
		if err := w.answers(ctx, batch, routing.Done); err != nil {
			return err
		}
		for _, l := range leases {
			w.ledger.Release(l)
		}
	}
	_, err := w.admit(ctx, 1) // behind the last release
	return err
}

func (w *workload) admit(ctx context.Context, n int) ([]routing.LeaseID, error) {
	leases := make([]routing.LeaseID, n)
	for i := range leases {
		a := w.admission()
		leases[i] = a.Lease
		w.ledger.Admit(a, w)
	}
	return leases, w.answers(ctx, n, routing.Admitted)
}

// answers sends what was handed over and waits for n answers.
func (w *workload) answers(ctx context.Context, n int, want routing.Verdict) error {
	w.ledger.Flush()
	for range n {
		select {
		case a := <-w.answer:
			if a.Verdict != want {
				return fmt.Errorf("the ledger's verdict is %d, not %d", a.Verdict, want)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
