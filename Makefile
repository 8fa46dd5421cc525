# Two commands do everything on a fresh Debian 12 machine with Rust >= 1.95, Node 20 and root or sudo:
#   make run    installs what is missing, builds, starts server + agent + GUI
#   make test   installs what is missing, runs every test
# Arguments for the program: make run ARGS='--no-browser --datastore /tmp/peregrine'

ARGS ?=
GUI_SOURCES := $(shell find gui -path gui/node_modules -prune -o -path gui/dist -prune -o -type f -print 2>/dev/null)

.PHONY: run build test test-rust test-gui test-e2e lint lint-agent audit setup-build setup-test clean

run: build
	exec target/release/peregrine gui $(ARGS)

build: setup-build gui/dist/index.html
	cargo build --locked --release --package peregrine

gui/node_modules/.package-lock.json: gui/package.json gui/package-lock.json
	cd gui && npm ci --no-audit --no-fund
	touch $@

gui/dist/index.html: gui/node_modules/.package-lock.json $(GUI_SOURCES)
	cd gui && npm run build
	touch $@

test: test-rust test-gui test-e2e

# Many tests wait for something most of their time: more of them at once than there are cores.
export RUST_TEST_THREADS ?= 4

# Examples are compiled by `lint`; linking them proves nothing more. Crates without examples in their documentation say `doctest = false`.
# Tests add the snapshots they compare to the list; one that is not in it is left over.
test-rust: export INSTA_SNAPSHOT_REFERENCES_FILE = $(CURDIR)/target/snapshots.txt
test-rust: setup-test gui/dist/index.html
	mkdir -p target && rm -f $(INSTA_SNAPSHOT_REFERENCES_FILE)
	cargo test --locked --workspace --lib --bins --tests
	cargo xtask snapshots $(INSTA_SNAPSHOT_REFERENCES_FILE)
	cargo test --locked --workspace --doc
	# Tests against public reference texts, where those are.
	[ -z "$$PEREGRINE_SHARED" ] || cargo test --locked --workspace --test plugins --test functions --test program --test artifacts --test examples -- --ignored catalogue:: repository:: observed::

test-gui: setup-test gui/dist/index.html
	cd gui && npm test && node e2e/run.mjs

test-e2e: setup-test gui/dist/index.html
	# What test-rust has built: asked for by itself, the program would have other features, and every crate be built again.
	cargo test --locked --workspace --lib --bins --tests --no-run
	# Servers that a server of ours can be tried with.
	cargo build --locked --workspace --example elsewhere
	node --test --test-concurrency=1 tests/e2e/*.test.mjs

lint: setup-build gui/node_modules/.package-lock.json gui/dist/index.html
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	# Links in documentation that lead nowhere are errors.
	cargo doc --locked --workspace --lib --no-deps --document-private-items --quiet
	cargo xtask dependency-order
	cargo xtask tidy
	cargo xtask changelog check
	cd gui && npm run typecheck && npm run lint

# What needs the network or tools of its own, and does not stop a change: advisories, licences, sources, unused dependencies, spelling.
audit:
	@scripts/audit

# An agent alone: what it must not need is not there. Third-party crates get other features by it, and are checked once more.
lint-agent: setup-build
	cargo clippy --locked --workspace --no-default-features -- -D warnings

setup-build:
	@scripts/setup build

setup-test:
	@scripts/setup test

clean:
	cargo clean
	rm -rf gui/dist gui/node_modules
