# Everything a reviewer would run. "make" alone shows what there is.

STATICCHECK = go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
SEEDS = 1000
KILLS = 1000
OF = 1
T = 30s
PKG = ./protocol/twopc
SCENARIO = crash
EQUIVALENT = $(wildcard scenarios/testdata/equivalent/$(notdir $(PKG)).txt)
WASM = wasm
PROGRAMS = hashiraft members web grpckv plainwal bolt leveldb pebble etcdraft nats uploads interleavings once
SYSTEMS = windows/amd64 darwin/arm64 js/wasm

help:      ## show this
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

check: fmt vet lint test run      ## all that must pass

fmt:       ## formatting
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }

vet:       ## go vet, here and for the systems in SYSTEMS
	go vet ./...
	@set -e; for s in $(SYSTEMS); do echo "go vet for $$s"; GOOS=$${s%/*} GOARCH=$${s#*/} go vet ./...; done

lint:      ## staticcheck
	$(STATICCHECK) ./...

test:      ## the tests
	go test ./...

full:      ## searches of which the tests make a part, in full
	go test ./protocol/abcast -run 'ConnectedMajority|Flapping' -count=1 -full
	go test ./sim/simtest/exhaustive -run 'OneOrder|TransactionAgree/late(_and_one_misfortune)?$$' -count=1 -full
	go test ./sim/simtest/machines/kademlia -run 'Skewed|SplitIsOneAgain|FilledAtRandom' -count=1 -full
	go test ./cmd/dessim/cmdline -run 'Readme|EveryOrder|Mutants|Emitted|OnceAProcess' -count=1 -full
	go test ./scenarios -run 'AnyNumberOfThreads|Churn|ClientsOfTheStore|FailOneWay|UneditedCode' -count=1 -full
	go test ./sim -run 'InPartsAre|SlowTwin' -count=1 -rapid.checks=300
	go test ./sim/simtest -run OtherVersions/etcdraft35 -count=1 -full
	go test ./sim/explore -count=1 -rapid.checks=300

race:      ## under the race detector: tests in which goroutines or runs go side by side; -short: fewer of these
	go test -race -short ./protocol/live/... ./sim/explore ./sim/watch ./sim/cryptorand ./sim/files ./cmd/mutants -skip 'SkippingLosesNo|EveryOrderHolds'
	go test -race ./sim -run 'Parts|ManyShort|WakeUp' -rapid.checks=30
	go test -race -short ./sim/scenario -run Threads
	go test -race -short ./sim/simtest -run 'SideBySide|RapidSources'
	go test -race -short ./cmd/dessim/cmdline -run 'Workers|Interrupt|Progress'

run:       ## the main job, twice in two processes
	go run ./cmd/dessim -seed 42 -scenario concurrent -verify

soak:      ## every scenario and order on SEEDS seeds, plain and lossy, crash on 20 and chaos on 10 times as many; ONLY=NAME: one scenario
	go test ./scenarios -run TestSoak -count=1 -timeout 0 -v -soak.seeds=$(SEEDS) $(if $(ONLY),-soak.only=$(ONLY))

mutants:   ## every planted bug is found and shrunk, in one table; BANK=DIR: another bank, ONLY=REGEXP: some, SEEDS at most
	go run ./cmd/mutants -seeds $(SEEDS) $(if $(BANK),-bank $(BANK)) $(if $(ONLY),-only '$(ONLY)')

mutate:    ## mutants made by rules, and which the checks of SCENARIO report: PKG=./protocol/twopc SCENARIO=crash; FLAGS='-sample 50 -tests -then commit'
	go run ./cmd/dessim mutate $(PKG) -scenario $(SCENARIO) $(EQUIVALENT:%=-equivalent %) $(FLAGS)

# A machine, and the scenarios that its mutants are swept with.
MUTATED = 'ledger -scenario doublespend -then verify -seeds 60' \
	'kv -scenario kv -seeds 250' \
	'raft -order raft -scenario crash -then partition -seeds 60' \
	'link -scenario crash -then chaos -seeds 60' \
	'gossip -scenario crash -then chaos -seeds 60' \
	'twopc -scenario crash -then chaos -seeds 100' \
	'kademlia -scenario churn -nodes 24 -k 4 -txs 30 -faults swarm,partition,repair -seeds 30 -then bootstrap' \
	'abcast -scenario crash -then chaos -seeds 60' \
	'peer -scenario crash -then concurrent,chaos -seeds 100'

mutate-all: ## a sample of mutants of every machine: FLAGS='-sample 50 -seed 2026' takes half an hour
	@set -e; d=$$(mktemp -d); trap 'rm -rf "$$d"' EXIT; go build -o "$$d/dessim" ./cmd/dessim; \
	for m in $(MUTATED); do p=$${m%% *}; \
		"$$d/dessim" mutate ./protocol/$$m -equivalent scenarios/testdata/equivalent/$$p.txt $(FLAGS) || [ $$? = 1 ]; done

programs:  ## the modules whose nodes are ordinary Go programs: their tests, and a sweep of SEEDS seeds; ONLY=NAME: one of them
	@set -e; d=$$(mktemp -d); trap 'rm -rf "$$d"' EXIT; go build -o "$$d/dessim" ./cmd/dessim; \
	for m in $(or $(ONLY),$(PROGRAMS)); do echo "$$m"; (cd sim/simtest/testdata/$$m && "$$d/dessim" go vet ./... && "$$d/dessim" go test -count=1 ./... && \
		"$$d/dessim" go build -o "$$d/$$m" ./cmd/$$m); \
		case $$m in interleavings|once) ;; *) "$$d/$$m" sweep -scenario $$m -seeds 1-$(SEEDS) -out "$$d" ;; esac; done

