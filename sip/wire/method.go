package wire

// Method is a request method. Methods are case-sensitive (RFC 3261 §7.1):
// "invite" is MethodOther.
type Method uint8

// The methods known by name. MethodMessage is MESSAGE (RFC 3428); Message is
// the type.
const (
	MethodOther Method = iota
	Invite
	Ack
	Bye
	Cancel
	Options
	Register
	Update
	Prack
	Info
	Refer
	Notify
	Subscribe
	MethodMessage
	Publish

	methodCount
)

// methodNames is read only.
var methodNames = [methodCount]string{
	Invite: "INVITE", Ack: "ACK", Bye: "BYE", Cancel: "CANCEL", Options: "OPTIONS",
	Register: "REGISTER", Update: "UPDATE", Prack: "PRACK", Info: "INFO", Refer: "REFER",
	Notify: "NOTIFY", Subscribe: "SUBSCRIBE", MethodMessage: "MESSAGE", Publish: "PUBLISH",
}

// String returns the method as on the wire, "" for MethodOther.
func (m Method) String() string {
	if m >= methodCount {
		return ""
	}
	return methodNames[m]
}

// MethodOf returns the method b names, MethodOther when it is none of ours.
func MethodOf(b []byte) Method {
	switch string(b) {
	case "INVITE":
		return Invite
	case "ACK":
		return Ack
	case "BYE":
		return Bye
	case "CANCEL":
		return Cancel
	case "OPTIONS":
		return Options
	case "REGISTER":
		return Register
	case "UPDATE":
		return Update
	case "PRACK":
		return Prack
	case "INFO":
		return Info
	case "REFER":
		return Refer
	case "NOTIFY":
		return Notify
	case "SUBSCRIBE":
		return Subscribe
	case "MESSAGE":
		return MethodMessage
	case "PUBLISH":
		return Publish
	}
	return MethodOther
}
