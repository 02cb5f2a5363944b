package provision

import (
	"context"
	"net/http"
	"net/url"

	"github.com/pbx-interlink/interlink/directory"
)

// ownedPath is where the things of an account are; those of the platform for "".
func ownedPath(owner directory.AccountID, rest ...string) string {
	if owner != "" {
		return pathOf(owner, rest...)
	}
	path := "/v1"
	for _, r := range rest {
		path += "/" + url.PathEscape(r)
	}
	return path
}

// Login opens a session and returns it with a client of its own; the token of c
// is not sent.
func (c *Client) Login(ctx context.Context, email, password string) (*Client, *Session, error) {
	session, err := submit[Session](ctx, c.As(""), loginPath, Login{Email: email, Password: password})
	if err != nil {
		return nil, nil, err
	}
	return c.As(session.Token), session, nil
}

// As returns a client with another token.
func (c *Client) As(token string) *Client {
	other := *c
	other.token = token
	return &other
}

// Logout ends the session whose token the client has.
func (c *Client) Logout(ctx context.Context) error {
	return c.send(ctx, message{method: http.MethodPost, path: "/v1/logout"}, nil)
}

// StartAccess obtains a token to act as an account; EndAccess, called by a client
// with that token, ends it.
func (c *Client) StartAccess(ctx context.Context, a directory.AccountID, n NewAccess) (*Token, error) {
	return submit[Token](ctx, c, pathOf(a, "access"), n)
}

func (c *Client) EndAccess(ctx context.Context) error {
	return c.send(ctx, message{method: http.MethodDelete, path: "/v1/access"}, nil)
}

// An empty account stands for the platform in what follows.

func (c *Client) CreateUser(ctx context.Context, a directory.AccountID, n NewUser) (*User, error) {
	return submit[User](ctx, c, ownedPath(a, "users"), n)
}

func (c *Client) Users(ctx context.Context, a directory.AccountID, p Paging) (*Page[User], error) {
	return fetch[Page[User]](ctx, c, ownedPath(a, "users"), p.query())
}

func (c *Client) User(ctx context.Context, a directory.AccountID, u directory.UserID) (*User, error) {
	return fetch[User](ctx, c, ownedPath(a, "users", string(u)), nil)
}

// PatchUser and DeleteUser expect the user as it was read.
func (c *Client) PatchUser(ctx context.Context, a directory.AccountID, u *User, p UserPatch) (*User, error) {
	return amend[User](ctx, c, ownedPath(a, "users", string(u.ID)), u.Version, p)
}

func (c *Client) DeleteUser(ctx context.Context, a directory.AccountID, u *User) error {
	return c.remove(ctx, ownedPath(a, "users", string(u.ID)), u.Version)
}

func (c *Client) CreateToken(ctx context.Context, a directory.AccountID, n NewToken) (*Token, error) {
	return submit[Token](ctx, c, ownedPath(a, "tokens"), n)
}

func (c *Client) Tokens(ctx context.Context, a directory.AccountID, p Paging) (*Page[Token], error) {
	return fetch[Page[Token]](ctx, c, ownedPath(a, "tokens"), p.query())
}

func (c *Client) Token(ctx context.Context, a directory.AccountID, t directory.TokenID) (*Token, error) {
	return fetch[Token](ctx, c, ownedPath(a, "tokens", string(t)), nil)
}

// RevokeToken ends a token at once.
func (c *Client) RevokeToken(ctx context.Context, a directory.AccountID, t directory.TokenID) error {
	return c.remove(ctx, ownedPath(a, "tokens", string(t)), AnyVersion)
}
