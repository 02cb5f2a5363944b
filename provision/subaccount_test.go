package provision

// subaccountFixture sets the settings of an account up, and tells what stands in the paths
// and bodies of the operations on them.
func subaccountFixture(w *world, account string) fixture {
	provider := w.provider("Carrier", 10)
	other := w.provider("Other carrier", -1)
	plan, spare := w.plan("Basic"), w.plan("Spare")
	w.do(put(account+"/provider", obj{"provider": idIn(provider)})).want(200)
	w.do(put(account+"/plans", obj{"plans": []string{idIn(plan)}})).want(200)
	w.do(put(account+"/permissions/draft", obj{"features": obj{"reports": "hidden"}})).want(200)
	return fixture{named: []string{"{provider}", idIn(other), "{plan}", idIn(spare)}, bodies: map[string]any{
		"POST /v1/providers":                   obj{"name": "Carrier Two", "capacity": 5},
		"PUT " + connectionPath:                obj{"provider": idIn(provider), "credentials": obj{"username": "brown", "password": "secret"}},
		"PUT " + permissionsPath + "/draft":    obj{"features": obj{"contacts": "partial"}},
		"POST " + permissionsPath + "/publish": nil,
		"POST /v1/plans":                       obj{"name": "Business", "currency": "EUR"},
		"PUT " + selectionPath:                 obj{"plans": []string{idIn(plan)}},
		"PUT " + settingsPath:                  obj{"call_log_sync": false},
	}}
}
