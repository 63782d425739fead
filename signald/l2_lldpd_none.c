/* In place of l2_lldpd.c where lldpd's library is not to be had. See l2.h. */
#include <stddef.h>

#include "signald/l2.h"

const char *l2_lldpd_missing(void)
{
	return "this program was built without lldpd's library (configure --with-lldp)";
}

int l2_lldpd_new(struct daemon *d, struct l2_lldpd **out)
{
	*out = NULL;
	return 0;
}

void l2_lldpd_reload(struct l2_lldpd *l)
{
}

void l2_lldpd_free(struct l2_lldpd *l)
{
}
