/* The protocol between controller and adaptor process: frames, results and terms, whole and broken. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "adaptor_samples.h"

static void equal_ports(const struct adaptor_terms *a, const struct adaptor_terms *b)
{
	assert_int_equal(a->n_ports, b->n_ports);
	for (unsigned i = 0; i < a->n_ports; i++) {
		assert_string_equal(a->ports[i].ifname, b->ports[i].ifname);
		assert_int_equal(a->ports[i].rate_bps, b->ports[i].rate_bps);
		assert_int_equal(a->ports[i].ceil_bps, b->ports[i].ceil_bps);
		assert_int_equal(a->ports[i].trunk, b->ports[i].trunk);
	}
}

static void equal_lists(const struct adaptor_terms *a, const struct adaptor_terms *b)
{
	assert_int_equal(a->n_endpoints, b->n_endpoints);
	for (unsigned i = 0; i < a->n_endpoints; i++) {
		const struct terms_endpoint *x = &a->endpoints[i], *y = &b->endpoints[i];

		assert_string_equal(x->element, y->element);
		assert_int_equal(x->kind, y->kind);
		assert_int_equal(x->control.s_addr, y->control.s_addr);
		assert_int_equal(x->private_addr.s_addr, y->private_addr.s_addr);
		assert_int_equal(x->public_addr.s_addr, y->public_addr.s_addr);
		assert_int_equal(x->local, y->local);
		assert_int_equal(x->up, y->up);
		assert_int_equal(x->weight, y->weight);
	}
	assert_int_equal(a->n_services, b->n_services);
	for (unsigned i = 0; i < a->n_services; i++) {
		assert_string_equal(a->services[i].name, b->services[i].name);
		assert_int_equal(a->services[i].protocol, b->services[i].protocol);
		assert_int_equal(a->services[i].port, b->services[i].port);
		assert_int_equal(a->services[i].target_port, b->services[i].target_port);
	}
	assert_int_equal(a->n_apps, b->n_apps);
	for (unsigned i = 0; i < a->n_apps; i++) {
		assert_string_equal(a->apps[i].name, b->apps[i].name);
		assert_string_equal(a->apps[i].url, b->apps[i].url);
		assert_memory_equal(a->apps[i].sha256, b->apps[i].sha256, 32);
		assert_int_equal(a->apps[i].n_args, b->apps[i].n_args);
		for (unsigned k = 0; k < a->apps[i].n_args; k++)
			assert_string_equal(a->apps[i].arg[k], b->apps[i].arg[k]);
	}
}

static void equal_terms(const struct adaptor_terms *a, const struct adaptor_terms *b)
{
	assert_int_equal(a->icorp, b->icorp);
	assert_int_equal(a->leader.s_addr, b->leader.s_addr);
	assert_int_equal(a->revision, b->revision);
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->prefix.addr.s_addr, b->prefix.addr.s_addr);
	assert_int_equal(a->prefix.len, b->prefix.len);
	assert_int_equal(a->capacity, b->capacity);
	assert_int_equal(a->priority, b->priority);
	assert_int_equal(a->vlan, b->vlan);
	assert_int_equal(a->lifetime_s, b->lifetime_s);
	assert_int_equal(a->leading, b->leading);
	equal_ports(a, b);
	equal_lists(a, b);
	assert_int_equal(a->isc.present, b->isc.present);
	assert_string_equal(a->isc.spec.image, b->isc.spec.image);
	assert_int_equal(a->isc.spec.cpu_shares, b->isc.spec.cpu_shares);
	assert_int_equal(a->isc.spec.cpu_quota_us, b->isc.spec.cpu_quota_us);
	assert_int_equal(a->isc.spec.memory_kib, b->isc.spec.memory_kib);
	assert_int_equal(a->isc.max_memory_kib, b->isc.max_memory_kib);
	assert_int_equal(a->isc.spec.disk_mib, b->isc.spec.disk_mib);
	assert_int_equal(a->isc.spec.vcpus, b->isc.spec.vcpus);
	assert_int_equal(a->isc.address.s_addr, b->isc.address.s_addr);
	assert_int_equal(a->isc.host.s_addr, b->isc.host.s_addr);
	assert_int_equal(a->isc.host_port, b->isc.host_port);
	assert_int_equal(a->isc.key_id, b->isc.key_id);
	assert_memory_equal(a->isc.key, b->isc.key, sizeof(a->isc.key));
}

static void test_terms_round_trip(void **state)
{
	struct sample_full *f = malloc(sizeof(*f));
	struct adaptor_terms small = sample_small(9, "br0.7", 1000), back;
	uint8_t *data;
	size_t len;

	sample_fill(f);
	assert_int_equal(terms_encode(&f->terms, &data, &len), 0);
	assert_int_equal(terms_decode(data, len, &back), 0);
	equal_terms(&f->terms, &back);
	terms_clear(&back);
	free(data);
	assert_int_equal(terms_encode(&small, &data, &len), 0);
	assert_int_equal(terms_decode(data, len, &back), 0);
	equal_terms(&small, &back);
	terms_clear(&back);
	free(data);
	free(f);
}

/* Cut anywhere, or with a byte too many, it is refused and leaves nothing behind. */
static void test_terms_truncated(void **state)
{
	struct sample_full *f = malloc(sizeof(*f));
	struct adaptor_terms back;
	uint8_t *data, *longer;
	size_t len;

	sample_fill(f);
	f->terms.n_endpoints = 3;
	f->terms.n_apps = 1;
	assert_int_equal(terms_encode(&f->terms, &data, &len), 0);
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(terms_decode(data, cut, &back), -EBADMSG);
		assert_null(back.endpoints);
	}
	longer = calloc(1, len + 1);
	memcpy(longer, data, len);
	assert_int_equal(terms_decode(longer, len + 1, &back), -EBADMSG);
	free(longer);
	free(data);
	free(f);
}

