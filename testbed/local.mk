# The testbed is used from the source tree: by scripts/demo, tests/e2e and bench.
EXTRA_DIST += testbed/fig6.topo testbed/lldp.topo testbed/plain.topo testbed/ring.topo testbed/servers.topo testbed/testbed testbed/mkimage testbed/mkvm testbed/lib doc/testbed.md
