#!/bin/bash
# Formatting, floors, both compilers' warnings, clang-tidy, cppcheck. Ends at the first that fails.
set -euo pipefail
cd "$(dirname "$0")/.."
files=$(git ls-files '*.c' '*.h')
echo "clang-format"; clang-format --dry-run -Werror $files
echo "floors"; bash cmake/check_floors.sh .; bash cmake/check_sql.sh .
echo "gcc and clang, warnings are errors"
cmake --preset debug >/dev/null; cmake --build build/debug >/dev/null
cmake --preset clang >/dev/null; cmake --build build/clang >/dev/null
echo "clang-tidy"
printf '%s\n' $(git ls-files 'src/*.c' 'cli/*.c' 'cmake/*.c') | xargs -P "$(nproc)" -n 4 clang-tidy -p build/clang --quiet 2>/dev/null
echo "cppcheck"
cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr --enable=warning,performance,portability \
    --suppress=missingIncludeSystem --suppress=nullPointerOutOfMemory --suppress=varFuncNullUB -j "$(nproc)" -I src -I . -I build/debug/generated src cli
