package sip

import "github.com/pbx-interlink/interlink/sip/wire"

// identityHeaders never cross from one account to another, whatever their
// spelling: what a peer asserts of identities, of who diverted a call and of
// charging is believed inside its own network only (RFC 3325 §5, RFC 7044 §10,
// RFC 7315 §6).
var identityHeaders = wire.Of(
	wire.PAssertedIdentity, wire.PPreferredIdentity, wire.RemotePartyID,
	wire.PChargingVector, wire.PChargingFunctionAddresses, wire.PAccessNetworkInfo,
	wire.PVisitedNetworkID, wire.PCalledPartyID, wire.PAssociatedURI, wire.PAssertedService,
	wire.PPreferredService, wire.PServedUser, wire.PProfileKey, wire.PUserDatabase,
	wire.PPrivateNetworkIndication, wire.PChargeInfo, wire.PDCSBillingInfo, wire.PDCSOSPS,
	wire.PDCSLAES, wire.PDCSRedirect, wire.PDCSTracePartyID, wire.AdditionalIdentity,
	wire.CellularNetworkInfo, wire.Diversion, wire.HistoryInfo, wire.Path, wire.ServiceRoute,
)

// routeHeader is left out of requests outside dialogs: where they go is decided
// here, and a caller's own idea of what the callee's PBX should do with them
// stays behind.
var routeHeader = wire.Of(wire.Route)