bugs:      ## public bugs of libraries: each is found in few seeds, and not in the mended version
	go test ./sim/simtest/testdata/bugs -count=1 -timeout 0 -v

ablation:  ## the changes to the standard library: what each group is good for, in a table, and Go's own tests under them
	go test ./sim/host/overlay/ablation -run 'Worth|Toys|GoesOwnTests' -full -count=1 -timeout 0 -v

browser:   ## the report's page in chromium; DESSIM_SCREENSHOTS=DIR: leaves pictures there to look at
	cd sim/report/browser && go vet ./... && DESSIM_BROWSER=required go test -count=1 ./...

kills:     ## a process that writes to a live node's disk is killed KILLS times
	go test ./protocol/live/disk -run Killed -count=1 -timeout 0 -v -disk.kills=$(KILLS)

machines:  ## the pinned digests on 386, GOAMD64 v1 and v3
	DESSIM_MACHINES= go test ./scenarios -run TestDigestsAreTheSameOnOtherMachines -count=1 -v

planted:   ## every planted bug is built and reported, or with OF=N one of N: make mutants shrinks them, too
	go test ./scenarios -run 'PlantedEditsAreReported|FailedProperty' -planted.of=$(OF) -count=1 -timeout 0

arches:    ## the pinned digests on 386, GOAMD64 v1 and v3, and under QEMU on arm64 and big-endian s390x
	@for q in qemu-aarch64-static qemu-s390x-static; do command -v $$q > /dev/null || \
		{ echo "make arches: no $$q: apt-get install qemu-user-static"; exit 1; }; done
	DESSIM_MACHINES="arm64=qemu-aarch64-static s390x=qemu-s390x-static" \
		go test ./scenarios -run TestDigestsAreTheSameOnOtherMachines -count=1 -v

programs-arm64: ## the runs of the modules with ordinary Go programs are the same under QEMU on arm64
	@command -v qemu-aarch64-static > /dev/null || { echo "make programs-arm64: no qemu-aarch64-static: apt-get install qemu-user-static"; exit 1; }
	@set -e; d=$$(mktemp -d); trap 'rm -rf "$$d"' EXIT; go build -o "$$d/dessim" ./cmd/dessim; \
	for m in $(filter-out interleavings once,$(PROGRAMS)); do \
		(cd sim/simtest/testdata/$$m && "$$d/dessim" go build -o "$$d/here" ./cmd/$$m && GOARCH=arm64 "$$d/dessim" go build -o "$$d/there" ./cmd/$$m); \
		for s in 1 2 3; do \
			a=$$("$$d/here" -scenario $$m -seed $$s | grep ^digest); b=$$(qemu-aarch64-static "$$d/there" -scenario $$m -seed $$s | grep ^digest); \
			echo "$$m, seed $$s: $$a, on arm64 $$b"; [ "$$a" = "$$b" ]; done; done

wasm:      ## the pinned digests under js/wasm and wasip1/wasm, in node; WASM=GOOS=js: one of them
	@command -v node > /dev/null || { echo "make wasm: no node: apt-get install nodejs"; exit 1; }
	DESSIM_MACHINES="js/wasm=$$(go env GOROOT)/lib/wasm/go_js_wasm_exec wasip1/wasm=$(CURDIR)/scenarios/testdata/wasi.mjs" \
		go test ./scenarios -run 'TestDigestsAreTheSameOnOtherMachines/$(WASM)' -count=1 -v

bench:     ## speed in one table; BASE=REV: against that revision, in ten minutes; PEERS=../shared/peers: beside other simulators; ONLY=REGEXP, ROUNDS, JSON=FILE
	go run ./cmd/bench $(if $(BASE),-base '$(BASE)') $(if $(ROUNDS),-rounds $(ROUNDS)) $(if $(PEERS),-peers $(PEERS)) \
		$(if $(ONLY),-only '$(ONLY)') $(if $(JSON),-json '$(JSON)')

growth:    ## bootstrap as its network grows, in one table: NODES=1000,10000,100000,1000000 takes 7 GB and an hour or two; THREADS
	go run ./cmd/growth $(if $(NODES),-nodes $(NODES)) $(if $(THREADS),-threads $(THREADS))

live-bench: ## live networks: load beside etcd's raft, recording, idle cost, a flood; ROUNDS, ONLY=REGEXP
	cd cmd/bench/etcd && go vet ./...
	go run ./cmd/bench -live $(if $(ROUNDS),-rounds $(ROUNDS)) $(if $(ONLY),-only '$(ONLY)')

picture:   ## the README's picture, of a real violation; needs chromium
	@command -v chromium > /dev/null || { echo "make picture: no chromium: apt-get install chromium"; exit 1; }
	@set -e; d=$$(mktemp -d); trap 'rm -rf "$$d"' EXIT; \
		go build -C sim/simtest/testdata/kvstore -o "$$d/kvstore" ./cmd/kvstore; \
		(cd "$$d" && ./kvstore shrink -scenario writes -seed 2 -shadow off -report lost.html > /dev/null); \
		chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$$d/profile" --virtual-time-budget=5000 \
			--window-size=1280,720 --screenshot=sim/report/lost-write.png "file://$$d/lost.html" 2> /dev/null

fuzz:      ## every fuzz target for T each
	@set -e; for p in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
			echo "$$p $$f"; go test $$p -run '^$$' -fuzz "^$$f\$$" -fuzztime $(T); done; done

.PHONY: help check fmt vet lint test full race run soak mutants mutate mutate-all browser programs programs-arm64 bugs ablation kills machines planted arches wasm bench growth live-bench picture fuzz
