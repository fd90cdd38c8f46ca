# Verbs of the repository. Each only calls cargo, xtask or npm; CI calls the same.

# Lists the verbs.
default:
    @just --list

# Backend, reference systems, traffic and faults; prints the URL to open.
demo *ARGS:
    cargo run --release -- demo {{ARGS}}

# All tests. Peers that are not installed are named and skipped.
test *ARGS:
    cargo test --workspace {{ARGS}}

# Format, lints, tidy: what fails fast.
check:
    cargo fmt --all --check
    cargo xtask tidy
    cargo clippy --workspace --all-targets -- -D warnings

# Rewrites golden files.
bless *ARGS:
    UPDATE_EXPECT=1 TRYBUILD=overwrite cargo test --workspace {{ARGS}}

# Regenerates the checked-in protobuf code.
codegen:
    cargo run --quiet --package xtask --features codegen -- codegen

# Rewrites the public API in docs/api.
api:
    cargo run --quiet --package xtask --features api -- api

# Builds the page into ui/dist.
ui:
    npm --prefix ui ci
    npm --prefix ui run build

# Browser tests against a demonstration of their own.
test-ui:
    cargo xtask browser

# The SDK beside its peers.
bench *ARGS:
    cargo bench --package watchroom-bench {{ARGS}}

# Everything that CI runs, on this machine.
verify:
    cargo xtask verify
