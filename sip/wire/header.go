package wire

// HeaderID names a header field, whatever its spelling in the message: names
// are case-insensitive (RFC 3261 §7.3.1) and some have a compact form (§7.3.3).
type HeaderID uint8

// The header fields known by name: RFC 3261 §20 and the extensions a gateway
// between PBXs meets. All others are Other.
const (
	Other HeaderID = iota
	Via
	From
	To
	CallID
	CSeq
	MaxForwards
	Contact
	Route
	RecordRoute
	ContentLength
	ContentType
	ContentEncoding
	ContentDisposition
	ContentLanguage
	ProxyRequire
	Require
	Supported
	Unsupported
	Allow
	AllowEvents
	Event
	SubscriptionState
	Expires
	MinExpires
	SessionExpires
	MinSE
	Reason
	Warning
	RetryAfter
	Authorization
	ProxyAuthorization
	WWWAuthenticate
	ProxyAuthenticate
	AuthenticationInfo
	ProxyAuthenticationInfo
	PAssertedIdentity
	PPreferredIdentity
	RemotePartyID
	PChargingVector
	PChargingFunctionAddresses
	Diversion
	HistoryInfo
	Privacy
	RAck
	RSeq
	UserAgent
	Server
	Path
	ServiceRoute
	PAccessNetworkInfo
	PVisitedNetworkID
	PCalledPartyID
	PAssociatedURI
	PAssertedService
	PPreferredService
	PEarlyMedia
	PServedUser
	PProfileKey
	PUserDatabase
	PPrivateNetworkIndication
	PDCSBillingInfo
	PDCSOSPS
	PDCSLAES
	PDCSRedirect
	PDCSTracePartyID
	PAnswerState
	PMediaAuthorization
	PRefusedURIList
	PChargeInfo
	Identity
	IdentityInfo
	ReferTo
	ReferredBy
	ReferSub
	Replaces
	Join
	TargetDialog
	AcceptContact
	RejectContact
	RequestDisposition
	Accept
	AcceptEncoding
	AcceptLanguage
	AlertInfo
	CallInfo
	ErrorInfo
	Date
	InReplyTo
	MIMEVersion
	Organization
	Priority
	ReplyTo
	Subject
	Timestamp
	SessionID
	UserToUser
	Geolocation
	GeolocationRouting
	GeolocationError
	ResourcePriority
	AcceptResourcePriority
	InfoPackage
	RecvInfo
	FeatureCaps
	FlowTimer
	AdditionalIdentity
	CellularNetworkInfo
	SIPETag
	SIPIfMatch
	SuppressIfMatch
	AnswerMode
	PrivAnswerMode
	MaxBreadth
	PermissionMissing
	TriggerConsent
	SecurityClient
	SecurityServer
	SecurityVerify
	OriginationID
	AttestationInfo
	PolicyContact
	PolicyID
	Location

	headerCount
)

// A Set holds 128 ids, and index counts headers in one octet.
const _ = uint(128 - headerCount)

