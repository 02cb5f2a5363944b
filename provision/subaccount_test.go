package provision

import (
	"errors"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

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

// The client speaks of settings as the API does.
func TestClientOfSettings(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	c, a := w.serve(testToken), idOf(w.account("Brown"))
	provider := got[*Provider](t)(c.CreateProvider(ctx, NewProvider{Name: "Carrier"}))
	provider = got[*Provider](t)(c.PatchProvider(ctx, provider, ProviderPatch{Capacity: To(int64(7))}))
	other := got[*Provider](t)(c.CreateProvider(ctx, NewProvider{Name: "Other"}))
	credentials := got[Credentials](t)(NewCredentials(map[string]string{"username": "brown", "password": "canary"}))
	connection := got[*Connection](t)(c.SetConnection(ctx, a, 0, NewConnection{Provider: &provider.ID, Credentials: To(credentials)}))
	if read := got[*Connection](t)(c.Connection(ctx, a)); !read.CredentialsSet || *read.Capacity != 7 || read.Version != connection.Version {
		t.Errorf("connection: %+v", read)
	}
	var refused *Problem
	if _, err := c.SetConnection(ctx, a, AnyVersion, NewConnection{Provider: &other.ID}); !errors.As(err, &refused) || refused.Deletes == nil || !refused.Deletes.Credentials {
		t.Errorf("a change that nobody confirmed: %v", err)
	}
	if err := c.DeleteProvider(ctx, other.ID, other.Version); err != nil {
		t.Error(err)
	}
	if all := got[*Page[Provider]](t)(c.Providers(ctx, Paging{})); len(all.Items) != 1 || all.Items[0].ID != got[*Provider](t)(c.Provider(ctx, provider.ID)).ID {
		t.Errorf("providers: %+v", all)
	}

	draft := got[*PermissionDraft](t)(c.SetPermissionDraft(ctx, a, 0, NewPermissions{Features: Features{"reports": directory.Hidden}}))
	if d := got[*PermissionDiff](t)(c.PermissionDiff(ctx, a)); len(d.Changes) != 1 || d.Changes[0].Feature != "reports" {
		t.Errorf("diff: %+v", d)
	}
	published := got[*PermissionSet](t)(c.PublishPermissions(ctx, a, draft.Version))
	if read := got[*PermissionSet](t)(c.Permissions(ctx, a)); read.Version != published.Version || read.Features["reports"] != directory.Hidden {
		t.Errorf("permissions: %+v", read)
	}
	if read := got[*PermissionDraft](t)(c.PermissionDraft(ctx, a)); read.Published != 1 {
		t.Errorf("draft: %+v", read)
	}
	if all := got[*Page[PermissionEdition]](t)(c.PermissionVersions(ctx, a, Paging{})); len(all.Items) != 1 {
		t.Errorf("versions: %+v", all)
	}

	plan := got[*Plan](t)(c.CreatePlan(ctx, NewPlan{Name: "Basic", Currency: "EUR"}))
	plan = got[*Plan](t)(c.PatchPlan(ctx, plan, PlanPatch{Popular: To(true)}))
	selected := got[*PlanSelection](t)(c.SelectPlans(ctx, a, 0, NewPlanSelection{Plans: []directory.PricePlanID{plan.ID}}))
	if read := got[*PlanSelection](t)(c.PlanSelection(ctx, a)); len(read.Plans) != 1 || read.Version != selected.Version {
		t.Errorf("plans: %+v", read)
	}
	if all := got[*Page[Plan]](t)(c.Plans(ctx, Paging{})); len(all.Items) != 1 || !got[*Plan](t)(c.Plan(ctx, plan.ID)).Popular {
		t.Errorf("all plans: %+v", all)
	}
	got[*PlanSelection](t)(c.SelectPlans(ctx, a, selected.Version, NewPlanSelection{Plans: []directory.PricePlanID{}}))
	if err := c.DeletePlan(ctx, plan.ID, plan.Version); err != nil {
		t.Error(err)
	}

	off := false
	got[*Settings](t)(c.SaveSettings(ctx, a, 0, NewSettings{CallLogSync: &off}))
	if read := got[*Settings](t)(c.Settings(ctx, a)); read.CallLogSync || read.Version != 1 {
		t.Errorf("settings: %+v", read)
	}
}
