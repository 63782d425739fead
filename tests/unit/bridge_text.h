/* The bridge adaptor's netlink requests as text, decoded from their bytes by their own reading of the format. */
#ifndef ICORP_TEST_BRIDGE_TEXT_H
#define ICORP_TEST_BRIDGE_TEXT_H

#include <linux/netlink.h>
#include <stdio.h>

/* Prints one request; name(ifindex) names interfaces. */
void bridge_text_print(FILE *out, const struct nlmsghdr *nlh, const char *(*name)(int ifindex));

#endif
