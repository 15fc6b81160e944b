# butfor: `make lab` does the main job, `make test` runs all tests.
# `make help` lists everything.

GO      ?= go
PYTHON   = $(shell command -v python3)
BIN     := bin/butfor
LINT    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# -race needs a C compiler. Without one the tests run all the same, and say so.
# Looked up when it is needed: the target compiler may have installed it by then.
CC_FOUND = $(shell command -v $${CC:-cc} || command -v gcc || command -v clang)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {sub("%", "ID", $$1); printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: lab
lab: build ## run every finding, in virtual time in seconds, then on real Python workers in under 10 minutes
	@echo 'In virtual time, with model workers:'
	@$(BIN) run --world virtual --quiet
	@echo 'In real time, on real Python workers:'
	$(BIN) run

.PHONY: lab-quick
lab-quick: build ## the same of the headline findings alone, in under 3 minutes
	@$(BIN) run --quick --world virtual --quiet
	$(BIN) run --quick

# A finding's name is no file: the rule holds each time.
repro-%: build ## reproduce one finding and show how it goes: make repro-serial-start REPRO='--seed 7'
	$(BIN) reproduce $* $(REPRO)

.PHONY: build
build: python ## build bin/butfor; with POINTS=1 our pool has scheduling points inside
	$(GO) build $(if $(POINTS),-tags butfor_points) -o $(BIN) ./cmd/butfor

# What measures the machine runs alone, after all else: the recorder of load from
# outside, and findings on real workers and in containers.
.PHONY: test
test: python compiler vet image-if-any build ## all tests, with -race where there is a C compiler
	@$(if $(CC_FOUND),,echo 'make: no C compiler (cc, gcc or clang): the tests run WITHOUT -race.'; \
		echo '      Debian: apt-get install gcc libc6-dev')
	@$(MAKE) --no-print-directory -j 3 test-containers test-whole test-race test-points
	@$(MAKE) --no-print-directory matrix-tenth
	$(TEST) $(RACE) -timeout 20m ./harness/world/outside
	$(TEST) $(RACE) -timeout 20m ./suites/findings -ginkgo.label-filter='!virtual'
	$(TEST) $(RACE) -timeout 20m ./suites/container -ginkgo.label-filter=alone

# What is tested has been vetted.
TEST = $(GO) test -vet=off

# -race, where there is a C compiler.
RACE = $(if $(CC_FOUND),-race)
# In these a test plays hundreds of runs, or builds programs: with -race, which makes
# a run some eight times as long, they are short, and whole without. Tests on real
# workers are whole with it.
MANY := ./harness/mutant ./faults ./harness ./harness/overlay

# A program built with -race sleeps for a second before it exits, unless told not
# to: so does each child of a test, of which there are a hundred.
export GORACE := atexit_sleep_ms=0 $(GORACE)

# What mostly waits goes on beside what computes. One thing comes after another where
# both need the same packages built the same way: at once they would build them twice.
.PHONY: test-containers test-whole test-race test-points built-race

# Neither hangs on time: what does in the suite of containers comes later.
test-containers: built-race
	$(TEST) $(RACE) -timeout 20m ./suites/container -ginkgo.label-filter='!alone'
	$(TEST) $(RACE) -timeout 20m ./suites/findings -run 'TestFindings$$' -ginkgo.label-filter=virtual

test-whole:
	@$(MAKE) --no-print-directory test-python
	@$(MAKE) --no-print-directory mutate
	$(if $(RACE),$(TEST) -timeout 20m -skip 'SameTrace$$|Real' $(MANY))

# The children of cmd/butfor's tests are without -race: what they play and judge, the
# tests of harness and the suite of findings do with it. So these tests are whole. They
# come late, as they build what test-whole builds early.
test-race: built-race build
	$(TEST) $(if $(RACE),$(RACE) -short) -timeout 20m -skip 'SameTrace$$' $$($(GO) list ./... | grep -vE '/cmd/butfor$$|/world/outside$$|/suites/(container|findings)$$')
	BUTFOR_TEST_PROGRAM='$(CURDIR)/$(BIN)' $(TEST) $(RACE) -timeout 20m ./cmd/butfor
	@$(call same-trace,)

test-points:
	$(TEST) $(RACE) -tags butfor_points -timeout 10m ./internal/point ./pool ./harness/judge/history ./harness/world/virtual
	@$(call same-trace,-tags butfor_points)

# What says that the same seed gives the same trace is played by itself: on 1 and 2
# processors, and with -race on 2. All traces must be the same, so that on 1 -race
# would see nothing else.
define same-trace
hashes=$$(mktemp -d); trap 'rm -rf "$$hashes"' EXIT; export BUTFOR_HASHES="$$hashes/hashes"; set -ex; \
$(TEST) $(1) -timeout 10m -count=1 -cpu 1,2 -run 'SameTrace$$' ./harness; \
$(if $(RACE),$(TEST) $(RACE) $(1) -timeout 10m -count=1 -cpu 2 -run 'SameTrace$$' ./harness)
endef

built-race:
	$(GO) build $(RACE) ./...

.PHONY: matrix
matrix: build ## measure how often the verdict is wrong, for some minutes, and write the table into docs/verdict.md
	$(BIN) matrix --page docs/verdict.md $(MATRIX)

.PHONY: matrix-tenth
matrix-tenth: build ## one of ten cases: no failure of the code may be dismissed, and the targets hold with room
	$(BIN) matrix --tenth

.PHONY: mutate
mutate: build ## put bugs into the pools and list the assertions of the catalogue that fail for none
	$(BIN) mutate

.PHONY: record
record: build ## reproduce the catalogue under 100 seeds, and write the track record into README.md and docs/claims.md
	$(BIN) record --readme README.md --claims docs/claims.md

.PHONY: gate
gate: build ## hold the catalogue, in virtual time, against ci/baselines/virtual.json: did anything get worse?
	$(BIN) gate --latent

.PHONY: baseline
baseline: build ## write ci/baselines/virtual.json anew: read how it changes, and commit it
	$(BIN) gate --latent --update

.PHONY: faults
faults: build ## write the faults with their settings and tests into docs/faults.md
	$(BIN) faults --page docs/faults.md

.PHONY: swarm
swarm: ## play 10,000 plans of several faults (SEEDS=1000, ten plans each), and each fault under that many seeds, on our pool: some minutes
	BUTFOR_SEEDS=$${SEEDS:-1000} $(GO) test -timeout 60m -count=1 -v -run 'TestOurPoolLives' ./faults

.PHONY: determinism
determinism: compiler ## play SEEDS scenarios, 1,000 unless told, on 1 and 2 processors and with -race: the same traces
	@hashes=$$(mktemp -d); trap 'rm -rf "$$hashes"' EXIT; set -ex; \
	for tags in '' butfor_points; do for race in '' $(if $(CC_FOUND),-race,''); do \
		BUTFOR_SEEDS=$${SEEDS:-1000} BUTFOR_HASHES="$$hashes/hashes$$tags" \
			$(GO) test $$race -tags "$$tags" -timeout 60m -count=1 -cpu 1,2 -run 'SeedGivesTheSameTrace$$' ./harness; done; done

.PHONY: dominance
dominance: ## hold the family of ideal pools against every subject, in SEEDS scenarios, 10,000 unless told
	BUTFOR_SEEDS=$${SEEDS:-10000} $(GO) test -timeout 60m -count=1 -v -run 'TestNobodyBeatsTheFamily$$|TestTheFamilyAgrees' ./harness

.PHONY: test-python
test-python: python
	cd python && $(PYTHON) -W error -m unittest discover -s tests -t .

.PHONY: vet
vet:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not gofmt-ed: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags butfor_points ./...

.PHONY: lint
lint: ## run the linter (builds it first: some minutes the first time)
	$(GO) run $(LINT) run ./...
	$(GO) run $(LINT) run --build-tags butfor_points ./...

.PHONY: fuzz
fuzz: ## run each fuzzer for FUZZTIME, 60s unless told
	@for room in ./worker/wire ./faults ./harness/scenario ./harness/world/outside ./ci/gate; do \
		for target in $$($(GO) test -list '^Fuzz' $$room | grep '^Fuzz'); do \
			echo "$$room $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $${FUZZTIME:-60s} -fuzzminimizetime 20x $$room || exit 1; done; done

.PHONY: bench
bench: ## benchmarks of points, pool, port, wire, virtual world and the recorder of outside load
	$(GO) test -run '^$$' -bench . ./internal/point ./worker/wire ./worker/process ./worker/container ./pool ./harness
	$(GO) test -run '^$$' -bench . -benchtime 50x ./harness/world/outside

.PHONY: bench-page
bench-page: python image-if-any ## measure in six rounds what butfor is held to, some 6 minutes, and write docs/benchmarks.md (BENCH='-rounds 3' for fewer)
	$(GO) run ./cmd/bench $(BENCH)

.PHONY: soak
soak: ## the thin line ten times in a row with its times, then five times beside 4 CPU hogs
	BUTFOR_TIMES=1 $(GO) run github.com/onsi/ginkgo/v2/ginkgo --repeat=9 --label-filter='thin-line && !hogs' ./suites/findings
	$(GO) run github.com/onsi/ginkgo/v2/ginkgo --repeat=4 --label-filter='thin-line && hogs' ./suites/findings

.PHONY: image
image: ## build the image of workers in containers, unless the engine has it (BASE=IMAGE builds it anew, on that)
	$(GO) run ./cmd/image $(if $(BASE),-base '$(BASE)')

.PHONY: image-prune
image-prune: ## remove the images that were built for other versions of the worker and that no container has
	$(GO) run ./cmd/image -prune

# Where an engine must be, so must the image.
.PHONY: image-if-any
image-if-any:
	$(GO) run ./cmd/image $(if $(filter 1,$(BUTFOR_REQUIRE_DOCKER)),,-optional)

.PHONY: fidelity
fidelity: python ## measure how well replays predict here, for some minutes, and write docs/fidelity.md (FIDELITY='-starts 10 -often 10 serial-start' for more)
	$(GO) run ./cmd/fidelity $(FIDELITY)

# What is missing is installed where that can be done without asking, and named
# where it can't. BUTFOR_NO_INSTALL=1 forbids it. Where another apt is at work, this
# waits for it; update can't do so by itself.
INSTALL = [ "$$(id -u)" = 0 ] && [ -z '$(BUTFOR_NO_INSTALL)' ] && command -v apt-get >/dev/null && \
	( tries=60; until apt-get update -qq; do [ $$((tries -= 1)) -gt 0 ] || exit 1; sleep 2; done ) && \
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300

.PHONY: python
python:
	@command -v python3 >/dev/null || { echo 'make: installing python3'; $(INSTALL) python3 >/dev/null; } || \
		{ echo 'make: Python 3.9 or newer is missing. Debian: apt-get install python3'; exit 1; }

# Only -race needs it: the tests run without one too, and say so.
.PHONY: compiler
compiler:
	@[ -n '$(CC_FOUND)' ] || { echo 'make: installing gcc and libc6-dev, for -race'; $(INSTALL) gcc libc6-dev >/dev/null; } || \
		echo 'make: there is no C compiler, and it could not be installed'

.PHONY: clean
clean: ## remove what was built
	rm -rf bin
