/*
 * Building and checking updates (dns_message.h). "Delete an RRset, add to an RRset" are RFC 2136, sections 2.5.2 and
 * 2.5.1; both in one message are done together or not at all, and doing it twice leaves the same.
 */
#include <errno.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/dns_message.h"

#define TSIG_FUDGE_S 300

struct dns_update {
	ldns_pkt *packet;
	uint8_t *wire;
	size_t len;
	char *key_name, *secret; /* NULL: unsigned */
};

static ldns_rdf *dname(const char *text)
{
	ldns_rdf *rdf = NULL;

	if (ldns_str2rdf_dname(&rdf, text) != LDNS_STATUS_OK)
		return NULL;
	return rdf;
}

static int push_rr(ldns_rr_list *list, const char *name, ldns_rr_class class_, uint32_t ttl,
		   const struct in_addr *address)
{
	ldns_rr *rr = ldns_rr_new();
	ldns_rdf *owner = dname(name);

	if (!rr || !owner) {
		ldns_rr_free(rr);
		ldns_rdf_deep_free(owner);
		return -EINVAL;
	}
	ldns_rr_set_owner(rr, owner);
	ldns_rr_set_type(rr, LDNS_RR_TYPE_A);
	ldns_rr_set_class(rr, class_);
	ldns_rr_set_ttl(rr, ttl);
	if (address)
		ldns_rr_push_rdf(rr, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_A, sizeof(*address), address));
	ldns_rr_list_push_rr(list, rr);
	return 0;
}

static ldns_rr_list *records_of(const struct dns_change *changes, size_t n, uint32_t ttl)
{
	ldns_rr_list *list = ldns_rr_list_new();
	int err = 0;

	for (size_t i = 0; list && !err && i < n; i++) {
		err = push_rr(list, changes[i].name, LDNS_RR_CLASS_ANY, 0, NULL);
		for (unsigned j = 0; !err && j < changes[i].n; j++)
			err = push_rr(list, changes[i].name, LDNS_RR_CLASS_IN, ttl, &changes[i].address[j]);
	}
	if (!err)
		return list;
	ldns_rr_list_deep_free(list);
	return NULL;
}

/* Ends key and algorithm names in a dot: libldns takes them as they are. */
static char *rooted(const char *name)
{
	size_t len = strlen(name);
	char *out = malloc(len + 2);

	if (out)
		snprintf(out, len + 2, "%s%s", name, len && name[len - 1] == '.' ? "" : ".");
	return out;
}

static int sign(struct dns_update *update, const struct dns_key *key)
{
	char *algorithm = rooted(strcmp(key->algorithm, "hmac-md5") ? key->algorithm : "hmac-md5.sig-alg.reg.int");
	ldns_status status = LDNS_STATUS_MEM_ERR;

	update->key_name = rooted(key->name);
	update->secret = strdup(key->secret);
	if (algorithm && update->key_name && update->secret)
		status = ldns_pkt_tsig_sign(update->packet, update->key_name, update->secret, TSIG_FUDGE_S, algorithm,
					    NULL);
	free(algorithm);
	return status == LDNS_STATUS_OK ? 0 : -EINVAL;
}

static ldns_pkt *packet_of(const char *zone, ldns_rr_list *records)
{
	ldns_rdf *zone_name = dname(zone);
	ldns_pkt *packet = zone_name && records ? ldns_update_pkt_new(zone_name, LDNS_RR_CLASS_IN, NULL, records, NULL)
						: NULL;

	if (packet)
		ldns_pkt_set_random_id(packet);
	else
		ldns_rdf_deep_free(zone_name);
	return packet;
}

struct dns_update *dns_update_new(const char *zone, uint32_t ttl, const struct dns_change *changes, size_t n,
				  const struct dns_key *key, char *why, size_t room)
{
	struct dns_update *update = calloc(1, sizeof(*update));
	ldns_rr_list *records = records_of(changes, n, ttl);

	if (!update) {
		ldns_rr_list_deep_free(records);
		return NULL;
	}
	update->packet = packet_of(zone, records);
	ldns_rr_list_deep_free(records); /* the packet has copies */
	if (!update->packet) {
		snprintf(why, room, "a name does not fit into DNS");
	} else if (key->name && key->name[0] && sign(update, key) < 0) {
		snprintf(why, room, "the TSIG secret is not usable (it is to be base64)");
	} else if (ldns_pkt2wire(&update->wire, update->packet, &update->len) != LDNS_STATUS_OK ||
		   update->len > 65535) {
		snprintf(why, room, "the update does not fit into a message");
	} else {
		return update;
	}
	dns_update_free(update);
	return NULL;
}

void dns_update_free(struct dns_update *update)
{
	if (!update)
		return;
	ldns_pkt_free(update->packet);
	free(update->wire);
	free(update->key_name);
	if (update->secret)
		explicit_bzero(update->secret, strlen(update->secret));
	free(update->secret);
	free(update);
}

const uint8_t *dns_update_wire(const struct dns_update *update, size_t *len)
{
	*len = update->len;
	return update->wire;
}

static int signed_by_us(const struct dns_update *update, ldns_pkt *answer, const uint8_t *wire, size_t len)
{
	if (!update->key_name)
		return 1;
	if (!ldns_pkt_tsig(answer))
		return 0;
	return ldns_pkt_tsig_verify(answer, wire, len, update->key_name, update->secret,
				    ldns_rr_rdf(ldns_pkt_tsig(update->packet), 3));
}

static const char *rcode_text(ldns_pkt_rcode rcode)
{
	switch (rcode) {
	case LDNS_RCODE_REFUSED:
		return "refused (are updates allowed for this key?)";
	case LDNS_RCODE_NOTAUTH:
		return "not authorised (the key, its secret, or the clocks differ, or it is not the zone's server)";
	case LDNS_RCODE_NOTZONE:
		return "a name is not in the zone";
	case LDNS_RCODE_SERVFAIL:
		return "the server failed";
	default:
		return "refused";
	}
}

int dns_update_check(const struct dns_update *update, const uint8_t *answer, size_t len, char *why, size_t room)
{
	ldns_pkt *packet = NULL;
	int err = 0;

	if (ldns_wire2pkt(&packet, answer, len) != LDNS_STATUS_OK) {
		snprintf(why, room, "the answer is malformed");
		return -EBADMSG;
	}
	if (ldns_pkt_id(packet) != ldns_pkt_id(update->packet) || !ldns_pkt_qr(packet) ||
	    ldns_pkt_get_opcode(packet) != LDNS_PACKET_UPDATE) {
		snprintf(why, room, "the answer is not one to our update");
		err = -EBADMSG;
	} else if (ldns_pkt_get_rcode(packet) != LDNS_RCODE_NOERROR) {
		snprintf(why, room, "%s, rcode %d", rcode_text(ldns_pkt_get_rcode(packet)),
			 (int)ldns_pkt_get_rcode(packet));
		err = -EACCES;
	} else if (!signed_by_us(update, packet, answer, len)) {
		snprintf(why, room, "the answer is not signed with our key");
		err = -EKEYREJECTED;
	}
	ldns_pkt_free(packet);
	return err;
}
