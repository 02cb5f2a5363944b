package provision

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A body of 100 MB is cut at the limit: the rest is not read, and the server goes
// on serving.
func TestHostileHugeBodyIsCut(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.server.Handler())
	defer server.Close()
	const size = 100 << 20
	for _, chunked := range []bool{false, true} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		length := fmt.Sprintf("Content-Length: %d", size)
		if chunked {
			length = "Transfer-Encoding: chunked"
		}
		head := "POST /v1/accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + testToken + "\r\nContent-Type: application/json\r\n" + length + "\r\n\r\n"
		written := make(chan int)
		go func() {
			_, _ = io.WriteString(conn, head) // a refusal shows in the answer
			part, sum := strings.Repeat("x", 64<<10), 0
			if chunked {
				part = fmt.Sprintf("%x\r\n%s\r\n", len(part), part)
			}
			for sum < size {
				n, err := io.WriteString(conn, part)
				if sum += n; err != nil {
					break
				}
			}
			written <- sum
		}()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(body), `"body_too_large"`) {
			t.Errorf("chunked %v: %d %s", chunked, res.StatusCode, body)
		}
		_ = conn.Close() // ends the writer
		// What the kernel's buffers hold on top of the limit.
		if n := <-written; n > maxBody+(32<<20) {
			t.Errorf("chunked %v: %d octets went through", chunked, n)
		}
	}
	w.do(get("/v1/me")).want(200)
}

// pipes is a listener without a network, for a clock that is not real.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	close(p.done)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// A body that trickles in is given up after bodyTimeout; others are served
// meanwhile.
func TestHostileSlowBodyIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		listener := pipes{make(chan net.Conn), make(chan struct{})}
		server := &http.Server{Handler: w.server.Handler()}
		ended := make(chan error)
		go func() { ended <- server.Serve(listener) }()
		client, other := net.Pipe()
		listener.conns <- other
		began, given := time.Now(), make(chan struct{})
		go func() {
			defer close(given)
			_, _ = io.WriteString(client, "POST /v1/accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+testToken+"\r\nContent-Length: 1000\r\n\r\n{")
			for {
				time.Sleep(time.Second) // the sender's pace, on the bubble's clock
				if _, err := io.WriteString(client, " "); err != nil {
					return
				}
			}
		}()
		res, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		if took := time.Since(began); res.StatusCode != http.StatusBadRequest || took != bodyTimeout || !strings.Contains(string(body), `"body_unreadable"`) {
			t.Errorf("after %s: %d %s", took, res.StatusCode, body)
		}
		w.do(get("/v1/me")).want(200)
		_ = client.Close()
		_ = server.Close()
		<-ended
		<-given
	})
}
