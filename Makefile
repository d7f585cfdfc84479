# What a person types. Each target that needs packages installs those that are missing (Debian, apt-get) and says so.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_NOLOGO := 1
export MSBUILDDISABLENODEREUSE := 1

CONFIGURATION := Release
PREREQUISITES := deploy/install-prerequisites.sh
SEEDS ?= 1000
MODE ?= quick

.PHONY: help build image tests-build test demo bench bench-codecs bench-parity bench-replicas bench-scrub bench-writes soak fuzz format-check clean

help: ## this list
	@echo "cstor: block storage for databases. make TARGET, where TARGET is"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1|\2/' | awk -F'|' '{printf "%-16s%s\n", $$1, $$2}'

build: ## the native executable, out/cstor
	@$(PREREQUISITES) build
	@deploy/publish.sh $(CONFIGURATION)

image: build ## a container image of it, out/cstor-image.tar, made without any container tool
	@deploy/image.sh

tests-build: build
	@dotnet build tests/Cstor.Tests.csproj -c $(CONFIGURATION) -v quiet -nologo

test: tests-build ## every test: unit, simulation, fuzz, end to end with real initiators
	@$(PREREQUISITES) test
	@tests/EndToEnd/scripts/run-tests.sh $(CONFIGURATION)

demo: build ## a pool on sparse files, a volume, a real iSCSI client, in about a minute
	@$(PREREQUISITES) demo
	@deploy/demo.sh

bench: build ## the raw device, tgt and cstor side by side in one table (MODE=quick or full); parity against ISA-L
	@$(PREREQUISITES) bench
	@tests/Bench/bench.sh $(MODE)
	@tests/Bench/parity.sh

bench-parity: ## only parity and reconstruction, against Intel ISA-L
	@$(PREREQUISITES) bench
	@tests/Bench/parity.sh

bench-codecs: ## what checksums and compression cost one core
	@$(PREREQUISITES) build
	@tests/Bench/codecs.sh

bench-scrub: build ## what a scrub costs the foreground, and a resilver the devices
	@$(PREREQUISITES) bench
	@tests/Bench/scrub.sh

bench-replicas: build ## three replicas on this machine against one (MODE=quick or full)
	@$(PREREQUISITES) bench
	@tests/Bench/replicas.sh $(MODE)

bench-writes: ## the write path of the engine against the raw device (MODE=quick or full)
	@$(PREREQUISITES) build
	@tests/Bench/writes.sh $(MODE)

soak: tests-build ## the simulator over SEEDS=1000 seeds from a random start
	@CSTOR_SEEDS=$(SEEDS) CSTOR_FIRST_SEED=$${FIRST_SEED:-$$RANDOM$$RANDOM} \
	  dotnet test tests/Cstor.Tests.csproj -c $(CONFIGURATION) --no-build --filter Category=Simulation

fuzz: tests-build ## the fuzzers over INPUTS=10000000 inputs
	@CSTOR_FUZZ_INPUTS=$${INPUTS:-10000000} \
	  dotnet test tests/Cstor.Tests.csproj -c $(CONFIGURATION) --no-build --filter Category=Fuzz

format-check: ## what dotnet format would change
	@dotnet format cstor.sln --verify-no-changes --severity warn

clean: ## remove what was built
	@rm -rf out
	@find . -type d \( -name bin -o -name obj -o -name TestResults \) -not -path './.git/*' -prune -exec rm -rf {} +
