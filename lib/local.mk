# lib: libbase needs libc, libevent, libconfuse and jansson; what needs libcrypto or libcurl is apart, so that programs that
# must not link those do not. Link lines end with the variables below, highest first.
noinst_LIBRARIES += lib/libbase.a lib/libcryptobase.a
lib_libbase_a_SOURCES = lib/addr.h lib/bucket.h lib/clock.h lib/config.h lib/config_value.h lib/control.h lib/control_request.h lib/heap.h lib/idmap.h lib/log.h lib/pool.h \
	lib/privileges.h lib/loop.h lib/text.h lib/wheel.h lib/wire.h lib/writer.h lib/writer_render.h lib/addr.c lib/bucket.c lib/clock.c lib/config.c \
	lib/config_describe.c lib/config_value.c lib/control.c lib/control_client.c lib/control_request.c lib/heap.c lib/idmap.c lib/log.c lib/pool.c lib/privileges.c lib/loop.c lib/text.c lib/wheel.c lib/wire.c lib/writer.c \
	lib/writer_text.c lib/writer_xml.c
lib_libbase_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(CONFUSE_CFLAGS) $(JANSSON_CFLAGS)
BASE_LIBS = lib/libbase.a $(CONFUSE_LIBS) $(EVENT_LIBS) $(JANSSON_LIBS)

lib_libcryptobase_a_SOURCES = lib/mac.h lib/rsvp.h lib/rsvp_wire.h lib/mac.c lib/rsvp.c lib/rsvp_auth.c \
	lib/rsvp_decode.c lib/rsvp_encode.c
lib_libcryptobase_a_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
CRYPTOBASE_LIBS = lib/libcryptobase.a $(BASE_LIBS) $(CRYPTO_LIBS)

noinst_LIBRARIES += lib/libhttp.a
lib_libhttp_a_SOURCES = lib/http.h lib/http_request.h lib/sse.h lib/http.c lib/http_request.c lib/sse.c
lib_libhttp_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(EVENT_CFLAGS)
HTTP_LIBS = lib/libhttp.a $(CURL_LIBS) $(EVENT_LIBS)
