package main

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"
)

const (
	pcmuPayloadType = 0   // RFC 3551 §6, table 4: PCMU, 8000 Hz
	packetSamples   = 160 // 20 ms, one octet per sample
	packetTime      = 20 * time.Millisecond
	// lastPackets is how long a stream listens on after its last packet, so
	// that what was under way is still counted.
	lastPackets = 200 * time.Millisecond
)

// rtpStream is one end of a pretend call's audio: it sends a tone in 20 ms
// packets to the peer and counts what it hears from it.
type rtpStream struct {
	conn   net.PacketConn
	ssrc   uint32
	tone   []byte
	wg     sync.WaitGroup
	once   sync.Once
	mute   chan struct{} // closed: send no more
	enough chan struct{} // closed once enoughPackets were heard

	mu     sync.Mutex
	heard  rtpCount
	sent   int
	closed bool
}

// enoughPackets is one second of sound.
const enoughPackets = 50

// rtpCount is what one side heard.
type rtpCount struct {
	// Packets that belong to the stream: right source, payload and SSRC.
	Packets int
	// Lost are gaps in the sequence numbers, Foreign packets of anybody else.
	Lost, Foreign int
	SSRC          uint32
	next          uint16
}

// openStream binds a port; nothing flows before start. hz is the tone, a
// divisor of 8000 times a whole number so that packets join without a click.
func openStream(hz int) (*rtpStream, error) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open an RTP port: %w", err)
	}
	return &rtpStream{
		conn: conn, ssrc: rand.Uint32(), tone: tonePCMU(hz),
		mute: make(chan struct{}), enough: make(chan struct{}),
	}, nil
}

func (s *rtpStream) port() uint16 { return uint16(s.conn.LocalAddr().(*net.UDPAddr).Port) }

// start sends to peer and counts what comes from there. It does nothing on a
// closed stream.
func (s *rtpStream) start(peer netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.wg.Add(2)
	go s.send(peer)
	go s.receive(peer)
}

func (s *rtpStream) send(peer netip.AddrPort) {
	defer s.wg.Done()
	// RFC 3550 §5.1: sequence number and timestamp start at random.
	p := rtp.Packet{
		Header: rtp.Header{
			Version: 2, Marker: true, PayloadType: pcmuPayloadType,
			SequenceNumber: uint16(rand.Uint32()), Timestamp: rand.Uint32(), SSRC: s.ssrc,
		},
		Payload: s.tone,
	}
	to := net.UDPAddrFromAddrPort(peer)
	tick := time.NewTicker(packetTime)
	defer tick.Stop()
	for {
		select {
		case <-s.mute:
			return
		case <-tick.C:
		}
		b, err := p.Marshal()
		if err != nil {
			return
		}
		if _, err := s.conn.WriteTo(b, to); errors.Is(err, net.ErrClosed) {
			return
		} else if err == nil {
			s.mu.Lock()
			s.sent++
			s.mu.Unlock()
		}
		p.Marker = false
		p.SequenceNumber++
		p.Timestamp += packetSamples
	}
}

func (s *rtpStream) receive(peer netip.AddrPort) {
	defer s.wg.Done()
	buf := make([]byte, 2048)
	for {
		n, from, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var p rtp.Packet
		known := from.(*net.UDPAddr).AddrPort() == peer && p.Unmarshal(buf[:n]) == nil
		s.mu.Lock()
		if s.heard.take(&p, known) == enoughPackets {
			close(s.enough)
		}
		s.mu.Unlock()
	}
}

// take counts one packet and returns how many of the stream's were heard, or 0
// for one that is not the stream's.
func (c *rtpCount) take(p *rtp.Packet, known bool) int {
	if known && c.Packets == 0 {
		c.SSRC, c.next = p.SSRC, p.SequenceNumber
	}
	late := int16(p.SequenceNumber - c.next)
	if !known || p.PayloadType != pcmuPayloadType || p.SSRC != c.SSRC || len(p.Payload) != packetSamples || late < 0 {
		c.Foreign++
		return 0
	}
	c.Lost += int(late)
	c.next = p.SequenceNumber + 1
	c.Packets++
	return c.Packets
}

// hush stops sending; the stream still listens.
func (s *rtpStream) hush() { s.once.Do(func() { close(s.mute) }) }

// close ends the stream after what is under way has been heard.
func (s *rtpStream) close() {
	s.hush()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	if err := s.conn.SetReadDeadline(time.Now().Add(lastPackets)); err != nil {
		_ = s.conn.Close() // the reader ends at once
	}
	s.wg.Wait()
	_ = s.conn.Close()
}

// counts returns the packets sent and what was heard.
func (s *rtpStream) counts() (sent int, heard rtpCount) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent, s.heard
}

// tonePCMU is one packet of a quiet sine.
func tonePCMU(hz int) []byte {
	b := make([]byte, packetSamples)
	for i := range b {
		b[i] = encodePCMU(int(4000 * math.Sin(2*math.Pi*float64(hz*i)/8000)))
	}
	return b
}

// encodePCMU is ITU-T G.711 µ-law of a 16-bit sample.
func encodePCMU(sample int) byte {
	const bias, clip = 132, 32635
	sign := 0
	if sample < 0 {
		sample, sign = -sample, 0x80
	}
	sample = min(sample, clip) + bias
	exponent := 7
	for mask := 0x4000; exponent > 0 && sample&mask == 0; mask >>= 1 {
		exponent--
	}
	return ^byte(sign | exponent<<4 | sample>>(exponent+3)&0x0f)
}

// describe is the SDP of a stream (RFC 4566), one PCMU audio line.
func describe(s *rtpStream) []byte {
	id := strconv.FormatInt(time.Now().Unix(), 10)
	return []byte("v=0\r\no=- " + id + " 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" +
		"m=audio " + strconv.Itoa(int(s.port())) + " RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=sendrecv\r\n")
}

// mediaAddress reads where an SDP body wants its PCMU audio.
func mediaAddress(body []byte) (netip.AddrPort, error) {
	var host, port string
	offered := false
	for line := range strings.Lines(string(body)) {
		line = strings.TrimRight(line, "\r\n")
		if v, ok := strings.CutPrefix(line, "c=IN IP4 "); ok {
			host = v
		}
		if v, ok := strings.CutPrefix(line, "m=audio "); ok && port == "" {
			f := strings.Fields(v)
			if len(f) < 3 {
				continue
			}
			port = f[0]
			for _, format := range f[2:] {
				offered = offered || format == "0"
			}
		}
	}
	if !offered {
		return netip.AddrPort{}, errors.New("the SDP offers no PCMU audio")
	}
	ap, err := netip.ParseAddrPort(host + ":" + port)
	if err != nil || ap.Port() == 0 {
		return netip.AddrPort{}, errors.New("the SDP names no address for its audio")
	}
	return ap, nil
}
