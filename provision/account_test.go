package provision

import "testing"

func TestAccountSmoke(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	w.do(get(a)).want(200).is("name", "Brown").is("lines.allowed", -1)
	w.do(get("/openapi.json")).want(200)
	w.do(get("/docs")).want(200)
}
