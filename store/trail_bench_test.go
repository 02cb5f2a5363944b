package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

const benchEntries = 1_000_000

// fillTrail writes a trail of so many entries about 1000 accounts, and a first
// one about acc_far.
func fillTrail(b *testing.B, c redis.UniversalClient, keys trailKeys) {
	b.Helper()
	ctx := b.Context()
	begun := time.Now().Add(-benchEntries * time.Second).UnixMilli()
	p := c.Pipeline()
	prev := auditLine{}
	for n := range uint64(benchEntries) {
		account := fmt.Sprintf("acc_%026d", n%1000)
		if n == 0 {
			account = "acc_far"
		}
		text, err := keys.text(auditData{
			Actor: directory.Actor{Principal: "user:usr_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C", Action: "PATCH /v1/accounts/{account}/numbers/{number}", RequestID: "req_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"},
			Changes: []directory.AuditChange{{
				Kind: directory.KindNumber, ID: "num_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C", Paths: []directory.AccountPath{{directory.AccountID(account)}},
				Before: []byte(`{"id":"num_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C","number":"2001","trunk":"trk_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C","private":false,"enabled":true,"version":1}`),
				After:  []byte(`{"id":"num_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C","number":"2001","trunk":"trk_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C","private":true,"enabled":true,"version":2}`),
			}},
		})
		if err != nil {
			b.Fatal(err)
		}
		l := auditLine{N: n + 1, Seq: n + 1, At: begun + int64(n)*1000, Accounts: text.accounts, Data: []byte(text.data), MAC: text.mac, Prev: prev.Hash}
		l.Hash = l.sum()
		p.XAdd(ctx, l.stream())
		p.ZAdd(ctx, keyTrailOf+account, redis.Z{Score: float64(l.N), Member: l.id()})
		prev = l
		if p.Len() >= 4000 || n == benchEntries-1 {
			if _, err := p.Exec(ctx); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := c.HSet(ctx, keyChain, "n", prev.N, "ms", prev.At, "hash", prev.Hash, "first", 1).Err(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAuditPage reads pages of a trail of a million entries, and checks all
// of it.
func BenchmarkAuditPage(b *testing.B) {
	r := startRedis(b)
	back := (&backend{url: r.url}).dial(b)
	keys, err := newTrailKeys([]byte("0123456789abcdef"))
	if err != nil {
		b.Fatal(err)
	}
	fillTrail(b, back.client, keys)
	s := back.open(b)
	middle := time.Now().Add(-benchEntries / 2 * time.Second)
	for name, q := range map[string]directory.AuditQuery{
		"newest":      {Limit: 51},
		"middle":      {Limit: 51, To: middle},
		"scan2000":    {Limit: 1000},
		"account":     {Limit: 51, Account: "acc_00000000000000000000000007"},
		"accountpast": {Limit: 51, Account: "acc_00000000000000000000000007", To: middle},
		"far":         {Limit: 51, Account: "acc_far"},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if entries, err := s.AuditEntries(b.Context(), q); err != nil || len(entries) == 0 {
					b.Fatal(entries, err)
				}
			}
		})
	}
	b.Run("verify", func(b *testing.B) {
		for b.Loop() {
			if report, err := s.VerifyAudit(b.Context()); err != nil || report.Broken != 0 || report.Entries != benchEntries {
				b.Fatalf("%+v, %v", report, err)
			}
		}
	})
}
