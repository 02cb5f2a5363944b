package provision

import (
	"context"
	"net/http"
	"net/url"

	"github.com/pbx-interlink/interlink/directory"
)

// ownPath is a path below an account, or below the platform where that is empty.
func ownPath(owner directory.AccountID, rest ...string) string {
	if owner != "" {
		return pathOf(owner, rest...)
	}
	path := "/v1"
	for _, r := range rest {
		path += "/" + url.PathEscape(r)
	}
	return path
}

// As returns a client with another token.
func (c *Client) As(token string) *Client {
	other := *c
	other.token = token
	return &other
}

// Login opens a session; As makes a client of its token.
func (c *Client) Login(ctx context.Context, l Login) (*Session, error) {
	return submit[Session](ctx, c, loginPath, l)
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

func (c *Client) CreateUser(ctx context.Context, owner directory.AccountID, u NewUser) (*User, error) {
	return submit[User](ctx, c, ownPath(owner, "users"), u)
}

func (c *Client) Users(ctx context.Context, owner directory.AccountID, p Paging) (*Page[User], error) {
	return fetch[Page[User]](ctx, c, ownPath(owner, "users"), p.query())
}

func (c *Client) User(ctx context.Context, owner directory.AccountID, u directory.UserID) (*User, error) {
	return fetch[User](ctx, c, ownPath(owner, "users", string(u)), nil)
}

// PatchUser changes a user as it was read.
func (c *Client) PatchUser(ctx context.Context, owner directory.AccountID, u *User, p UserPatch) (*User, error) {
	return amend[User](ctx, c, ownPath(owner, "users", string(u.ID)), u.Version, p)
}

func (c *Client) DeleteUser(ctx context.Context, owner directory.AccountID, u directory.UserID, version uint64) error {
	return c.remove(ctx, ownPath(owner, "users", string(u)), version)
}

// CreateToken makes a token, which the answer alone holds.
func (c *Client) CreateToken(ctx context.Context, owner directory.AccountID, t NewToken) (*Token, error) {
	return submit[Token](ctx, c, ownPath(owner, "tokens"), t)
}

func (c *Client) Tokens(ctx context.Context, owner directory.AccountID, p Paging) (*Page[Token], error) {
	return fetch[Page[Token]](ctx, c, ownPath(owner, "tokens"), p.query())
}

func (c *Client) Token(ctx context.Context, owner directory.AccountID, t directory.TokenID) (*Token, error) {
	return fetch[Token](ctx, c, ownPath(owner, "tokens", string(t)), nil)
}

// DeleteToken revokes a token.
func (c *Client) DeleteToken(ctx context.Context, owner directory.AccountID, t directory.TokenID, version uint64) error {
	return c.remove(ctx, ownPath(owner, "tokens", string(t)), version)
}
