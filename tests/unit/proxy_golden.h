/*
 * Directories of cases for the proxy's tests: each input file NAME.in has an expected NAME.EXT beside it. With
 * GOLDEN_UPDATE set in the environment, the expected files are written instead (and are to be read before committing).
 */
#ifndef ICORP_TESTS_PROXY_GOLDEN_H
#define ICORP_TESTS_PROXY_GOLDEN_H

/* Runs make(text of NAME.in, 1 when NAME contains "-invalid") for each case below SRCDIR/tests/golden/topic; it
 * returns what the case yields, malloc'd. Returns how many cases there were; fails the test on a difference. */
int golden_run(const char *topic, const char *ext, char *(*make)(const char *input, int invalid));

#endif
