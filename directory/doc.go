// Package directory holds the nouns an operator types: accounts, trunks,
// internal numbers, interlinks and limits, and the in-memory View of them that
// every node routes from. What a call causes lives in package routing.
//
// The package uses the standard library only and does no I/O. Values handed out
// by a View are shared and must not be changed; to write, build a new value and
// hand it to the store in a Change.
package directory
