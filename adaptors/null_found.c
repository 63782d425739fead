/*
 * What null finds when it is started: the records a former process has left (null.c), as an inventory. Nothing of a record
 * is believed further than it can be read.
 */
#include "config.h"

#include "adaptors/null_files.h"
#include "adaptors/null_record.h"
#include "lib/writer.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static uint64_t number(const json_t *o, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(o, name));

	return n > 0 ? (uint64_t)n : 0;
}

static void found_ports(struct writer *w, const json_t *ports)
{
	const json_t *port;
	size_t i;

	writer_array(w, "ports");
	json_array_foreach(ports, i, port) {
		const char *name = json_string_value(json_object_get(port, "ifname"));

		writer_object(w, NULL);
		writer_str(w, "name", name ? name : "");
		writer_uint(w, "rate", number(port, "rate_bps"));
		writer_end(w);
	}
	writer_end(w);
}

static void found_isc(struct writer *w, const json_t *isc)
{
	const json_t *handled = json_object_get(isc, "handled"), *one;
	size_t i;

	if (!isc)
		return;
	writer_array(w, "levels");
	writer_uint(w, NULL, 0);
	writer_uint(w, NULL, number(isc, "cpu_shares"));
	writer_uint(w, NULL, number(isc, "memory_kib"));
	writer_uint(w, NULL, number(isc, "disk_mib"));
	writer_end(w);
	writer_array(w, "handled");
	json_array_foreach(handled, i, one)
		writer_int(w, NULL, json_integer_value(one));
	writer_end(w);
}

struct found { struct writer *w; const char *dir; };

static void found_record(void *ctx, struct adaptor_key key)
{
	struct writer *w = ((struct found *)ctx)->w;
	char path[NULL_PATH];

	null_file_path(((struct found *)ctx)->dir, key, path);
	json_t *o = json_load_file(path, 0, NULL);

	if (!o)
		return;
	writer_object(w, NULL);
	writer_uint(w, "icorp", key.icorp);
	null_write_addr(w, "leader", key.leader);
	writer_uint(w, "vlan", number(o, "vlan"));
	found_ports(w, json_object_get(o, "ports"));
	found_isc(w, json_object_get(o, "isc"));
	writer_end(w);
	json_decref(o);
}

int null_found(struct writer *w, const char *record)
{
	struct found found = { w, record };
	int rc;

	writer_array(w, "sessions");
	rc = record ? null_files_each(record, found_record, &found) : 0;
	writer_end(w);
	return rc == -ENOENT ? 0 : rc;
}
