package provision

import "testing"

func TestTrunk(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	r := w.do(post(a+"/trunks", obj{
		"name": "PBX", "kind": "static", "transport": "udp", "media": "direct",
		"addresses": []string{"127.0.0.12:5070", "127.0.0.13", "[2001:db8::1]:5060"}, "source_addresses": []string{"127.0.0.12/32", "192.0.2.77/24", "127.0.0.14:5080"},
	})).want(201).is("kind", "static").is("transport", "udp").is("media", "direct").
		is("addresses.0", "127.0.0.12:5070").is("addresses.1", "127.0.0.13:5060").is("addresses.2", "[2001:db8::1]:5060").
		is("source_addresses.0", "127.0.0.12/32").is("source_addresses.1", "192.0.2.0/24").is("source_addresses.2", "127.0.0.14:5080")
	path := a + "/trunks/" + r.str("id")
	w.do(get(path)).want(200).is("name", "PBX").is("version", 1)
	w.do(change(path, obj{"name": "New PBX", "kind": nil, "source_addresses": []string{"127.0.0.15"}})).want(200).
		is("name", "New PBX").is("addresses.0", "127.0.0.12:5070").is("source_addresses.0", "127.0.0.15/32").is("version", 2)
	// The old source is free, the new one taken.
	other := w.account("Smith")
	w.trunk(other, "127.0.0.12")
	taken := obj{"name": "T", "addresses": []string{"127.0.0.15:5060"}, "source_addresses": []string{"127.0.0.15"}}
	w.do(post(other+"/trunks", taken)).want(409, "source_taken", "/source_addresses")
	w.do(post(other+"/trunks?dry_run=true", taken)).want(409, "source_taken", "/source_addresses")
	// A wider prefix is another source: the longest wins.
	w.do(post(other+"/trunks", obj{"name": "T", "addresses": []string{"127.0.0.15:5060"}, "source_addresses": []string{"127.0.0.0/24"}})).want(201)
	w.do(del(path)).want(204)
	w.do(get(path)).want(404, "not_found")
	w.do(post(other+"/trunks", taken)).want(201)
}

func TestTrunkIsRefused(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	path := a + "/trunks/" + w.trunk(a, "192.0.2.1")
	good := obj{"name": "T", "addresses": []string{"192.0.2.2:5060"}, "source_addresses": []string{"192.0.2.2"}}
	for _, c := range []struct {
		member        string
		value         any
		code, pointer string
	}{
		{"kind", "register", "not_available", "/kind"},
		{"transport", "tcp", "not_available", "/transport"},
		{"transport", "tls", "not_available", "/transport"},
		{"media", "relay", "not_available", "/media"},
		{"username", "u", "unknown_field", "/username"},
		{"password", "hunter2", "unknown_field", "/password"},
		{"priority", 1, "unknown_field", "/priority"},
		{"weight", 1, "unknown_field", "/weight"},
		{"probe", obj{"interval": 30}, "unknown_field", "/probe"},
		{"name", "", "", "/name"},
		{"addresses", []string{}, "", "/addresses"},
		{"addresses", []string{"pbx.example:5060"}, "address_invalid", "/addresses/0"},
		{"addresses", []string{"192.0.2.1:5060", "192.0.2.1:0"}, "address_invalid", "/addresses/1"},
		{"addresses", []string{"224.0.0.1:5060"}, "address_invalid", "/addresses/0"},
		{"addresses", []string{"0.0.0.0:5060"}, "address_invalid", "/addresses/0"},
		{"addresses", []string{"[fe80::1%eth0]:5060"}, "address_invalid", "/addresses/0"},
		{"addresses", []any{1}, "invalid", "/addresses/0"},
		{"addresses", "192.0.2.1:5060", "invalid", "/addresses"},
		{"source_addresses", []string{}, "", "/source_addresses"},
		{"source_addresses", []string{"0.0.0.0/0"}, "source_address_invalid", "/source_addresses/0"},
		{"source_addresses", []string{"::/0"}, "source_address_invalid", "/source_addresses/0"},
		{"source_addresses", []string{"192.0.2.5", "x"}, "source_address_invalid", "/source_addresses/1"},
		{"source_addresses", []string{"192.0.2.5", "192.0.2.5/32"}, "source_address_twice", "/source_addresses/1"},
	} {
		body := obj{}
		for k, v := range good {
			body[k] = v
		}
		body[c.member] = c.value
		want := []string{c.code, c.pointer}
		if c.code == "" {
			want = nil
		}
		r := w.do(post(a+"/trunks", body)).want(422, want...)
		if c.member == "password" && contains(r.text, "hunter2") {
			t.Fatal("the answer repeats a password")
		}
		w.do(change(path, obj{c.member: c.value})).want(422, want...)
	}
	for _, required := range []string{"name", "addresses", "source_addresses"} {
		body := obj{}
		for k, v := range good {
			body[k] = v
		}
		delete(body, required)
		w.do(post(a+"/trunks", body)).want(422, "required", "/"+required)
		w.do(change(path, obj{required: nil})).want(422)
	}
	w.do(get(path)).want(200).is("version", 1)
}

func TestTrunkInUse(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	trunk := w.trunk(a, "192.0.2.1")
	number := w.number(a, trunk, "2001", nil).str("id")
	w.do(del(a+"/trunks/"+trunk)).want(409, "in_use")
	w.do(del(a+"/trunks/"+trunk+"?dry_run=true")).want(409, "in_use")
	w.do(change(a+"/numbers/"+number, obj{"trunk": w.trunk(a, "192.0.2.2")})).want(200)
	w.do(del(a + "/trunks/" + trunk)).want(204)
}

// A number that comes to use the trunk at the last moment keeps it.
func TestTrunkComesInUse(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	trunk := w.trunk(a, "192.0.2.1")
	w.store.before = func() { w.number(a, trunk, "2001", nil) }
	w.do(del(a+"/trunks/"+trunk)).want(409, "in_use")
	// And a trunk that goes at the last moment takes no number.
	other := w.trunk(a, "192.0.2.2")
	w.store.before = func() { w.do(del(a + "/trunks/" + other)).want(204) }
	w.do(post(a+"/numbers", obj{"number": "2002", "trunk": other})).want(422, "trunk_unknown", "/trunk")
}

func TestTrunkList(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	var made []string
	for _, address := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
		made = append(made, w.trunk(a, address))
	}
	r := w.do(get(a+"/trunks?limit=2")).want(200).is("items.0.id", made[0]).is("items.1.id", made[1])
	w.do(get(a+"/trunks?limit=2&cursor="+r.str("next"))).want(200).is("items.0.id", made[2]).is("next", nil)
	w.do(get(w.account("Smith")+"/trunks?cursor="+r.str("next"))).want(422, "cursor_invalid")
}
