#!/bin/bash
# Runs a test script in an empty folder: in_folder.sh SCRIPT FOLDER. What a failed one left is kept to be looked at.
set -eu
rm -rf "$2"
mkdir -p "$2"
cd "$2"
unset OPENAI_API_KEY ANTHROPIC_API_KEY OPENAI_BASE_URL ANTHROPIC_BASE_URL LONGHAUL_DB http_proxy https_proxy all_proxy \
    HTTP_PROXY HTTPS_PROXY ALL_PROXY
code=0
bash "$1" || code=$?
[ $code -ne 0 ] || rm -rf "$2"
exit $code
