# lib: libbase needs libc, libevent, libconfuse and jansson; what needs libcrypto is apart, so that programs that must not
# link it do not.
noinst_LIBRARIES += lib/libbase.a lib/libcryptobase.a
lib_libbase_a_SOURCES = lib/addr.h lib/clock.h lib/heap.h lib/log.h lib/wire.h lib/addr.c lib/clock.c lib/heap.c \
	lib/log.c lib/wire.c
lib_libcryptobase_a_SOURCES = lib/mac.h lib/rsvp.h lib/rsvp_wire.h lib/mac.c lib/rsvp.c lib/rsvp_auth.c \
	lib/rsvp_decode.c lib/rsvp_encode.c
lib_libcryptobase_a_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
