/*
 * The complete description of one ICorp's IS Proxy, as `proxy/set` brings it: the definition, apart from the
 * live object (table.h). A JSON object; unknown members are refused, so that a misspelt one is not lost:
 *
 *     {"id":7,"leader":"10.200.1.11","name":"shop","public":"10.202.1.1","source":"10.64.7.1",
 *      "mode":"auto","policy":"round-robin","lifetime_s":157,
 *      "services":[{"name":"web","protocol":"tcp","port":80,"target_port":8080,"proxy_protocol":false}],
 *      "backends":[{"element":"srv1","address":"10.64.7.65","weight":100,"up":true}]}
 *
 * mode, policy, lifetime_s (0: for ever), proxy_protocol, weight (1) and up (true) may be left out.
 */
#ifndef ICORP_PROXY_SPEC_H
#define ICORP_PROXY_SPEC_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define SPEC_NAME 64
#define SPEC_MAX_SERVICES 16
#define SPEC_MAX_BACKENDS 256
#define SPEC_MAX_LIFETIME_S 86400
#define SPEC_MAX_WEIGHT 65535

struct policy;
struct writer;

/* auto: TCP is relayed (a server that does not answer costs nobody a request), UDP goes through the kernel. */
enum spec_mode { SPEC_AUTO, SPEC_RELAY, SPEC_KERNEL };
enum spec_protocol { SPEC_TCP = IPPROTO_TCP, SPEC_UDP = IPPROTO_UDP };

struct spec_key { uint32_t id; struct in_addr leader; };

struct spec_service {
	char name[SPEC_NAME];
	enum spec_protocol protocol;
	uint16_t port, target_port;
	int proxy_protocol;      /* servers are told the user's address by a PROXY line, version 1 */
};

struct spec_backend {
	char element[SPEC_NAME];
	struct in_addr address;
	uint16_t weight;         /* 0: not to be used */
	int up;
};

struct spec {
	struct spec_key key;
	char name[SPEC_NAME];
	struct in_addr public_addr, source;
	enum spec_mode mode;
	const struct policy *policy;
	uint32_t lifetime_s;
	unsigned n_services; struct spec_service services[SPEC_MAX_SERVICES];
	unsigned n_backends; struct spec_backend *backends; /* owned */
};

/* Reads and checks text. 0; -EINVAL or -ENOMEM with the reason in why and *out cleared. */
int spec_parse(const char *text, struct spec *out, char *why, size_t room);
void spec_clear(struct spec *spec);
/* A service of this protocol in this mode goes through the kernel (else through the relay). */
int spec_in_kernel(enum spec_mode mode, enum spec_protocol protocol);
/* Writes the members of the description into the open object. */
void spec_write(const struct spec *spec, struct writer *w);

int spec_key_equal(struct spec_key a, struct spec_key b);
const char *spec_mode_name(enum spec_mode mode);
const char *spec_protocol_name(enum spec_protocol protocol);

#endif
