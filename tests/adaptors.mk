# tests of adaptors
