# testbed
