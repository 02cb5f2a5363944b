package sip

// branchPrefix is what every branch parameter of ours begins with.
const branchPrefix = "z9hG4bKil"

// appendBranch writes a branch parameter: the magic cookie, the client
// transaction's id, and the loop hash (RFC 3261 §16.6 step 8, RFC 5393).
func appendBranch(dst []byte, id, hops uint64) []byte {
	dst = append(dst, branchPrefix...)
	dst = appendHex(dst, id)
	dst = append(dst, '.')
	return appendHex(dst, hops)
}

func appendHex(dst []byte, n uint64) []byte {
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		dst = append(dst, digits[n>>shift&15])
	}
	return dst
}

// branchID reads a branch parameter of ours.
func branchID(b []byte) (id, hops uint64, ok bool) {
	const n = len(branchPrefix)
	if len(b) != n+33 || string(b[:n]) != branchPrefix || b[n+16] != '.' {
		return 0, 0, false
	}
	id, ok1 := readHex(b[n : n+16])
	hops, ok2 := readHex(b[n+17:])
	return id, hops, ok1 && ok2
}

// readHex reads 16 hexadecimal digits of either case.
func readHex(b []byte) (n uint64, ok bool) {
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		n = n<<4 | uint64(c)
	}
	return n, true
}
