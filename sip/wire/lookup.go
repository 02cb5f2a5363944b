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

// headerSlot is one name and what it stands for, in half a cache line.
type headerSlot struct {
	id   HeaderID // Other = free
	size uint8
	name [30]byte
}

// headerSlots is read only: an open hash from name to HeaderID.
var headerSlots = hashHeaderNames()

// hashHeaderNames fills the table LookUp probes.
func hashHeaderNames() [512]headerSlot {
	var slots [512]headerSlot
	for id := Other + 1; id < headerCount; id++ {
		name := headerNames[id]
		h := hashName([]byte(name))
		for slots[h].id != Other {
			h = (h + 1) & 511
		}
		slots[h].id, slots[h].size = id, uint8(len(name))
		if copy(slots[h].name[:], name) < len(name) {
			panic("wire: a header name is longer than a slot")
		}
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
		slot := &headerSlots[h]
		if slot.id == Other || equalFold(name, slot.name[:min(int(slot.size), len(slot.name))]) {
			return slot.id
		}
	}
}
