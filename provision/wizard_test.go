package provision

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

// whole is a wizard's request with every part.
func whole(name string) obj {
	return obj{
		"name": name, "timezone": "Europe/Berlin",
		"admin":        obj{"first_name": "Pat", "last_name": "Brown", "email": "pat@brown.example", "phone": "+49 30 1234"},
		"limits":       obj{"inbound_trunks": 2, "outbound_trunks": 0, "twoway_trunks": 8, "burst_trunks": 0, "max_outbound_calls": 8},
		"restrictions": obj{"classes": obj{"premium": "deny"}},
		"credit":       obj{"amount": 5000, "currency": "EUR"},
		"permissions":  obj{"features": obj{"reports": "hidden"}},
	}
}

func (w *world) premium() {
	w.t.Helper()
	w.do(put("/v1/number-classes", obj{"classes": []obj{{"name": "premium", "pattern": "0900."}}})).want(200)
}

// AC7: one POST creates the account with all its parts.
func TestAC7Wizard(t *testing.T) {
	w := newWorld(t)
	w.premium()
	reseller := "/v1/accounts/" + w.do(post("/v1/accounts", obj{"name": "Reseller", "reseller": true})).want(201).str("id")
	partner := w.admin(reseller)
	writes := w.store.seq
	r := w.do(post("/v1/accounts", whole("Brown")).as(partner)).want(201).
		is("name", "Brown").is("parent", idIn(reseller)).is("lines.allowed", 10).
		is("admin.email", "pat@brown.example").is("admin.role", "admin").is("admin.timezone", "Europe/Berlin").is("admin.phone", "+49 30 1234")
	if w.store.seq != writes+1 {
		t.Errorf("%d writes", w.store.seq-writes)
	}
	brown := "/v1/accounts/" + r.str("id")
	w.do(get(brown+"/limits").as(partner)).want(200).is("max_outbound_calls", 8)
	w.do(get(brown+"/restrictions").as(partner)).want(200).is("classes.premium", "deny")
	w.do(get(brown+"/credit").as(partner)).want(200).is("balance", 5000).is("currency", "EUR")
	w.do(get(brown+"/permissions").as(partner)).want(200).is("features.reports", "hidden").is("version", 1)
	w.do(get(brown+"/users/"+r.str("admin.id")).as(partner)).want(200).is("email", "pat@brown.example")

	session := w.do(loginAs("pat@brown.example", r.str("admin.password"))).want(200).str("token")
	w.do(get("/v1/me").as(session)).want(200).is("kind", "admin").is("account", r.str("id"))
	w.do(get(brown+"/call-log").as(session)).want(403, "forbidden")
	if text := w.do(get(brown)).text; strings.Contains(text, `"admin"`) {
		t.Errorf("a read answers with the administrator: %s", text)
	}
}

// AC7: the same Idempotency-Key gives the same account, password included.
func TestAC7Repeated(t *testing.T) {
	w := newWorld(t)
	w.premium()
	first := w.do(post("/v1/accounts", whole("Brown")).with("Idempotency-Key", "k")).want(201)
	again := w.do(post("/v1/accounts", whole("Brown")).with("Idempotency-Key", "k")).want(201)
	if first.text != again.text || again.str("admin.password") == "" {
		t.Errorf("the answers differ:\n%s\n%s", first.text, again.text)
	}
	w.do(post("/v1/accounts", whole("Other")).with("Idempotency-Key", "k")).want(422, "idempotency_mismatch")
	if got := w.do(get("/v1/accounts")).ids("name"); len(got) != 1 {
		t.Fatalf("accounts %v", got)
	}
	// Without the key it would be a second account, but the address is taken.
	w.do(post("/v1/accounts", whole("Brown"))).want(409, "email_taken", "/admin/email")
}

