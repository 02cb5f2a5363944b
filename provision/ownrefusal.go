package provision

// What the checks of one noun refuse with 422.
const (
	ofName          = " name_required name_too_long name_invalid"
	ofTrunk         = ofName + " address_invalid addresses_count source_address_invalid source_address_twice source_addresses_count not_available"
	ofNumber        = " number_invalid number_required number_too_long label_invalid trunk_required trunk_unknown user_invalid"
	ofPerson        = ofName + " email_invalid phone_invalid timezone_unknown role_unknown"
	ofPassword      = " password_length password_invalid password_weak"
	ofLimits        = " limit_out_of_range amount_out_of_range not_available"
	ofCredit        = " amount_out_of_range currency_invalid note_invalid"
	ofPlan          = ofName + " description_invalid price_out_of_range currency_invalid"
	ofSelection     = " plan_unknown plan_twice plan_hidden"
	ofWebhook       = " url_invalid url_private events_count event_unknown"
	ofClasses       = " class_name_invalid class_pattern_invalid class_twice too_many_classes"
	ofConfiguration = ofTrunk + ofNumber + ofPerson + ofLimits + ofSelection + " class_unknown name_twice too_many_users number_taken email_taken"
)

// What writes of one noun refuse with 409 for what there is beside it.
const besideConfiguration = " bound_reached source_taken email_taken number_taken pool_exceeded capacity_exceeded in_use name_twice last_admin"

// ownRefusals are the codes that an operation has beside those of its form, by
// its id and the status.
func ownRefusals() map[string]map[int]string {
	all := map[string]map[int]string{
		"login":        {401: "login_failed", 429: "login_throttled", 503: "busy"},
		"logout":       {409: "not_session"},
		"end-access":   {409: "not_access"},
		"start-access": {422: "reason_required reason_invalid"},

		"create-account": {409: besideConfiguration + " realm_taken", 422: ofConfiguration + ofPassword + ofCredit + " parent_unknown tree_too_deep", 503: "busy"},
		"patch-account":  {422: "name_fixed realm_fixed parent_fixed timezone_unknown"},
		"delete-account": {409: "has_accounts owns_federation in_use"},
		"put-configuration": {
			409: besideConfiguration, 422: ofConfiguration, 503: "busy",
		},

		"create-token": {422: ofName + " scope_unknown expiry_past"},
		"create-trunk": {409: "source_taken", 422: ofTrunk}, "patch-trunk": {409: "source_taken", 422: ofTrunk}, "delete-trunk": {409: "in_use"},
		"create-number": {409: "number_taken", 422: ofNumber}, "patch-number": {409: "number_taken", 422: ofNumber},
		"create-interlink": {422: ofName + " expiry_past"},
		"patch-interlink":  {422: ofName + " priority_out_of_range prefix_invalid"},
		"redeem-interlink": {404: "key_unknown", 409: "link_to_self already_linked", 422: ofName, 429: "redeem_throttled"},

		"put-limits":         {409: "pool_exceeded capacity_exceeded", 422: ofLimits},
		"put-number-classes": {403: "forbidden", 422: ofClasses}, "put-restrictions": {422: "class_unknown"},
		"create-credit-entry": {409: "currency_fixed", 422: ofCredit},
		"create-licence":      {422: "minutes_out_of_range validity_invalid licence_over remarks_invalid"},

		"explain": {422: "account_unknown"},
		"listen":  {404: "not_found", 429: "too_many_streams"}, "list-audit": {404: "not_found"},
		"create-webhook": {422: ofWebhook}, "patch-webhook": {422: ofWebhook},

		"create-provider": {409: "provider_taken", 422: ofName + " url_invalid limit_out_of_range"},
		"patch-provider":  {409: "provider_taken capacity_exceeded", 422: ofName + " url_invalid limit_out_of_range"},
		"delete-provider": {409: "in_use"},
		"put-account-provider": {
			409: "provider_change_confirm capacity_exceeded in_use", 422: "provider_unknown credentials_unused",
		},
		"create-plan": {409: "plan_taken", 422: ofPlan}, "patch-plan": {409: "plan_taken", 422: ofPlan}, "delete-plan": {409: "in_use"},
		"put-account-plans": {422: ofSelection},

		"create-federation": {422: ofName + " required owner_unknown"}, "patch-federation": {422: ofName},
		"join-federation":     {404: "code_unknown", 409: "in_federation", 429: "redeem_throttled"},
		"accept-join-request": {409: "join_request_settled"}, "decline-join-request": {409: "join_request_settled"},
		"withdraw-join-request": {409: "join_request_settled"},
	}
	for _, owner := range []string{"", "staff-"} {
		all["create-"+owner+"user"] = map[int]string{409: "email_taken", 422: ofPerson + ofPassword, 503: "busy"}
		all["patch-"+owner+"user"] = map[int]string{409: "last_admin", 422: ofPerson + ofPassword + " email_fixed password_wrong", 503: "busy"}
		all["delete-"+owner+"user"] = map[int]string{409: "last_admin"}
	}
	all["create-staff-token"] = all["create-token"]
	return all
}
