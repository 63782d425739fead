/*
 * What an ICorp costs as it was contracted. Once its leader reports, the leader's word counts: it knows the grants.
 */
#ifndef ICORP_GATEKEEPER_PRICE_H
#define ICORP_GATEKEEPER_PRICE_H

#include <jansson.h>

#include "contracts/contract.h"

/* Micro-units of the currency per interval: the network's rate once, every ISC's shares, memory and disk. Saturates. */
uint64_t price_of(const struct contract *c);
/* {"micro","interval_s","currency"}. New reference. */
json_t *price_json(const struct contract *c);

#endif
