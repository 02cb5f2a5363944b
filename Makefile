# make help lists what there is. Everything runs from a fresh clone; programs
# that the tests need beside Go are installed by scripts/install-test-deps.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO       ?= go
BIN      := bin
TOOLS    := $(BIN)/tools
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  := -s -w -X main.version=$(VERSION)
# FUZZTIME is per fuzz target: a duration, or a number of runs as in 1000x.
FUZZTIME ?= 60s
# RUN narrows make test to tests whose name matches; PKG to packages.
RUN      ?=
PKG      ?= ./...
BENCHFLAGS ?=
DEVFLAGS   ?=

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | sort | awk -F'|' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: build
build: ## Build bin/interlink: static, without cgo, with the version in it
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/interlink ./cmd/interlink

.PHONY: run
run: build ## Build, then run the gateway with two pretend PBXs on loopback (interlink dev)
	$(BIN)/interlink dev $(DEVFLAGS)

.PHONY: deps
deps: ## Install the programs that the tests need (redis-server, SIPp, ...)
	scripts/install-test-deps

.PHONY: test
test: deps ## All tests, with the race detector and real programs; RUN= and PKG= narrow it
	$(GO) test -race -count=1 -timeout=15m $(if $(RUN),-run '$(RUN)') $(PKG)

.PHONY: load
load: deps build ## 10,000 SIPp calls at 500/s through the gateway on a real Redis
	E2E_GATEWAY=$(CURDIR)/$(BIN)/interlink LOAD_CALLS=10000 LOAD_RATE=500 $(GO) test -count=1 -timeout=10m -v -run 'TestRealPrograms/(load|two_nodes_share_changes)' ./cmd/interlink

.PHONY: check
check: deps tools ## Format, vet (Linux, macOS, Windows), staticcheck, govulncheck, Lua, alert rules, OpenAPI, shell
	scripts/check $(TOOLS)

.PHONY: fmt
fmt: ## Format the Go code
	gofmt -w $$(git ls-files '*.go')

.PHONY: fuzz
fuzz: ## Each fuzz target for FUZZTIME (default 60s)
	scripts/fuzz $(FUZZTIME)

.PHONY: bench
bench: build ## What a call costs beside Kamailio and others, half an hour; BENCHFLAGS= as bench/README.md says
	scripts/install-test-deps bench
	$(GO) run ./bench $(BENCHFLAGS)

.PHONY: cover
cover: deps ## Test coverage by package, and bin/cover.html
	@mkdir -p $(BIN)
	$(GO) test -count=1 -timeout=15m -coverpkg=./... -coverprofile=$(BIN)/cover.out ./...
	$(GO) tool cover -html=$(BIN)/cover.out -o $(BIN)/cover.html
	@$(GO) tool cover -func=$(BIN)/cover.out | tail -n 1

.PHONY: tools
tools: $(TOOLS)/.built

# The tools have a module of their own, so that nothing of theirs is in go.mod.
$(TOOLS)/.built: tools/go.mod tools/go.sum tools/openapilint/main.go
	@mkdir -p $(TOOLS)
	cd tools && GOBIN='$(CURDIR)/$(TOOLS)' $(GO) install tool
	@touch $@

.PHONY: clean
clean: ## Remove what was built and measured
	rm -rf $(BIN) bench/results