// headerNames is read only: the full name of every HeaderID.
var headerNames = [headerCount]string{
	Via: "Via", From: "From", To: "To", CallID: "Call-ID", CSeq: "CSeq", MaxForwards: "Max-Forwards",
	Contact: "Contact", Route: "Route", RecordRoute: "Record-Route", ContentLength: "Content-Length",
	ContentType: "Content-Type", ContentEncoding: "Content-Encoding", ContentDisposition: "Content-Disposition",
	ContentLanguage: "Content-Language", ProxyRequire: "Proxy-Require", Require: "Require",
	Supported: "Supported", Unsupported: "Unsupported", Allow: "Allow", AllowEvents: "Allow-Events",
	Event: "Event", SubscriptionState: "Subscription-State", Expires: "Expires", MinExpires: "Min-Expires",
	SessionExpires: "Session-Expires", MinSE: "Min-SE", Reason: "Reason", Warning: "Warning",
	RetryAfter: "Retry-After", Authorization: "Authorization", ProxyAuthorization: "Proxy-Authorization",
	WWWAuthenticate: "WWW-Authenticate", ProxyAuthenticate: "Proxy-Authenticate",
	AuthenticationInfo: "Authentication-Info", ProxyAuthenticationInfo: "Proxy-Authentication-Info",
	PAssertedIdentity: "P-Asserted-Identity", PPreferredIdentity: "P-Preferred-Identity",
	RemotePartyID: "Remote-Party-ID", PChargingVector: "P-Charging-Vector",
	PChargingFunctionAddresses: "P-Charging-Function-Addresses", Diversion: "Diversion",
	HistoryInfo: "History-Info", Privacy: "Privacy", RAck: "RAck", RSeq: "RSeq", UserAgent: "User-Agent",
	Server: "Server", Path: "Path", ServiceRoute: "Service-Route", PAccessNetworkInfo: "P-Access-Network-Info",
	PVisitedNetworkID: "P-Visited-Network-ID", PCalledPartyID: "P-Called-Party-ID",
	PAssociatedURI: "P-Associated-URI", PAssertedService: "P-Asserted-Service",
	PPreferredService: "P-Preferred-Service", PEarlyMedia: "P-Early-Media", PServedUser: "P-Served-User",
	PProfileKey: "P-Profile-Key", PUserDatabase: "P-User-Database",
	PPrivateNetworkIndication: "P-Private-Network-Indication", PDCSBillingInfo: "P-DCS-Billing-Info",
	PDCSOSPS: "P-DCS-OSPS", PDCSLAES: "P-DCS-LAES", PDCSRedirect: "P-DCS-Redirect",
	PDCSTracePartyID: "P-DCS-Trace-Party-ID", PAnswerState: "P-Answer-State",
	PMediaAuthorization: "P-Media-Authorization", PRefusedURIList: "P-Refused-URI-List",
	PChargeInfo: "P-Charge-Info", Identity: "Identity", IdentityInfo: "Identity-Info", ReferTo: "Refer-To",
	ReferredBy: "Referred-By", ReferSub: "Refer-Sub", Replaces: "Replaces", Join: "Join",
	TargetDialog: "Target-Dialog", AcceptContact: "Accept-Contact", RejectContact: "Reject-Contact",
	RequestDisposition: "Request-Disposition", Accept: "Accept", AcceptEncoding: "Accept-Encoding",
	AcceptLanguage: "Accept-Language", AlertInfo: "Alert-Info", CallInfo: "Call-Info", ErrorInfo: "Error-Info",
	Date: "Date", InReplyTo: "In-Reply-To", MIMEVersion: "MIME-Version", Organization: "Organization",
	Priority: "Priority", ReplyTo: "Reply-To", Subject: "Subject", Timestamp: "Timestamp",
	SessionID: "Session-ID", UserToUser: "User-to-User", Geolocation: "Geolocation",
	GeolocationRouting: "Geolocation-Routing", GeolocationError: "Geolocation-Error",
	ResourcePriority: "Resource-Priority", AcceptResourcePriority: "Accept-Resource-Priority",
	InfoPackage: "Info-Package", RecvInfo: "Recv-Info", FeatureCaps: "Feature-Caps", FlowTimer: "Flow-Timer",
	AdditionalIdentity: "Additional-Identity", CellularNetworkInfo: "Cellular-Network-Info",
	SIPETag: "SIP-ETag", SIPIfMatch: "SIP-If-Match", SuppressIfMatch: "Suppress-If-Match",
	AnswerMode: "Answer-Mode", PrivAnswerMode: "Priv-Answer-Mode", MaxBreadth: "Max-Breadth",
	PermissionMissing: "Permission-Missing", TriggerConsent: "Trigger-Consent",
	SecurityClient: "Security-Client", SecurityServer: "Security-Server", SecurityVerify: "Security-Verify",
	OriginationID: "Origination-Id", AttestationInfo: "Attestation-Info", PolicyContact: "Policy-Contact",
	PolicyID: "Policy-ID", Location: "Location",
}

// String returns the full name as registered, "" for Other.
func (id HeaderID) String() string {
	if id >= headerCount {
		return ""
	}
	return headerNames[id]
}

// Set is a set of header ids. The zero value is empty.
type Set [2]uint64

// Of returns the set of ids. Other stands for every header without an id.
func Of(ids ...HeaderID) Set {
	var s Set
	for _, id := range ids {
		s[id>>6] |= 1 << (id & 63)
	}
	return s
}

// Has says whether id is in s.
func (s Set) Has(id HeaderID) bool { return s[id>>6&1]&(1<<(id&63)) != 0 }

// Union returns the ids in s or t.
func (s Set) Union(t Set) Set { return Set{s[0] | t[0], s[1] | t[1]} }

// Not returns the ids that are not in s, Other among them: what to drop when s
// is what may pass.
func (s Set) Not() Set { return Set{^s[0], ^s[1]} }
