/*
 * JSON-RPC 1.0 over a unix socket, a connection per request: what OVSDB (RFC 7047) and ovs-vswitchd's unixctl speak. The
 * answers are bounded in size and depth (jansson's 2048); everything else on the connection (an `echo` of the server's)
 * is passed over, because it does not live long enough to be missed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/ovs.h"

#define ANSWER_MAX (16u << 20)
#define ID 7

/* Is there a whole JSON object at the front of the buffer? Its length, 0: not yet. */
static size_t object_len(const uint8_t *data, size_t len)
{
	int depth = 0, quoted = 0;

	for (size_t i = 0; i < len; i++) {
		if (quoted && data[i] == '\\')
			i++;
		else if (data[i] == '"')
			quoted = !quoted;
		else if (!quoted && (data[i] == '{' || data[i] == '['))
			depth++;
		else if (!quoted && (data[i] == '}' || data[i] == ']') && --depth <= 0)
			return i + 1;
	}
	return 0;
}

/* The next object that comes. NULL and *rc: -EAGAIN, -EPROTO. */
static json_t *receive(struct ovs_stream *s, int *rc)
{
	size_t len;

	*rc = 0;
	while (!(len = object_len(s->in.data + s->in.pos, s->in.len - s->in.pos))) {
		*rc = s->in.len - s->in.pos > ANSWER_MAX ? -EPROTO : ovs_stream_receive(s);
		if (*rc)
			return NULL;
	}
	json_t *object = json_loadb((const char *)s->in.data + s->in.pos, len, 0, NULL);

	s->in.pos += len;
	*rc = object ? 0 : -EPROTO;
	return object;
}

/* "error" is text of unixctl's, or an object of OVSDB's with "error" and "details". */
int ovs_rpc_failed(const json_t *error, char *why, size_t room)
{
	const char *text = json_string_value(error), *details = json_string_value(json_object_get(error, "details"));

	text = text ? text : json_string_value(json_object_get(error, "error"));
	snprintf(why, room, "Open vSwitch: %.60s%s%.50s", text ? text : "refused", details ? ": " : "",
		 details ? details : "");
	return -EPROTO;
}

static int answer(struct ovs_stream *s, json_t **result, char *why, size_t room)
{
	int rc;

	for (;;) {
		json_t *object = receive(s, &rc);

		if (rc) {
			snprintf(why, room, rc == -EAGAIN ? "Open vSwitch does not answer" :
				 "Open vSwitch says what is no JSON-RPC");
			return rc;
		}
		json_t *error = json_object_get(object, "error");

		if (json_integer_value(json_object_get(object, "id")) == ID && !json_object_get(object, "method")) {
			if (error && !json_is_null(error))
				rc = ovs_rpc_failed(error, why, room);
			else
				*result = json_incref(json_object_get(object, "result"));
			json_decref(object);
			if (rc || *result)
				return rc;
			snprintf(why, room, "Open vSwitch answers without a result");
			return -EPROTO;
		}
		json_decref(object);
	}
}

int ovs_rpc(const char *path, const char *method, json_t *params, json_t **result, char *why, size_t room)
{
	json_t *request = json_pack("{s:s, s:o, s:i}", "method", method, "params", params, "id", ID);
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	struct ovs_stream s = { .fd = -1 };

	*result = NULL;
	json_decref(request);
	if (!text)
		return -ENOMEM;
	int rc = ovs_stream_open(&s, path, why, room);

	if (!rc) {
		rc = ovs_stream_send(&s, text, strlen(text));
		rc = rc ? rc : answer(&s, result, why, room);
	}
	free(text);
	ovs_stream_close(&s);
	return rc;
}

/* "    2     0  02:1c:00:00:00:01    7" below a heading; the bridge's own port is "LOCAL". */
int ovs_fdb_parse(const char *text, struct switch_fdb *fdb)
{
	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		uint8_t mac[ETHER_SIZE];
		char word[18];
		unsigned port, vlan;

		if (sscanf(line, "%9u %4u %17s", &port, &vlan, word) == 3 && !ether_parse(word, mac)) {
			int rc = switch_fdb_add(fdb, mac, port);

			if (rc)
				return rc;
		}
	}
	return 0;
}

static int read_pid(const struct ovs_config *config, unsigned *pid, char *why, size_t room)
{
	char path[OVS_PATH];

	snprintf(path, sizeof(path), "%s/ovs-vswitchd.pid", config->rundir);
	FILE *f = fopen(path, "re");
	int n = f ? fscanf(f, "%9u", pid) : 0;

	if (f)
		fclose(f);
	if (n == 1)
		return 0;
	snprintf(why, room, "Open vSwitch is down: %s says no process", path);
	return -EAGAIN;
}

int ovs_read_fdb(const struct ovs_config *config, struct switch_fdb *fdb, char *why, size_t room)
{
	char path[OVS_PATH];
	json_t *result;
	unsigned pid;
	int rc = read_pid(config, &pid, why, room);

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/ovs-vswitchd.%u.ctl", config->rundir, pid);
	rc = ovs_rpc(path, "fdb/show", json_pack("[s]", config->bridge), &result, why, room);
	if (rc)
		return rc;
	rc = json_is_string(result) ? ovs_fdb_parse(json_string_value(result), fdb) : -EPROTO;
	json_decref(result);
	return rc;
}
