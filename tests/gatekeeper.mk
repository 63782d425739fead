# tests of gatekeeper
