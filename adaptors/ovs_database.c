/* The switch's database (OVSDB, RFC 7047): what is asked of it, and transactions that wait until the switch has done them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "adaptors/ovs.h"

#define WAIT_MS 10
#define WAITS 500                      /* five seconds: ovs-vswitchd does a change in some milliseconds */

int ovs_transact(const struct ovs_config *config, json_t *operations, json_t **result, char *why, size_t room)
{
	json_t *params = json_pack("[s]", "Open_vSwitch");
	char path[OVS_PATH];
	size_t i;
	json_t *one;

	if (!params || json_array_extend(params, operations))
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/db.sock", config->rundir);
	int rc = ovs_rpc(path, "transact", params, result, why, room);

	if (rc)
		return rc;
	json_array_foreach(*result, i, one)
		if (json_object_get(one, "error"))
			rc = ovs_rpc_failed(one, why, room);
	if (!rc && json_array_size(*result) < json_array_size(operations)) {
		snprintf(why, room, "Open vSwitch answers with less than was asked");
		rc = -EPROTO;
	}
	if (rc) {
		json_decref(*result);
		*result = NULL;
	}
	return rc;
}

json_t *ovs_rows(const json_t *result, size_t operation)
{
	return json_object_get(json_array_get(result, operation), "rows");
}

int ovs_read_bridge(const struct ovs_config *config, char *datapath, size_t size, char *why, size_t room)
{
	json_t *ask = json_pack("[{s:s, s:s, s:[[s, s, s]], s:[s]}]", "op", "select", "table", "Bridge", "where", "name", "==",
				config->bridge, "columns", "datapath_type");
	json_t *result;
	int rc = ask ? ovs_transact(config, ask, &result, why, room) : -ENOMEM;

	json_decref(ask);
	if (rc)
		return rc;
	const json_t *rows = ovs_rows(result, 0);

	if (!json_array_size(rows)) {
		snprintf(why, room, "%s: Open vSwitch has no such bridge", config->bridge);
		rc = -ENODEV;
	} else {
		const char *type = json_string_value(json_object_get(json_array_get(rows, 0), "datapath_type"));

		snprintf(datapath, size, "%s", type && *type ? type : "system");
	}
	json_decref(result);
	return rc;
}

static int64_t configuration(const json_t *rows, const char *column)
{
	return json_integer_value(json_object_get(json_array_get(rows, 0), column));
}

/* ovs-vswitchd says in cur_cfg up to which next_cfg it has done what the database says. */
static int await_done(const struct ovs_config *config, int64_t wanted, char *why, size_t room)
{
	json_t *ask = json_pack("[{s:s, s:s, s:[], s:[s]}]", "op", "select", "table", "Open_vSwitch", "where", "columns", "cur_cfg");
	json_t *result;
	int rc = ask ? 0 : -ENOMEM, done = 0;

	for (int i = 0; i < WAITS && !rc && !done; i++) {
		rc = ovs_transact(config, ask, &result, why, room);
		if (rc)
			break;
		done = configuration(ovs_rows(result, 0), "cur_cfg") >= wanted;
		json_decref(result);
		if (!done)
			nanosleep(&(struct timespec){ .tv_nsec = WAIT_MS * 1000000 }, NULL);
	}
	json_decref(ask);
	if (!rc && !done) {
		snprintf(why, room, "ovs-vswitchd does not do what the database says");
		rc = -EAGAIN;
	}
	return rc;
}

int ovs_transact_done(const struct ovs_config *config, json_t *operations, char *why, size_t room)
{
	json_t *result;

	if (json_array_append_new(operations, json_pack("{s:s, s:s, s:[], s:[[s, s, i]]}", "op", "mutate", "table", "Open_vSwitch",
							"where", "mutations", "next_cfg", "+=", 1)) ||
	    json_array_append_new(operations, json_pack("{s:s, s:s, s:[], s:[s]}", "op", "select", "table", "Open_vSwitch", "where",
							"columns", "next_cfg")))
		return -ENOMEM;
	int rc = ovs_transact(config, operations, &result, why, room);

	if (rc)
		return rc;
	int64_t wanted = configuration(ovs_rows(result, json_array_size(operations) - 1), "next_cfg");

	json_decref(result);
	return await_done(config, wanted, why, room);
}
