// Package provision is the REST API: accounts, trunks, internal numbers,
// interlinks and limits are written here, live calls and call records are read
// here, and explain answers what would become of a call. It keeps nothing: the
// directory view answers reads, a Repository takes writes.
//
// server.go has every route on one screen; a file per noun holds its handlers.
// Handlers return errors, problem.go renders them. auth.go alone decides who
// may do what. Client speaks the same API from Go.
package provision
