/* Writes every sample message, unsigned and signed both ways, as IP-46 packets: `rsvp_pcap FILE`. For rsvp_oracles. */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/rsvp_samples.h"

static void put(pcap_dumper_t *to, const uint8_t *data, size_t len)
{
	uint8_t packet[8192];
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 63, .protocol = RSVP_PROTOCOL, .saddr = htonl(0x0ac80102),
			    .daddr = htonl(0x0ac80101), .tot_len = htons((uint16_t)(len + sizeof(ip))) };
	struct pcap_pkthdr header = { .caplen = (unsigned)(len + sizeof(ip)), .len = (unsigned)(len + sizeof(ip)) };
	const uint16_t *word = (const uint16_t *)&ip;
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof(ip) / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ip.check = (uint16_t)~(sum + (sum >> 16));
	memcpy(packet, &ip, sizeof(ip));
	memcpy(packet + sizeof(ip), data, len);
	pcap_dump((u_char *)to, &header, packet);
}

/* Two messages of sessions and an Ack as the controllers bundle them: each is signed, the Bundle is not. */
static int put_bundle(pcap_dumper_t *to, struct rsvp_auth *auth)
{
	static const unsigned which[] = { 0, 1, 7 };
	uint8_t whole[8000], one[4096];
	struct rsvp_msg m = { 0 };
	struct rsvp_bundle b;
	int len;

	rsvp_bundle_begin(&b, NULL, whole, sizeof(whole));
	for (size_t i = 0; i < sizeof(which) / sizeof(which[0]); i++) {
		rsvp_sample(which[i], &m);
		auth->sequence++;
		len = rsvp_encode(&m, RSVP_ENTERPRISE, auth, one, sizeof(one));
		if (len < 0 || rsvp_bundle_add(&b, one, (size_t)len))
			return -1;
	}
	rsvp_msg_free(&m);
	len = rsvp_bundle_end(&b, NULL);
	if (len > 0)
		put(to, whole, (size_t)len);
	return len;
}

int main(int argc, char **argv)
{
	pcap_t *pcap = pcap_open_dead(DLT_RAW, 65535);
	pcap_dumper_t *to = argc == 2 ? pcap_dump_open(pcap, argv[1]) : NULL;
	struct mac_key *md5 = mac_key_new(MAC_HMAC_MD5, "0123456789abcdef", 16);
	struct mac_key *sha = mac_key_new(MAC_HMAC_SHA256, "0123456789abcdef", 16);
	struct rsvp_auth auth[3] = { { 0 }, { md5, 1, 1000, 0 }, { sha, 2, 2000, 0 } };
	struct rsvp_msg m = { 0 };

	if (!to)
		return 1;
	for (unsigned n = 0; n < 3 * SAMPLES; n++) {
		uint8_t buffer[4096];
		int len;

		rsvp_sample(n / 3, &m);
		auth[n % 3].sequence++;
		len = rsvp_encode(&m, RSVP_ENTERPRISE, n % 3 ? &auth[n % 3] : NULL, buffer, sizeof(buffer));
		if (len < 0)
			return 1;
		put(to, buffer, (size_t)len);
	}
	if (put_bundle(to, &auth[1]) < 0)
		return 1;
	rsvp_msg_free(&m);
	mac_key_free(md5);
	mac_key_free(sha);
	pcap_dump_close(to);
	pcap_close(pcap);
	return 0;
}
