/* Digests and MACs against the vectors of FIPS 180-4, RFC 4231 and RFC 2202. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/mac.h"

static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

struct vector { enum mac_algorithm algorithm; const char *key, *data, *mac; };

static void test_vectors(void **state)
{
	static const struct vector v[] = {
		{ MAC_HMAC_SHA256, "Jefe", "what do ya want for nothing?",
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ MAC_HMAC_SHA256, "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", "Hi There",
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ MAC_HMAC_MD5, "Jefe", "what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738" },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct mac_key *key = mac_key_new(v[i].algorithm, v[i].key, strlen(v[i].key));
		struct mac_segment parts[] = { { v[i].data, 3 }, { NULL, 0 }, { v[i].data + 3, strlen(v[i].data) - 3 } };
		uint8_t out[MAC_MAX_SIZE];
		char hex[2 * MAC_MAX_SIZE + 1];

		assert_non_null(key);
		for (int again = 0; again < 3; again++) { /* the key stays set up */
			assert_int_equal(mac_sign(key, parts, 3, out), 0);
			hex_encode(out, mac_size(key), hex);
			assert_string_equal(hex, v[i].mac);
		}
		mac_key_free(key);
	}
}

static void test_keys(void **state)
{
	uint8_t secret[65] = { 1 };
	struct mac_key *key = mac_key_new(MAC_HMAC_SHA256, secret, 64);

	assert_non_null(key);
	assert_int_equal(mac_size(key), 32);
	mac_key_free(key);
	errno = 0;
	assert_null(mac_key_new(MAC_HMAC_SHA256, secret, 65));
	assert_int_equal(errno, EINVAL);
	assert_null(mac_key_new(MAC_HMAC_SHA256, secret, 0));
	mac_key_free(NULL);
	assert_true(mac_equal((const uint8_t *)"abc", (const uint8_t *)"abc", 3));
	assert_false(mac_equal((const uint8_t *)"abc", (const uint8_t *)"abd", 3));
}

static void test_sha256(void **state)
{
	uint8_t out[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	int fd = memfd_create("abc", MFD_CLOEXEC);

	sha256("abc", 3, out);
	hex_encode(out, sizeof(out), hex);
	assert_string_equal(hex, abc);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	memset(out, 0, sizeof(out));
	assert_int_equal(sha256_file(fd, out), 0);
	hex_encode(out, sizeof(out), hex);
	assert_string_equal(hex, abc);
	close(fd);
	assert_int_equal(sha256_file(fd, out), -EBADF);
}

static void test_hex_and_random(void **state)
{
	uint8_t a[16] = { 0 }, b[16] = { 0 };

	assert_int_equal(hex_decode("00fFA5", a, 3), 0);
	assert_memory_equal(a, "\x00\xff\xa5", 3);
	assert_int_equal(hex_decode("00ff", a, 3), -EINVAL);
	assert_int_equal(hex_decode("00ffa5a5", a, 3), -EINVAL);
	assert_int_equal(hex_decode("00ffg5", a, 3), -EINVAL);
	assert_int_equal(hex_decode("", a, 0), 0);
	assert_int_equal(random_bytes(a, sizeof(a)), 0);
	assert_int_equal(random_bytes(b, sizeof(b)), 0);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(random_bytes(a, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors), cmocka_unit_test(test_keys), cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_hex_and_random),
	};

	return cmocka_run_group_tests_name("mac", tests, NULL, NULL);
}
