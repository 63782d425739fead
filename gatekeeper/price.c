/*
 * Summing up a contract's prices (price.h); each part is contract_price()'s business.
 */
#include "gatekeeper/price.h"

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

uint64_t price_of(const struct contract *c)
{
	uint64_t total = contract_price(c, RESOURCE_BANDWIDTH, c->network.rate_bps);

	for (unsigned i = 0; i < c->n_endpoints; i++) {
		const struct contract_isc *isc = &c->endpoints[i].isc;

		if (c->endpoints[i].kind != ENDPOINT_SERVER)
			continue;
		total = sum(total, contract_price(c, RESOURCE_CPU, isc->cpu_shares));
		total = sum(total, contract_price(c, RESOURCE_MEMORY, isc->memory_kib));
		total = sum(total, contract_price(c, RESOURCE_DISK, isc->disk_mib));
	}
	return total;
}

json_t *price_json(const struct contract *c)
{
	uint64_t micro = price_of(c);

	return json_pack("{s:I, s:I, s:s}", "micro", (json_int_t)(micro > INT64_MAX ? INT64_MAX : micro), "interval_s",
			 (json_int_t)c->prices.interval_s, "currency", c->prices.currency);
}
