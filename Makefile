# HopperKV's commands. The work is done by scripts/*.sh; `make` lists what there is.

.DEFAULT_GOAL := help
.PHONY: help run ui demo experiments validate bench bench-instructions test test-long redis-suite lint clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build and start HopperKV with three demo tenants; Ctrl-C stops it
	@scripts/run.sh

ui: ## build the admin page; `make run` does that too where npm is there
	@scripts/build-ui.sh

demo: ## two tenants under load: static quotas, the allocator's, and how it follows a change
	@scripts/demo.sh

experiments: ## simulate the paper's evaluation, and more, at full scale; says where the report is
	@scripts/experiments.sh

validate: ## live runs against simulated ones of the same specs; an hour and a half of a quiet machine
	@scripts/validate.sh

bench: ## measure against a stock Redis and write docs/performance.md; ten minutes of a quiet machine
	@scripts/bench.sh

bench-instructions: ## instructions of a hit, counted by valgrind, against what is recorded
	@scripts/bench-instructions.sh

test: ## every test, with what the tests need
	@scripts/test.sh

test-long: ## every test, the long ones too
	@scripts/test.sh --long

redis-suite: ## Redis's own test suite against HopperKV
	@scripts/redis-suite.sh

lint: ## format, clippy, dependency rules
	@scripts/lint.sh

clean: ## remove what was built or installed here; keeps hopperkv-data
	@rm -rf target .venv clients/node/node_modules admin-ui/node_modules admin-ui/dist
