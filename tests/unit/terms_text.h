/*
 * Terms as text, for golden files and for driving an adaptor by hand. A line is a word and its values; `#` begins a
 * comment:
 *     icorp 7                       leader 10.200.1.11       revision 1          name shop
 *     prefix 10.64.7.0/24           capacity controlled      priority 5          vlan 107
 *     lifetime 157                  leading
 *     port eth0 rate=5000000 ceil=10000000 trunk
 *     endpoint srv1 server control=10.200.2.21 private=10.64.7.66 public=0.0.0.0 weight=10 local up
 *     service web tcp 80 8080
 *     app mine url=http://10.200.1.5/a sha256=<64 hex digits>    arg -v    (an argument of the app before it)
 *     isc image=web shares=1024 quota=0 memory=65536 disk=0 vcpus=1 address=10.64.7.66 host=169.254.1.1 port=3455
 *     key 42 <64 hex digits>
 */
#ifndef ICORP_TEST_TERMS_TEXT_H
#define ICORP_TEST_TERMS_TEXT_H

#include <stdio.h>

#include "adaptors/protocol.h"

/* Reads all of f. 0 (terms_clear frees) or -EINVAL with a message in why. */
int terms_text_read(FILE *f, struct adaptor_terms *t, char *why, size_t room);

#endif
