// Package routing decides what becomes of a call and says why. Router.Route is
// a pure function of the directory view and the call; the proxy, explain and
// the tests use the same one. The package does no I/O of its own: what it needs
// of the store stands here as small interfaces (Directory, Ledger).
//
// An operator typed it, it survives a reboot: package directory. A call caused
// it: here.
package routing
