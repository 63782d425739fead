# tests of signald
