#!/bin/bash
# The tests once more under the sanitizers: all of them under address and undefined behaviour, those with threads under thread.
# LH_TEST_SCALE=small lets the long ones do less, as everything is slower here.
set -euo pipefail
cd "$(dirname "$0")/.."
export LH_TEST_SCALE=small
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/cmake/tsan.supp
for preset in asan tsan; do
    echo "$preset"
    cmake --preset $preset >/dev/null
    cmake --build build/$preset
done
ctest --test-dir build/asan --output-on-failure -j 2
ctest --test-dir build/tsan --output-on-failure -j 2 -L threads
