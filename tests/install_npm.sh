#!/bin/bash
# install_npm.sh FOLDER TARGET: what FOLDER's lock file names, into TARGET/node_modules, unless that is there already.
set -eu
command -v npm >/dev/null && command -v node >/dev/null || { echo "skipped: there is no npm here"; exit 77; }
mkdir -p "$2"
cmp -s "$1/package-lock.json" "$2/installed.json" && exit 0
cp "$1/package.json" "$1/package-lock.json" "$2"
cd "$2"
npm ci --ignore-scripts --no-audit --no-fund --loglevel error
cp package-lock.json installed.json
