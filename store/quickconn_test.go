//go:build linux

package store

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pair returns a quickConn and the other end of it.
func pair(t *testing.T) (*quickConn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := dialer()(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); peer.Close() })
	return c.(*quickConn), peer
}

func TestQuickConnMovesMore(t *testing.T) {
	c, peer := pair(t)
	// More than the socket buffers hold: both sides have to wait.
	sent := strings.Repeat("0123456789abcdef", 1<<19)
	go func() {
		_, _ = io.Copy(peer, peer)
	}()
	failed := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, sent)
		failed <- err
	}()
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != sent {
		t.Fatalf("what came back differs (%v)", err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
}

func TestQuickConnEnds(t *testing.T) {
	c, peer := pair(t)
	var b [16]byte
	if err := c.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := c.Read(b[:]); !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatalf("past the deadline: %v", err)
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := peer.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(b[:]); n != 0 || err != io.EOF {
		t.Fatalf("after the peer closed: %d, %v", n, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(b[:]); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("after closing: %v", err)
	}
}

// TestQuickConnProbe: the driver's look finds what is there, and nothing else.
func TestQuickConnProbe(t *testing.T) {
	c, peer := pair(t)
	look := func() (called bool, n int, err error) {
		raw, e := c.SyscallConn()
		if e != nil {
			t.Fatal(e)
		}
		e = raw.Read(func(fd uintptr) bool {
			called = true
			var b [1]byte
			n, _, err = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			return true
		})
		return called, n, errors.Join(err, e)
	}
	if called, _, err := look(); called || err != nil {
		t.Fatalf("silent: called %v, %v", called, err)
	}
	if _, err := peer.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the octet is seen", func() bool { called, n, _ := look(); return called && n == 1 })
	var b [1]byte
	if _, err := c.Read(b[:]); err != nil || b[0] != 'x' {
		t.Fatalf("looking took the octet: %q, %v", b, err)
	}
	peer.Close()
	eventually(t, "the end is seen", func() bool { called, n, err := look(); return called && n == 0 && err == nil })
}