static void test_terms_refused(void **state)
{
	struct adaptor_terms t = sample_small(9, "eth0", 1000), back;
	uint8_t *data;
	size_t len;

	strcpy(t.ports[0].ifname, "eth0; x");
	assert_int_equal(terms_encode(&t, &data, &len), 0);
	assert_int_equal(terms_decode(data, len, &back), -EBADMSG);
	free(data);
	t = sample_small(9, "eth0", 1000);
	t.prefix.len = 33;
	assert_int_equal(terms_encode(&t, &data, &len), 0);
	assert_int_equal(terms_decode(data, len, &back), -EBADMSG);
	free(data);
	t.n_ports = ADAPTOR_MAX_PORTS + 1;
	assert_int_equal(terms_encode(&t, &data, &len), -EINVAL);
}

/* Frames fed byte by byte come out whole; a length that cannot be is refused. */
static void test_frames(void **state)
{
	struct protocol_buffer out = { 0 }, in = { 0 };
	struct protocol_frame f;
	static const uint8_t silly[PROTOCOL_HEADER] = { 0xff, 0xff, 0xff, 0xff };
	unsigned frames = 0;

	assert_int_equal(protocol_put(&out, ADAPTOR_REVOKE, 77, "abc", 3), 0);
	assert_int_equal(protocol_put(&out, ADAPTOR_SHOW, 78, NULL, 0), 0);
	for (size_t i = 0; i < out.len; i++) {
		assert_int_equal(protocol_reserve(&in, 1), 0);
		in.data[in.len++] = out.data[i];
		int rc = protocol_next(&in, &f);

		assert_true(rc >= 0);
		if (!rc)
			continue;
		assert_int_equal(f.serial, 77 + frames);
		assert_int_equal(f.type, frames ? ADAPTOR_SHOW : ADAPTOR_REVOKE);
		assert_int_equal(f.len, frames ? 0 : 3);
		frames++;
	}
	assert_int_equal(frames, 2);
	assert_int_equal(protocol_reserve(&in, sizeof(silly)), 0);
	memcpy(in.data + in.len, silly, sizeof(silly));
	in.len += sizeof(silly);
	assert_int_equal(protocol_next(&in, &f), -EBADMSG);
	protocol_free(&in);
	protocol_free(&out);
}

static void test_result(void **state)
{
	struct adaptor_result r = { .error = -ENOSPC, .reason = "no room", .n_grants = ADAPTOR_MAX_GRANTS }, back;
	uint8_t data[PROTOCOL_RESULT_MAX];

	for (unsigned i = 0; i < r.n_grants; i++) {
		r.grants[i] = (struct adaptor_grant){ .resource = (uint8_t)i, .outcome = OUTCOME_PARTLY,
						      .enforcement = ENFORCEMENT_ENFORCED, .level = UINT64_MAX - i };
		memset(r.grants[i].reason, 'r', ADAPTOR_REASON - 1);
	}
	struct wire w = wire_writer(data, sizeof(data));

	protocol_put_result(&w, &r);
	assert_int_equal(w.error, 0);
	w = wire_reader(data, w.pos);
	protocol_result(&w, &back);
	assert_int_equal(w.error, 0);
	assert_int_equal(wire_left(&w), 0);
	assert_memory_equal(&r, &back, sizeof(r));
}

static void test_names(void **state)
{
	struct adaptor_option options[] = { { "a", "1" }, { "b", "2" } };

	assert_string_equal(enforcement_name(ENFORCEMENT_BEST_EFFORT), "best-effort");
	assert_string_equal(outcome_name(OUTCOME_PARTLY), "partly");
	assert_string_equal(adaptor_option(options, 2, "b", "3"), "2");
	assert_string_equal(adaptor_option(options, 2, "c", "3"), "3");
	assert_string_equal(adaptor_program("null"), "icorp-adaptor");
	assert_null(adaptor_program("no-such"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terms_round_trip), cmocka_unit_test(test_terms_truncated),
		cmocka_unit_test(test_terms_refused),    cmocka_unit_test(test_frames),
		cmocka_unit_test(test_result),           cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
