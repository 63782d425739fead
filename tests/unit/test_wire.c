/* The byte cursor: round trips, bounds, and that an error stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire.h"

static void test_round_trip(void **state)
{
	uint8_t buffer[64];
	char text[8];
	struct wire w = wire_writer(buffer, sizeof(buffer)), r;

	wire_put_u8(&w, 0x01);
	wire_put_u16(&w, 0x0203);
	wire_put_u32(&w, 0x04050607);
	wire_put_u64(&w, 0x08090a0b0c0d0e0f);
	wire_put_f32(&w, 1.5f);
	wire_put_str(&w, "text");
	wire_pad(&w, 4);
	wire_patch_u16(&w, 1, 0xbeef);
	assert_int_equal(w.error, 0);
	assert_int_equal(w.pos, 24);
	assert_memory_equal(buffer, "\x01\xbe\xef\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x3f\xc0\0\0\4text", 24);
	r = wire_reader(buffer, w.pos);
	assert_int_equal(wire_u8(&r), 1);
	assert_int_equal(wire_u16(&r), 0xbeef);
	assert_int_equal(wire_u32(&r), 0x04050607);
	assert_true(wire_u64(&r) == 0x08090a0b0c0d0e0f);
	assert_true(wire_f32(&r) == 1.5f);
	wire_str(&r, text, sizeof(text));
	assert_string_equal(text, "text");
	assert_int_equal(wire_left(&r), 0);
	assert_int_equal(r.error, 0);
}

static void test_padding(void **state)
{
	uint8_t buffer[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	struct wire w = wire_writer(buffer, sizeof(buffer));

	wire_put_u8(&w, 9);
	wire_pad(&w, 4);
	assert_int_equal(w.pos, 4);
	wire_pad(&w, 4);
	assert_int_equal(w.pos, 4);
	assert_memory_equal(buffer, "\x9\0\0\0\1", 5);
}

static void test_reading_past_the_end(void **state)
{
	uint8_t data[] = { 1, 2, 3 };
	struct wire r = wire_reader(data, sizeof(data));

	assert_int_equal(wire_u16(&r), 0x0102);
	assert_int_equal(wire_u16(&r), 0);
	assert_int_equal(r.error, -EBADMSG);
	assert_int_equal(wire_u8(&r), 0); /* there is a byte, but the error stays */
	assert_int_equal(wire_left(&r), 0);
	assert_null(wire_bytes(&r, 0));
	r = wire_reader(data, sizeof(data));
	assert_null(wire_bytes(&r, SIZE_MAX));
	assert_int_equal(r.error, -EBADMSG);
	r = wire_reader(NULL, 0);
	assert_non_null(wire_bytes(&r, 0));
	assert_int_equal(wire_u8(&r), 0);
	assert_int_equal(r.error, -EBADMSG);
}

static void test_writing_past_the_end(void **state)
{
	uint8_t buffer[4] = { 0 };
	struct wire w = wire_writer(buffer, 3);

	wire_put_u16(&w, 0x0102);
	wire_put_u16(&w, 0x0304);
	wire_put_u8(&w, 5);
	assert_int_equal(w.error, -ENOBUFS);
	assert_memory_equal(buffer, "\1\2\0", 4);
	w = wire_writer(buffer, 3);
	wire_put_u8(&w, 1);
	wire_pad(&w, 4);
	assert_int_equal(w.error, -ENOBUFS);
	w = wire_writer(buffer, 4);
	wire_put_u8(&w, 7);
	wire_patch_u16(&w, 0, 0xffff); /* beyond what was written */
	assert_int_equal(buffer[0], 7);
}

static void test_reader_is_not_written(void **state)
{
	static const uint8_t data[] = { 1, 2, 3, 4 };
	struct wire r = wire_reader(data, sizeof(data));

	wire_u16(&r);
	wire_patch_u16(&r, 0, 0xffff);
	wire_put_u8(&r, 9);
	assert_int_equal(r.error, -ENOBUFS);
	assert_memory_equal(data, "\1\2\3\4", 4);
}

static void test_strings(void **state)
{
	char text[4], longer[301];
	uint8_t buffer[512];
	struct wire r = wire_reader("\3abc\3a\0c\4abcd", 13), w;

	wire_str(&r, text, sizeof(text));
	assert_string_equal(text, "abc");
	wire_str(&r, text, sizeof(text)); /* an embedded NUL */
	assert_string_equal(text, "");
	assert_int_equal(r.error, -EBADMSG);
	r = wire_reader("\4abcd", 5);
	wire_str(&r, text, sizeof(text)); /* no room for the NUL */
	assert_string_equal(text, "");
	assert_int_equal(r.error, -EBADMSG);
	r = wire_reader("\4abc", 4);
	wire_str(&r, text, sizeof(text));
	assert_int_equal(r.error, -EBADMSG);
	memset(longer, 'x', 300);
	longer[300] = 0;
	w = wire_writer(buffer, sizeof(buffer));
	wire_put_str(&w, longer);
	assert_int_equal(w.error, -ENOBUFS);
	longer[255] = 0;
	w = wire_writer(buffer, sizeof(buffer));
	wire_put_str(&w, longer);
	assert_int_equal(w.error, 0);
	assert_int_equal(w.pos, 256);
}

static void test_sub_readers(void **state)
{
	uint8_t data[] = { 1, 2, 3, 4 };
	struct wire r = wire_reader(data, sizeof(data)), sub = wire_sub(&r, 2);

	assert_int_equal(wire_u16(&sub), 0x0102);
	assert_int_equal(wire_u8(&sub), 0);
	assert_int_equal(sub.error, -EBADMSG);
	assert_int_equal(r.error, 0); /* the outer one goes on */
	assert_int_equal(wire_u8(&r), 3);
	sub = wire_sub(&r, 2);
	assert_int_equal(sub.error, -EBADMSG);
	assert_int_equal(r.error, -EBADMSG);
	assert_int_equal(wire_left(&sub), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_padding), cmocka_unit_test(test_reading_past_the_end),
		cmocka_unit_test(test_writing_past_the_end), cmocka_unit_test(test_reader_is_not_written),
		cmocka_unit_test(test_strings), cmocka_unit_test(test_sub_readers),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
