package store

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// model is the ledger as routing.Ask describes it: calls up, by account.
type model struct {
	names  []string // the last is above the others
	limits map[string]*directory.Limits
	in     map[string]int
	out    map[string]int
	calls  []modelCall
}

type modelCall struct {
	lease  routing.LeaseID
	claims []routing.Claim
}

// take asks for each claim in turn, counting the ones before it; the index of
// the claim that finds no line, or -1.
func (m *model) take(claims []routing.Claim) (busy int) {
	for i, c := range claims {
		a := string(c.Account)
		if !routing.Ask(m.limits[a], m.in[a], m.out[a], c.Outbound()).Admits() {
			m.add(claims[:i], -1)
			return i
		}
		m.add(claims[i:i+1], 1)
	}
	return -1
}

func (m *model) add(claims []routing.Claim, n int) {
	for _, c := range claims {
		if a := string(c.Account); c.Outbound() {
			m.out[a] += n
		} else {
			m.in[a] += n
		}
	}
}

func (m *model) claims(caller, callee string) []routing.Claim {
	parent := m.names[len(m.names)-1]
	return []routing.Claim{
		claim(routing.RoleCaller, caller, m.limits[caller]), claim(routing.RoleCallee, callee, m.limits[callee]),
		claim(routing.RoleCallerParent, parent, m.limits[parent]), claim(routing.RoleCalleeParent, parent, m.limits[parent]),
	}
}

func (m *model) setLimits(t *rapid.T, a string) {
	version := uint64(1)
	if m.limits[a] != nil {
		version = m.limits[a].Version + 1
	}
	// Mostly wide enough above, so that the accounts below decide too; narrow
	// lanes while calls are up are what tells the rules apart.
	wide := rapid.SampledFrom([]int64{-1, 0, 1, 2, 9}).Draw(t, "width of "+a)
	lanes := rapid.SliceOfN(rapid.Int64Range(-1, max(wide, 0)), 5, 5).Draw(t, "lanes of "+a)
	m.limits[a] = limitsOf(a, version, lanes...)
}

// The script admits exactly what routing's arithmetic does, over any sequence of
// calls, ends and new limits, for calls inside one account and with an account
// above both sides; and all lines come back.
func TestAdmitAgreesWithAsk(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		worlds, leases := 0, 0
		rapid.Check(t, func(r *rapid.T) {
			worlds++
			m := &model{limits: map[string]*directory.Limits{}, in: map[string]int{}, out: map[string]int{}}
			for _, n := range []string{"a", "b", "parent"} {
				m.names = append(m.names, fmt.Sprintf("acc_%s%d", n, worlds))
			}
			for range rapid.IntRange(1, 40).Draw(r, "steps") {
				switch step := rapid.IntRange(0, 9).Draw(r, "step"); {
				case step < 6:
					leases++
					claims := m.claims(rapid.SampledFrom(m.names[:2]).Draw(r, "caller"), rapid.SampledFrom(m.names[:2]).Draw(r, "callee"))
					want, busy := routing.Admitted, m.take(claims)
					if busy >= 0 {
						want = routing.Busy
					}
					got := admit(t, s, lease(leases), claims...)
					if got.Verdict != want || want == routing.Busy && got.Claim != busy {
						r.Fatalf("the script: verdict %d, claim %d; the arithmetic: verdict %d, claim %d", got.Verdict, got.Claim, want, busy)
					}
					if want == routing.Admitted {
						m.calls = append(m.calls, modelCall{lease(leases), claims})
					}
				case step < 7 && len(m.calls) > 0:
					m.end(s, rapid.IntRange(0, len(m.calls)-1).Draw(r, "ended"))
				default:
					m.setLimits(r, rapid.SampledFrom(m.names).Draw(r, "account"))
				}
			}
			m.check(t, r, s)
			for len(m.calls) > 0 {
				m.end(s, 0)
			}
			m.check(t, r, s)
		})
	})
}

func (m *model) end(s *Store, i int) {
	s.Release(m.calls[i].lease)
	m.add(m.calls[i].claims, -1)
	m.calls = append(m.calls[:i], m.calls[i+1:]...)
}

// check compares the counts once everything handed over is carried out.
func (m *model) check(t *testing.T, r *rapid.T, s *Store) {
	confirm(t, s, lease(0), 0) // behind all releases
	var accounts []directory.AccountID
	for _, n := range m.names {
		accounts = append(accounts, directory.AccountID(n))
	}
	lines, err := s.Lines(t.Context(), accounts)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range m.names {
		if lines[i].Inbound != m.in[n] || lines[i].Outbound != m.out[n] {
			r.Fatalf("%s: %d in, %d out in the ledger; %d, %d calls", n, lines[i].Inbound, lines[i].Outbound, m.in[n], m.out[n])
		}
	}
}
