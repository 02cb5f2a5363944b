package directory

import (
	"net/mail"
	"strings"
	"time"
)

// UserID identifies a user ("usr_" and a ULID).
type UserID string

// Role is what a user is in its account.
type Role string

const (
	RoleAdmin Role = "admin"
	RoleUser  Role = "user"
)

// User is a person who logs in (AC8, SU4). One without an account is staff.
type User struct {
	ID      UserID    `json:"id"`
	Account AccountID `json:"account,omitempty"`
	// Email names the user at the login; unique on the platform in any case,
	// and never changed.
	Email     string `json:"email"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Phone     string `json:"phone,omitempty"`
	Role      Role   `json:"role"`
	// TimeZone is an IANA name.
	TimeZone string `json:"timezone"`
	// Password is an argon2id hash in the PHC string format; empty: the user
	// cannot log in.
	Password string `json:"password,omitempty"`
	// LastLogin is zero before the first one.
	LastLogin time.Time `json:"last_login,omitzero"`
	// Edits counts what people changed. A login writes LastLogin and counts as a
	// version only: it is no reason to refuse who is just editing the user.
	Edits     uint64    `json:"edits,omitempty"`
	Version   uint64    `json:"version"`
	CreatedAt time.Time `json:"created_at"`
}

func (u *User) Ref() Ref              { return Ref{KindUser, string(u.ID)} }
func (u *User) ObjectVersion() uint64 { return u.Version }
func (u *User) Owner() AccountID      { return u.Account }
func (u *User) Claims() []string      { return []string{EmailClaim(u.Email)} }
func (u *User) Requires() []Ref       { return ownedBy(u.Account) }
func (u *User) withVersion(v uint64) Object {
	c := *u
	c.Version = v
	return &c
}

func (u *User) Redacted() Object {
	c := *u
	c.Password = ""
	return &c
}

// maxEmail is the longest address in octets (RFC 5321 §4.5.3.1.3, without the
// angle brackets).
const maxEmail = 254

// EmailClaim is the claim by which a user is found at the login.
func EmailClaim(email string) string { return "email:" + strings.ToLower(email) }

// ownedBy is what an object of an account requires; nothing for the platform's.
func ownedBy(a AccountID) []Ref {
	if a == "" {
		return nil
	}
	return []Ref{{KindAccount, string(a)}}
}

// Validate reports the first field that has an impossible value.
func (u *User) Validate() error {
	if a, err := mail.ParseAddress(u.Email); err != nil || a.Address != u.Email || len(u.Email) > maxEmail {
		return Invalid("/email", "email_invalid", "The email address is not valid.")
	}
	if err := CheckName("/first_name", u.FirstName); err != nil {
		return err
	}
	if err := CheckName("/last_name", u.LastName); err != nil {
		return err
	}
	if u.Phone != "" {
		if len(u.Phone) > 32 || strings.Trim(u.Phone, "+0123456789 ()-./") != "" {
			return Invalid("/phone", "phone_invalid", "A phone number has up to 32 digits, spaces and signs.")
		}
	}
	if u.Role != RoleAdmin && (u.Role != RoleUser || u.Account == "") {
		return Invalid("/role", "role_unknown", "The role is admin or user; the platform has administrators only.")
	}
	return CheckTimeZone("/timezone", u.TimeZone)
}

// CheckTimeZone holds for every time zone: an IANA name.
func CheckTimeZone(field, name string) error {
	if name == "" || name == "Local" {
		return Invalid(field, "timezone_unknown", "The time zone is not an IANA name.")
	}
	if _, err := time.LoadLocation(name); err != nil {
		return Invalid(field, "timezone_unknown", "The time zone %q is not an IANA name.", name)
	}
	return nil
}
