package main

import "bytes"

// magicNumber is an extension on which a pretend PBX misbehaves on purpose.
type magicNumber struct {
	user string
	// status is answered at once; 0 stands for ringing without an end.
	status int
	// deaf: the PBX acts as if it never got the INVITE.
	deaf bool
	what string
}

func magicNumbers() []magicNumber {
	return []magicNumber{
		{user: "2180", what: "rings and is never answered"},
		{user: "2404", status: 404, what: "the PBX does not know the extension: 404"},
		{user: "2408", deaf: true, what: "the PBX says nothing at all, as if it were switched off"},
		{user: "2486", status: 486, what: "busy: 486"},
		{user: "2503", status: 503, what: "the PBX has no room for the call: 503"},
	}
}

// isDeaf reports an INVITE or CANCEL to a number whose PBX says nothing.
func isDeaf(datagram []byte) bool {
	for _, m := range magicNumbers() {
		if m.deaf && (bytes.HasPrefix(datagram, []byte("INVITE sip:"+m.user+"@")) ||
			bytes.HasPrefix(datagram, []byte("CANCEL sip:"+m.user+"@"))) {
			return true
		}
	}
	return false
}

// phraseFor is the reason phrase of a magic number's status (RFC 3261 §21).
func phraseFor(status int) string {
	switch status {
	case 404:
		return "Not Found"
	case 486:
		return "Busy Here"
	}
	return "Service Unavailable"
}
