/*
 * proxy/set's JSON, from whoever can open the control socket: read, write, turn into nft text. No names or addresses
 * in that text may break out of their place, so every line must begin with a command we write.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/writer.h"
#include "proxy/kernel.h"
#include "proxy/policy.h"
#include "proxy/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(char *text)
{
	char *save;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, "add ", 4) || strchr(line, ';'))
			abort();
}

static void render(const struct spec *spec)
{
	struct kernel_icorp *k = calloc(1, sizeof(*k));
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	k->public_addr = spec->public_addr;
	k->source = spec->source;
	for (unsigned i = 0; i < spec->n_services; i++) {
		struct kernel_service *s = &k->service[k->n++];

		kernel_chain(s->chain, spec->key, spec->services[i].protocol, spec->services[i].port);
		s->protocol = spec->services[i].protocol;
		s->port = spec->services[i].port;
		s->target_port = spec->services[i].target_port;
		for (unsigned j = 0; j < spec->n_backends && j < POLICY_MAX_SLOTS; j++)
			s->slot[s->n_slots++] = spec->backends[j].address;
	}
	kernel_render_change(out, NULL, k);
	fclose(out);
	check_text(text);
	free(text);
	free(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1), why[256], *json;
	struct spec spec, again;
	struct writer *w;

	memcpy(text, data, size);
	if (!spec_parse(text, &spec, why, sizeof(why))) {
		render(&spec);
		w = writer_new();
		spec_write(&spec, w);
		json = writer_render(w, WRITER_JSON);
		if (!json || spec_parse(json, &again, why, sizeof(why)))
			abort();
		spec_clear(&again);
		free(json);
		writer_free(w);
		spec_clear(&spec);
	}
	free(text);
	return 0;
}
