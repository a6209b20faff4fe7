# What will my worker do under production limits, and where does its time go? `make` prints the menu.
# Variables are handed on as they are given, on the command line or in the environment; defaults are in .env.example.
.DEFAULT_GOAL := help
.PHONY: help setup verify bottlenecks compare sweep otel-up otel-down otel-restart otel-logs worker-prodlike doctor stash unstash test test-all test-compose faults check bench preflight

RUNTIMES := test/runtimes/node_modules
node_22 := $(RUNTIMES)/node-22/bin/node
node_24 := $(RUNTIMES)/node-24/bin/node
ifdef NODE
  $(if $(node_$(NODE)),,$(error Cannot use NODE="$(NODE)": allowed values are 22, 24))
endif
node := $(or $(node_$(NODE)),node) --import ./src/run_typescript.mjs
tax := $(filter tax,$(PART))
deno := $(or $(shell command -v deno),$(RUNTIMES)/deno/deno)
deno_needed := $(and $(filter deno,$(RUNTIME)),$(filter $(RUNTIMES)/%,$(deno)))

RUN_SCRIPT := $(if $(filter deno,$(RUNTIME)),$(deno) run --allow-all --no-check --quiet,$(node))
TEST := $(if $(filter deno,$(RUNTIME)),$(deno) test --allow-all --no-check --quiet,$(node) --test)
TESTS = $$(find src scripts test -name '*.test.ts' -not -name '*_faults.test.ts' -not -name 'compose*.test.ts' -not -path '*/node_modules/*')

help: preflight ## this menu
	@node scripts/help.mjs

verify: setup ## prove that one real job travels from the API through the queue into the worker, as one trace
	@$(RUN_SCRIPT) scripts/verify.ts

sweep: setup ## a run under load for each concurrency of LADDER=1,2,4,8,16, and which one to take; JOBS= are those of a step
	@$(RUN_SCRIPT) scripts/sweep.ts

compare: setup ## compare two recorded runs: A= B=; MAX_P95_MS= and MAX_CPU_MS= fail on a threshold
	@$(RUN_SCRIPT) scripts/compare.ts

bottlenecks: setup ## record a run under load; JOBS= RATE= IN_FLIGHT= DURATION= WARMUP= say how much, LIMITS=off, RUN= takes a recorded run
	@$(RUN_SCRIPT) scripts/bottlenecks.ts

otel-up: setup ## start the stack with tracing on; ONLY=collector starts the collector alone
	@$(RUN_SCRIPT) scripts/otel_up.ts

otel-down: setup ## stop all that otel-up started
	@$(RUN_SCRIPT) scripts/otel_down.ts

otel-restart: setup ## restart the collector with a clean log
	@$(RUN_SCRIPT) scripts/otel_restart.ts

otel-logs: setup ## follow the collector's log
	@$(RUN_SCRIPT) scripts/otel_logs.ts

worker-prodlike: setup ## restart the worker, built, under the production limits; say what is enforced
	@$(RUN_SCRIPT) scripts/worker_prodlike.ts

doctor: setup ## lint the limits: heap, memory, CPUs, swap, flags that hide; APP= reads another application
	@$(RUN_SCRIPT) scripts/doctor.ts

stash: setup ## set the changes of STASH_PATHS or .prodlike-stash aside in git stash; APP= its folder, DRY=1 shows, YES=1 asks nothing
	@$(RUN_SCRIPT) scripts/stash.ts

unstash: setup ## bring exactly these changes back; APP= as above
	@$(RUN_SCRIPT) scripts/unstash.ts

test: setup ## run the tests; on another runtime with NODE=22, NODE=24 or RUNTIME=deno
	@$(TEST) $(TESTS)

test-all: setup ## run these and the tests of the benchmarks, 1 minute more
	@$(TEST) $(TESTS) $$(find bench -name '*.test.ts' -not -path '*/node_modules/*')

faults: setup ## run the tests that break parts of a stack; NODE= and RUNTIME= as above, about 4 minutes
	@$(TEST) test/*_faults.test.ts

test-compose: setup ## run the tests of STACK=compose, which need Docker and its images
	@$(TEST) test/compose*.test.ts

check: setup ## types, lint, format, imports, tests
	@node_modules/.bin/tsc && node_modules/.bin/tsc -p src/report/client && node_modules/.bin/biome check --error-on-warnings && $(TEST) $(TESTS)

bench: setup ## run a benchmark: PART=start|collector|metrics|truth|profile_truth|tax|heap|stash|analysis|compare|verdicts
	@$(RUN_SCRIPT) bench/$${PART:-start}.ts

# The pinned packages, installed when they are missing, as after npm ci --omit=dev, or package-lock.json has changed.
setup: preflight node_modules/.package-lock.json $(if $(NODE)$(deno_needed)$(tax),$(RUNTIMES)/.package-lock.json) $(if $(tax),bench/others/node_modules/.package-lock.json)

preflight:
	@sh scripts/preflight.sh

node_modules/.package-lock.json: package-lock.json $(if $(wildcard node_modules/tsx),,preflight) | preflight
	@echo "installing packages (npm ci)" >&2 && npm ci --include=dev --no-audit --no-fund >&2 && touch $@

$(RUNTIMES)/.package-lock.json: test/runtimes/package-lock.json
	@echo "installing other runtimes for the tests (npm ci)" >&2 && npm ci --prefix test/runtimes --no-audit --no-fund >&2 && touch $@

bench/others/node_modules/.package-lock.json: bench/others/package-lock.json
	@echo "installing what the benchmark compares with (npm ci)" >&2 && npm ci --prefix bench/others --no-audit --no-fund >&2 && touch $@
