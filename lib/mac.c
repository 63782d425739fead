/* HMAC and SHA-256 over libcrypto's EVP interface. See mac.h. */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/mac.h"

struct mac_key { EVP_MAC_CTX *ctx; size_t size; };

struct mac_key *mac_key_new(enum mac_algorithm algorithm, const void *key, size_t len)
{
	char md5[] = "MD5", sha[] = "SHA256", *digest = algorithm == MAC_HMAC_MD5 ? md5 : sha;
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_END };
	struct mac_key *k;
	EVP_MAC *mac;

	if (!len || len > 64) {
		errno = EINVAL;
		return NULL;
	}
	k = calloc(1, sizeof(*k));
	mac = k ? EVP_MAC_fetch(NULL, "HMAC", NULL) : NULL;
	if (mac)
		k->ctx = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);
	if (!k || !k->ctx || !EVP_MAC_init(k->ctx, key, len, params)) {
		mac_key_free(k);
		errno = ENOMEM;
		return NULL;
	}
	k->size = algorithm == MAC_HMAC_MD5 ? 16 : 32;
	return k;
}

void mac_key_free(struct mac_key *key)
{
	if (!key)
		return;
	EVP_MAC_CTX_free(key->ctx);
	free(key);
}

size_t mac_size(const struct mac_key *key)
{
	return key->size;
}

int mac_sign(struct mac_key *key, const struct mac_segment *segments, size_t n, uint8_t *out)
{
	size_t len;

	if (!EVP_MAC_init(key->ctx, NULL, 0, NULL)) /* the key stays set up */
		return -EIO;
	for (size_t i = 0; i < n; i++)
		if (segments[i].len && !EVP_MAC_update(key->ctx, segments[i].data, segments[i].len))
			return -EIO;
	return EVP_MAC_final(key->ctx, out, &len, key->size) ? 0 : -EIO;
}

int mac_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	return !CRYPTO_memcmp(a, b, len);
}

void sha256(const void *data, size_t len, uint8_t out[SHA256_SIZE])
{
	if (!EVP_Q_digest(NULL, "SHA256", NULL, data, len, out, NULL))
		abort(); /* only without any digest provider or memory: nothing could be named */
}

int sha256_file(int fd, uint8_t out[SHA256_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t buffer[16384];
	ssize_t n;
	int r = 0;

	if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		r = -ENOMEM;
	while (!r && (n = read(fd, buffer, sizeof(buffer))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = -errno;
		else if (!EVP_DigestUpdate(ctx, buffer, (size_t)n))
			r = -EIO;
	}
	if (!r && !EVP_DigestFinal_ex(ctx, out, NULL))
		r = -EIO;
	EVP_MD_CTX_free(ctx);
	return r;
}

void hex_encode(const uint8_t *data, size_t len, char *out)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*out++ = digit[data[i] >> 4];
		*out++ = digit[data[i] & 15];
	}
	*out = 0;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_decode(const char *text, uint8_t *out, size_t len)
{
	if (strlen(text) != 2 * len)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

int random_bytes(void *out, size_t len)
{
	uint8_t *at = out;

	while (len) {
		ssize_t n = getrandom(at, len, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return 0;
}
