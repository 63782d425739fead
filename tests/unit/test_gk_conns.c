/*
 * Connections: TLS with a certificate made here, plain HTTP refused on a TLS port, callers that say nothing closed, no more
 * connections than configured.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "gatekeeper/server.h"
#include "lib/clock.h"
#include "tests/unit/gk_world.h"

#define PATIENCE_S 20

static char dir[] = "/tmp/gk-tls-XXXXXX";
static char cert[64], key[64];

static int make_certificate(void **state)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	FILE *f;

	assert_non_null(mkdtemp(dir));
	snprintf(cert, sizeof(cert), "%s/cert", dir);
	snprintf(key, sizeof(key), "%s/key", dir);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, pkey);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"gk", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	assert_true(X509_sign(x, pkey, EVP_sha256()) > 0);
	f = fopen(cert, "w");
	PEM_write_X509(f, x);
	fclose(f);
	f = fopen(key, "w");
	PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(pkey);
	return 0;
}

static int remove_certificate(void **state)
{
	unlink(cert);
	unlink(key);
	return rmdir(dir);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		*(int *)arg = 1;
}

static void test_tls(void **state)
{
	static const char ask[] = "GET /v1/status HTTP/1.1\r\nHost: gk\r\nConnection: close\r\n\r\n";
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct bufferevent *bev;
	struct world *w;
	char extra[200], *plain, *text;
	time_t until = time(NULL) + PATIENCE_S;
	int ended = 0;

	snprintf(extra, sizeof(extra), "tls_cert = \"%s\"\ntls_key = \"%s\"", cert, key);
	w = world_new(extra);
	sa.sin_port = htons(gatekeeper_port(w->gk));
	bev = bufferevent_openssl_socket_new(w->base, -1, SSL_new(ctx), BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(bev, NULL, NULL, on_event, &ended);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	bufferevent_write(bev, ask, strlen(ask));
	assert_int_equal(bufferevent_socket_connect(bev, (struct sockaddr *)&sa, sizeof(sa)), 0);
	while (!ended && time(NULL) < until)
		world_turn(w);
	evbuffer_add(bufferevent_get_input(bev), "", 1);
	text = (char *)evbuffer_pullup(bufferevent_get_input(bev), -1);
	assert_non_null(strstr(text, "HTTP/1.1 200 OK"));
	assert_non_null(strstr(text, "\"ok\":true"));
	bufferevent_free(bev);
	SSL_CTX_free(ctx);
	plain = world_raw(w, ask, strlen(ask));
	assert_null(strstr(plain, "HTTP/1.1 2"));
	free(plain);
	world_turn(w);
	world_free(w);
}

static void test_bad_certificate(void **state)
{
	struct gk_config config = {.listen = (char *)"127.0.0.1:0", .tls_cert = key, .tls_key = key, .store = (char *)":memory:",
				   .dns_server = (char *)"", .tsig_name = (char *)"", .control = (char *)"",
				   .max_connections = 8};
	struct event_base *base = event_base_new();
	struct gatekeeper *gk = NULL;
	char why[200] = "";

	assert_int_not_equal(gatekeeper_new(base, &config, &gk, why, sizeof(why)), 0);
	assert_non_null(strstr(why, key));
	event_base_free(base);
}

/* One that begins a request and never ends it is closed after a while; one that has asked is not. */
static void test_patience(void **state)
{
	struct world *w = world_new("");
	struct reader *good = reader_new(w, "/v1/status", NULL), *slow = reader_dial(w, "GET /v1/status HTTP/1.1\r\nHo");
	time_t until = time(NULL) + PATIENCE_S;

	reader_wait(good, "\"ok\":true");
	for (unsigned i = 0; i < 5; i++)
		world_turn(w);
	assert_int_equal(server_connections(w->gk->server), 2);
	clock_warp(31 * CLOCK_S);
	while (!reader_ended(slow) && time(NULL) < until)
		world_turn(w);
	assert_true(reader_ended(slow));
	assert_false(reader_ended(good));
	assert_int_equal(w->gk->counts.connections_dropped, 1);
	reader_free(good);
	reader_free(slow);
	world_free(w);
}

static void test_bound(void **state)
{
	struct world *w = world_new("max_connections = 8");
	struct reader *reader[8], *late;
	time_t until = time(NULL) + PATIENCE_S;

	for (unsigned i = 0; i < 8; i++) {
		reader[i] = reader_new(w, "/v1/status", NULL);
		reader_wait(reader[i], "\"ok\":true");
	}
	late = reader_new(w, "/v1/status", NULL); /* the kernel has it, nobody takes it */
	for (unsigned i = 0; i < 5; i++)
		world_turn(w);
	assert_int_equal(server_connections(w->gk->server), 8);
	reader_free(reader[0]);
	reader_wait(late, "\"ok\":true"); /* until one goes */
	for (unsigned i = 1; i < 8; i++)
		reader_free(reader[i]);
	reader_free(late);
	while (server_connections(w->gk->server) && time(NULL) < until)
		world_turn(w);
	assert_int_equal(server_connections(w->gk->server), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_bad_certificate),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
