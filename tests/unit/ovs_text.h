/* OpenFlow flow-mods as text, for golden files. */
#ifndef ICORP_TEST_OVS_TEXT_H
#define ICORP_TEST_OVS_TEXT_H

#include <stdint.h>
#include <stdio.h>

/* Prints the message at data, two lines or three: the change, its match, its actions. Its length. */
size_t ovs_text_print(FILE *out, const uint8_t *data, size_t len);

#endif
