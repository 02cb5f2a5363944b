package wire

// compactHeader returns the header with the one-letter name c (RFC 3261 §7.3.3
// and the IANA registry), or Other.
func compactHeader(c byte) HeaderID {
	switch c | 0x20 {
	case 'a':
		return AcceptContact
	case 'b':
		return ReferredBy
	case 'c':
		return ContentType
	case 'd':
		return RequestDisposition
	case 'e':
		return ContentEncoding
	case 'f':
		return From
	case 'i':
		return CallID
	case 'j':
		return RejectContact
	case 'k':
		return Supported
	case 'l':
		return ContentLength
	case 'm':
		return Contact
	case 'n':
		return IdentityInfo
	case 'o':
		return Event
	case 'r':
		return ReferTo
	case 's':
		return Subject
	case 't':
		return To
	case 'u':
		return AllowEvents
	case 'v':
		return Via
	case 'x':
		return SessionExpires
	case 'y':
		return Identity
	}
	return Other
}

// headerSlots is read only: an open hash from name to HeaderID, 0 = free.
var headerSlots = hashHeaderNames()

// hashHeaderNames fills the table lookUp probes.
func hashHeaderNames() [512]HeaderID {
	var slots [512]HeaderID
	for id := Other + 1; id < headerCount; id++ {
		h := hashName([]byte(headerNames[id]))
		for slots[h] != Other {
			h = (h + 1) & 511
		}
		slots[h] = id
	}
	return slots
}

// hashName mixes the length and three letters of a name of at least two
// octets. Letter case does not change it.
func hashName(name []byte) int {
	n := len(name)
	h := n*37 + int(name[0]|0x20)*5 + int(name[n-1]|0x20)*61 + int(name[n/2]|0x20)*17
	return h & 511
}

// LookUp returns the id of a header name, long or compact, in any case; Other
// when it is not one of ours.
func LookUp(name []byte) HeaderID {
	switch len(name) {
	case 0:
		return Other
	case 1:
		if !isAlpha(name[0]) {
			return Other
		}
		return compactHeader(name[0])
	}
	for h := hashName(name); ; h = (h + 1) & 511 {
		id := headerSlots[h]
		if id == Other || equalFold(name, headerNames[id]) {
			return id
		}
	}
}
