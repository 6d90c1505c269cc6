#!/bin/sh
# RUSTC_WORKSPACE_WRAPPER of `cargo xtask fuzz`: compiles our own crates so that libFuzzer sees which
# of their code an input reaches. Third-party crates stay as they are. The flags are those of
# `cargo fuzz --sanitizer none`, and stable: LLVM's pass needs no -Z.
case " $* " in
    # A program of the build itself has no engine to report to.
    *" --crate-name build_script_"* | *" proc-macro "*) exec "$@" ;;
esac
exec "$@" \
    -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cdebug-assertions=on
