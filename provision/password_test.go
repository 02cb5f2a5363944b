package provision

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

func TestPasswordHash(t *testing.T) {
	p := newPasswords(64)
	ctx := t.Context()
	one, err := p.hash(ctx, "correct horse battery")
	if err != nil || !strings.HasPrefix(one, "$argon2id$v=19$m=64,t=2,p=1$") {
		t.Fatalf("hash %q, error %v", one, err)
	}
	two, _ := p.hash(ctx, "correct horse battery")
	if one == two {
		t.Error("the same password hashes twice to the same")
	}
	for password, want := range map[string]bool{"correct horse battery": true, "correct horse batterY": false, "": false} {
		if got, err := p.verify(ctx, one, password); err != nil || got != want {
			t.Errorf("verify %q: %v, %v", password, got, err)
		}
		if got, err := p.verify(ctx, "", password); err != nil || got {
			t.Errorf("no hash fits %q: %v, %v", password, got, err)
		}
	}
	if p.outdated(one) || !newPasswords(128).outdated(one) {
		t.Error("a hash is outdated only where the cost differs")
	}
	for _, bad := range []string{"x", "$argon2i$v=19$m=64,t=2,p=1$AAAA$AAAA", "$argon2id$v=19$m=64,t=0,p=1$AAAA$AAAA", "$argon2id$v=19$m=64,t=2,p=1$AAAA$", "$argon2id$v=19$m=64,t=2,p=1$!!$AAAA", one + "$"} {
		if ok, err := p.verify(ctx, bad, "correct horse battery"); ok || err == nil || strings.Contains(err.Error(), bad) && bad != "x" {
			t.Errorf("the hash %q: %v, %v", bad, ok, err)
		}
	}
}

// However many want a hash, few are computed at once, and those that would wait
// too long are told to come again.
func TestHashingIsBounded(t *testing.T) {
	p := newPasswords(64)
	for range cap(p.turns) {
		p.turns <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, maxHashing+10)
	for range maxHashing + 10 {
		go func() { _, err := p.hash(ctx, "correct horse battery"); ended <- err }()
	}
	for range 10 {
		var e *directory.Error
		if err := <-ended; !errors.As(err, &e) || e.Code != "busy" || e.Kind != directory.KindUnavailable {
			t.Fatalf("one too many: %v", err)
		}
	}
	cancel()
	for range maxHashing {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Fatalf("one that waits: %v", err)
		}
	}
	for range cap(p.turns) {
		<-p.turns
	}
	if _, err := p.hash(t.Context(), "correct horse battery"); err != nil {
		t.Fatalf("after the rush: %v", err)
	}
}

func TestGeneratedPasswordsAreAccepted(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		p := newPassword()
		if err := checkPassword("/password", p, "pat@brown.example"); err != nil || seen[p] {
			t.Fatalf("%q: %v", p, err)
		}
		seen[p] = true
	}
}

func TestBearerTokens(t *testing.T) {
	for _, use := range []directory.TokenUse{directory.TokenAPI, directory.TokenSession, directory.TokenAccess} {
		token := newBearer(use)
		if token == newBearer(use) || !strings.HasPrefix(token, tokenPrefix(use)) || len(token) != 4+tokenRandom+tokenCheck {
			t.Fatalf("%s: %s", use, token)
		}
		if mistyped(token) {
			t.Fatalf("%s is called mistyped", token)
		}
		for i := len("itk_"); i < len(token); i++ {
			slip := []byte(token)
			slip[i] = '0'
			if token[i] == '0' {
				slip[i] = '1'
			}
			if !mistyped(string(slip)) {
				t.Errorf("a slip at %d is not noticed", i)
			}
		}
		if !mistyped(token[:len(token)-1]) || !mistyped(token+"0") || !mistyped(tokenPrefix(use)) {
			t.Error("another length is not noticed")
		}
	}
	for _, other := range []string{"", "its", "a-token-for-tests", "secret_itk_"} {
		if mistyped(other) {
			t.Errorf("%q is not one of ours to judge", other)
		}
	}
}
