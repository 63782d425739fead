#!/bin/bash
# The gatekeeper's pages in a real browser: headless Chromium driven by browser.py.
# usage: tests/e2e/browser.sh BUILDDIR [SCREENSHOTS]. 0: passed, 77: skipped, else failed. A line per check.
set -u
build=${1:-${BUILDDIR:?usage: tests/e2e/browser.sh BUILDDIR [SCREENSHOTS]}}
for program in python3 chromium chromedriver; do
	command -v "$program" > /dev/null || { echo "1..0 # SKIP needs $program (Debian: scripts/deps --install test)"; exit 77; }
done
exec timeout -k 5 90 python3 "$(dirname "$0")/browser.py" "$build" "$(cd "$(dirname "$0")/../.." && pwd)" "${2:-}"
