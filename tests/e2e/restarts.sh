#!/bin/bash
# Graceful restart on the demo's testbed (the case `restarts` of failures.sh), with state that lives longer than a busy
# machine needs to start a controller again.
# usage: tests/e2e/restarts.sh BUILDDIR; as root. 0: passed, 77: skipped, else failed.
FAILURES_REFRESH=2s exec bash "$(dirname "$0")/failures.sh" "${1:-${BUILDDIR:?usage: tests/e2e/restarts.sh BUILDDIR}}" restarts