// AC7: all of it or nothing, whichever part is wrong; the pointer leads to it.
func TestAC7AllOrNothing(t *testing.T) {
	w := newWorld(t)
	w.premium()
	reseller := w.account("Reseller")
	w.do(put(reseller+"/limits", obj{"inbound_trunks": 1, "outbound_trunks": 1, "twoway_trunks": 1, "burst_trunks": 1})).want(200)
	w.user(reseller, "taken@reseller.example", "user")
	seq, objects := w.store.seq, len(w.store.objects)
	for _, c := range []struct {
		part, field   string
		value         any
		status        int
		code, pointer string
	}{
		{"admin", "email", "nobody", 422, "email_invalid", "/admin/email"},
		{"admin", "email", "Taken@reseller.example", 409, "email_taken", "/admin/email"},
		{"admin", "first_name", " ", 422, "name_required", "/admin/first_name"},
		{"admin", "phone", "call me", 422, "phone_invalid", "/admin/phone"},
		{"admin", "password", "short", 422, "password_length", "/admin/password"},
		{"admin", "role", "user", 422, "unknown_field", "/admin/role"},
		{"limits", "burst_trunks", -2, 422, "invalid", "/limits/burst_trunks"},
		{"limits", "on_store_loss", "open", 422, "not_available", "/limits/on_store_loss"},
		{"limits", "inbound_trunks", 2, 409, "pool_exceeded", "/limits/inbound_trunks"},
		{"restrictions", "classes", obj{"moon": "deny"}, 422, "class_unknown", "/restrictions/classes/moon"},
		{"credit", "currency", "euro", 422, "invalid", "/credit/currency"},
		{"credit", "currency", "eur", 422, "currency_invalid", "/credit/currency"},
		{"permissions", "features", obj{"moon": "shown"}, 422, "unknown_field", "/permissions/features/moon"},
	} {
		body := whole("Brown")
		body["parent"] = idIn(reseller)
		if c.part != "limits" {
			delete(body, "limits")
		}
		body[c.part].(obj)[c.field] = c.value
		w.do(post("/v1/accounts", body)).want(c.status, c.code, c.pointer)
		if w.store.seq != seq || len(w.store.objects) != objects {
			t.Fatalf("%s/%s: something was written", c.part, c.field)
		}
	}
	dry := whole("Brown")
	r := w.do(post("/v1/accounts?dry_run=true", dry)).want(200).is("admin.email", "pat@brown.example").is("lines.allowed", 10)
	if strings.Contains(r.text, `"password"`) || w.store.seq != seq {
		t.Errorf("the dry run wrote, or answered a password: %s", r.text)
	}
	w.store.broken = errBroken
	w.do(post("/v1/accounts", whole("Brown"))).want(503, "store_unavailable")
	w.store.broken = nil
	if len(w.store.objects) != objects {
		t.Fatal("something was written")
	}
}

// AC7: whatever realm is taken, and whatever others write meanwhile, it is one
// account in the end.
func TestAC7Overtaken(t *testing.T) {
	w := newWorld(t)
	w.premium()
	reseller := w.account("Reseller")
	w.do(put(reseller+"/limits", obj{"inbound_trunks": 20, "outbound_trunks": 20, "twoway_trunks": 20, "burst_trunks": 20})).want(200)
	body := whole("Brown")
	body["parent"] = idIn(reseller)
	w.store.before = func() {
		w.do(change(reseller, obj{"timezone": "Asia/Tokyo"})).want(200)
		w.do(put(reseller+"/limits", obj{"inbound_trunks": 19, "outbound_trunks": 20, "twoway_trunks": 20, "burst_trunks": 20})).want(200)
	}
	r := w.do(post("/v1/accounts", body)).want(201)
	w.do(loginAs("pat@brown.example", r.str("admin.password"))).want(200)
	if got := w.do(get("/v1/accounts?parent=" + idIn(reseller))).ids("name"); len(got) != 1 {
		t.Fatalf("accounts %v", got)
	}
}

// AC1: resellers below resellers, and customers below those, as deep as limits
// are looked for; only those above say who is one.
func TestAC1Resellers(t *testing.T) {
	w := newWorld(t)
	admin := func(n int) obj {
		return obj{"first_name": "P", "last_name": "P", "email": fmt.Sprintf("p%d@example.com", n), "password": testPassword}
	}
	top := "/v1/accounts/" + w.do(post("/v1/accounts", obj{"name": "Top", "reseller": true, "admin": admin(0)})).want(201).is("reseller", true).str("id")
	asTop := w.login("p0@example.com")
	w.do(get("/v1/me").as(asTop)).want(200).is("kind", "partner")
	sub := "/v1/accounts/" + w.do(post("/v1/accounts", obj{"name": "Sub", "reseller": true, "admin": admin(1)}).as(asTop)).want(201).is("parent", idIn(top)).str("id")
	asSub := w.login("p1@example.com")
	customer := "/v1/accounts/" + w.do(post("/v1/accounts", obj{"name": "Customer", "admin": admin(2)}).as(asSub)).want(201).is("reseller", false).str("id")
	asCustomer := w.login("p2@example.com")

	w.do(get(customer).as(asTop)).want(200)
	w.do(get(top).as(asSub)).want(404, "not_found")
	w.do(post("/v1/accounts", obj{"name": "X"}).as(asCustomer)).want(403, "forbidden")
	w.do(change(customer, obj{"reseller": true}).as(asCustomer)).want(403, "forbidden")
	w.do(change(sub, obj{"reseller": false}).as(asSub)).want(403, "forbidden")
	w.do(change(customer, obj{"reseller": true}).as(asTop)).want(200).is("reseller", true)
	w.do(post("/v1/accounts", obj{"name": "Below"}).as(asCustomer)).want(201).is("parent", idIn(customer))
	w.do(change(customer, obj{"reseller": nil}).as(asTop)).want(200).is("reseller", false)
	// One that has accounts below stays a partner.
	w.do(get("/v1/me").as(asCustomer)).want(200).is("kind", "partner")
	if a := w.store.view.Account(directory.AccountID(idIn(customer))); a.Parent != directory.AccountID(idIn(sub)) {
		t.Errorf("parent %s", a.Parent)
	}
}
