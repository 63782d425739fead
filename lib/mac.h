/*
 * Message authentication and digests, over OpenSSL's libcrypto (EVP). Kept in its own file so that a
 * program that does not authenticate anything does not link libcrypto.
 */
#ifndef ICORP_LIB_MAC_H
#define ICORP_LIB_MAC_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32
#define MAC_MAX_SIZE 32

enum mac_algorithm { MAC_HMAC_SHA256, MAC_HMAC_MD5 };

struct mac_key; /* keeps the keyed state, so that a message costs no key setup */

/* A key of 1..64 bytes. NULL and errno on failure. */
struct mac_key *mac_key_new(enum mac_algorithm algorithm, const void *key, size_t len);
void mac_key_free(struct mac_key *key);
/* Digest length in bytes: 32 or 16. */
size_t mac_size(const struct mac_key *key);
/* Signs n segments in order into out[mac_size]. 0 or -errno. */
struct mac_segment { const void *data; size_t len; };
int mac_sign(struct mac_key *key, const struct mac_segment *segments, size_t n, uint8_t *out);
/* Constant-time comparison. 1 when equal. */
int mac_equal(const uint8_t *a, const uint8_t *b, size_t len);

void sha256(const void *data, size_t len, uint8_t out[SHA256_SIZE]);
/* The digest of a file's content, streamed. 0 or -errno. */
int sha256_file(int fd, uint8_t out[SHA256_SIZE]);
/* Lower-case hex; out needs 2*len+1 bytes. */
void hex_encode(const uint8_t *data, size_t len, char *out);
/* Exactly 2*len hex digits. 0 or -EINVAL. */
int hex_decode(const char *text, uint8_t *out, size_t len);
/* Random bytes from the kernel. 0 or -errno. */
int random_bytes(void *out, size_t len);

#endif
