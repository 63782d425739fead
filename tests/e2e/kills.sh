#!/bin/bash
# kill -9 at random moments on the demo's testbed (the case `kills` of failures.sh), with state that lives longer than a busy
# machine needs to start a controller again.
# usage: tests/e2e/kills.sh BUILDDIR; as root. 0: passed, 77: skipped, else failed. KILLS=N: so many (25); SEED=N: the dice.
FAILURES_REFRESH=2s exec bash "$(dirname "$0")/failures.sh" "${1:-${BUILDDIR:?usage: tests/e2e/kills.sh BUILDDIR}}" kills
