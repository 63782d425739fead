/*
 * The kernel path as text: cases in tests/golden/proxy. A case has one description per line; the text is the nft
 * commands that lead from each to the next, and, at the end, to nothing.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/kernel.h"
#include "proxy/policy.h"
#include "proxy/spec.h"
#include "tests/unit/proxy_golden.h"

static void of_service(struct kernel_service *out, const struct spec *spec, const struct spec_service *s)
{
	struct policy_item item[SPEC_MAX_BACKENDS], *ptr[SPEC_MAX_BACKENDS];
	uint16_t slot[POLICY_MAX_SLOTS];

	for (unsigned i = 0; i < spec->n_backends; i++) {
		const struct spec_backend *b = &spec->backends[i];

		item[i] = (struct policy_item){ .weight = b->weight, .usable = b->up && b->weight };
		ptr[i] = &item[i];
	}
	kernel_chain(out->chain, spec->key, s->protocol, s->port);
	out->protocol = s->protocol;
	out->port = s->port;
	out->target_port = s->target_port;
	out->n_slots = (unsigned)policy_slots(spec->policy, ptr, spec->n_backends, slot, POLICY_MAX_SLOTS);
	for (unsigned i = 0; i < out->n_slots; i++)
		out->slot[i] = spec->backends[slot[i]].address;
}

static struct kernel_icorp *of_line(const char *line)
{
	struct kernel_icorp *k = calloc(1, sizeof(*k));
	struct spec spec;
	char why[256];

	if (spec_parse(line, &spec, why, sizeof(why)))
		fail_msg("%s", why);
	k->public_addr = spec.public_addr;
	k->source = spec.source;
	for (unsigned i = 0; i < spec.n_services; i++)
		if (spec_in_kernel(spec.mode, spec.services[i].protocol))
			of_service(&k->service[k->n++], &spec, &spec.services[i]);
	spec_clear(&spec);
	return k;
}

static char *steps(const char *input, int invalid)
{
	char *copy = strdup(input), *save, *text = NULL;
	struct kernel_icorp *old = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int step = 1;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct kernel_icorp *now = of_line(line);

		fprintf(out, "# %d\n", step++);
		kernel_render_change(out, old, now);
		assert_int_equal(kernel_render_change(stderr, now, now), 0);
		free(old);
		old = now;
	}
	fprintf(out, "# gone\n");
	kernel_render_change(out, old, NULL);
	fclose(out);
	free(old);
	free(copy);
	return text;
}

static void cases(void **state)
{
	assert_true(golden_run("proxy", "nft", steps) >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
