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
	var text [16]byte
	for i := range text {
		text[i] = digits[n>>(60-4*i)&15]
	}
	return append(dst, text[:]...)
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
	all := byte(0)
	for _, c := range b {
		d := hexDigits[c]
		all |= d
		n = n<<4 | uint64(d&15)
	}
	return n, all < 16
}

// hexDigits is read only: what each octet is worth, 16 for none. To branch on
// random digits would cost more than to look them up.
var hexDigits = func() (t [256]byte) {
	for c := range t {
		t[c] = 16
	}
	for i := range byte(10) {
		t['0'+i] = i
	}
	for i := range byte(6) {
		t['a'+i], t['A'+i] = 10+i, 10+i
	}
	return t
}()
