# tests of testbed
