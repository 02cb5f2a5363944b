package store

import (
	"errors"
	"testing"
)

func TestOtherClusterKeyIsRefused(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		with := func(key string) func(*Config) {
			return func(c *Config) { c.ClusterKey = []byte(key) }
		}
		b.open(t, with("the key of the cluster"))
		b.open(t, with("the key of the cluster")) // the second node of it
		other := Config{URL: b.url, ClusterKey: []byte("the key of another one"), Log: quiet()}
		if s, err := Open(t.Context(), other); !errors.Is(err, errClusterKey) {
			if err == nil {
				err = s.Close()
			}
			t.Fatalf("opened with another cluster key (%v)", err)
		}
	})
}
