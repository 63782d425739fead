/*
 * A session's domain as libvirt XML: what all hypervisors have in common (vm_lxc.c and vm_qemu.c have the rest). Pure:
 * golden tests compare the text. The document is written by libxml2's writer, so that no name of a client can break out
 * of its place.
 *
 * The domain's network: an `ethernet` interface, that is a link which is not bridged. Its host end has 169.254.1.1 with
 * the ISC's private address as peer, the ISC's end its /32 with 169.254.1.1 as peer and as gateway: the host routes, so an
 * ISC's packets are classified by their addresses like all others and its neighbours see no ARP for private addresses.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>

#include "adaptors/vm.h"
#include "adaptors/vm_writer.h"

/* The memory a balloon can give: times what the ISC begins with, where the contract has no limit; at most, since a guest
 * needs a 64th of all it could have to manage it. */
#define GROWTH 4
#define MOST_GROWTH 8

void vm_domain_name(struct adaptor_key key, char out[VM_NAME])
{
	snprintf(out, VM_NAME, "icorp-%u-%08x", key.icorp, ntohl(key.leader.s_addr));
}

int vm_domain_key(const char *name, struct adaptor_key *key)
{
	char again[VM_NAME];
	unsigned icorp, leader;

	if (strlen(name) >= VM_NAME || sscanf(name, "icorp-%u-%8x", &icorp, &leader) != 2)
		return -EINVAL;
	*key = (struct adaptor_key){ .icorp = icorp, .leader.s_addr = htonl(leader) };
	vm_domain_name(*key, again);
	return strcmp(name, again) ? -EINVAL : 0;
}

void vm_ifname(struct adaptor_key key, char out[IFNAMSIZ])
{
	uint32_t leader = ntohl(key.leader.s_addr);

	snprintf(out, IFNAMSIZ, "ic%x-%04x", key.icorp, (leader >> 16 ^ leader) & 0xffff);
}

void vm_mac(struct in_addr address, char out[ETHER_TEXT])
{
	uint32_t a = ntohl(address.s_addr);
	const uint8_t mac[ETHER_SIZE] = { 0x02, 0x1c, (uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8),
					  (uint8_t)a };

	ether_text(mac, out);
}

static void address(xmlTextWriter *x, const char *own, const char *peer)
{
	start(x, "ip");
	attr(x, "address", own);
	attr(x, "family", "ipv4");
	attr(x, "prefix", "32");
	attr(x, "peer", peer);
	end(x);
}

/* The inside of the link, for hypervisors that can reach it. */
static void inside(xmlTextWriter *x, const char *own)
{
	address(x, own, VM_GATEWAY);
	start(x, "route");
	attr(x, "family", "ipv4");
	attr(x, "address", "0.0.0.0");
	attr(x, "prefix", "0");
	attr(x, "gateway", VM_GATEWAY);
	end(x);
}

void vm_xml_interface(void *xml, const struct adaptor_terms *t, const char *model)
{
	struct adaptor_key key = { .icorp = t->icorp, .leader = t->leader };
	char ifname[IFNAMSIZ], mac[ETHER_TEXT], own[ADDR_TEXT];
	xmlTextWriter *x = xml;

	vm_ifname(key, ifname);
	vm_mac(t->isc.address, mac);
	addr_text(t->isc.address, own);
	start(x, "interface");
	attr(x, "type", "ethernet");
	empty(x, "mac", "address", mac);
	start(x, "source");
	address(x, VM_GATEWAY, own);
	end(x);
	if (!model)
		inside(x, own);
	empty(x, "target", "dev", ifname);
	if (model) {
		empty(x, "model", "type", model);
		empty(x, "rom", "enabled", "no");
	} else {
		empty(x, "guest", "dev", "eth0");
	}
	end(x);
}

static void test_os(void *xml, const struct vm_options *o, const struct adaptor_terms *t)
{
	start(xml, "os");
	text_element(xml, "type", "hvm");
	end(xml);
}

static void test_devices(void *xml, const struct vm_options *o, const struct adaptor_terms *t)
{
	vm_xml_interface(xml, t, NULL);
}

static const struct vm_hypervisor vm_test = {
	.scheme = "test", .domain_type = "test", .dir_mode = 0700, .memory_reason = "a test driver",
	.cpu_reason = "a test driver", .write_os = test_os, .write_devices = test_devices,
};

static const struct vm_hypervisor *const hypervisors[] = { &vm_lxc, &vm_qemu, &vm_test };

const struct vm_hypervisor *vm_hypervisor_find(const char *uri)
{
	size_t len = strcspn(uri, "+:");   /* lxc+ssh: is the same hypervisor */

	for (size_t i = 0; i < sizeof(hypervisors) / sizeof(hypervisors[0]); i++)
		if (strlen(hypervisors[i]->scheme) == len && !strncmp(uri, hypervisors[i]->scheme, len))
			return hypervisors[i];
	return NULL;
}

const struct vm_image *vm_image_find(const struct vm_options *o, const char *name)
{
	for (size_t i = 0; i < o->n_images; i++)
		if (!strcmp(o->images[i].name, name))
			return &o->images[i];
	return NULL;
}

struct vm_mark vm_mark_of(const struct vm_options *o, const struct adaptor_terms *t)
{
	return (struct vm_mark){ .key = terms_key(t), .disk_mib = t->isc.spec.disk_mib, .whole = o->whole,
				 .cpu_shares = t->isc.spec.cpu_shares, .memory_kib = t->isc.spec.memory_kib };
}

static void mark(xmlTextWriter *x, const struct vm_mark *m)
{
	char leader[ADDR_TEXT];

	start(x, "metadata");
	xmlTextWriterStartElementNS(x, BAD_CAST "icorp", BAD_CAST "mark", BAD_CAST VM_XMLNS);
	attr_uint(x, "icorp", m->key.icorp);
	attr(x, "leader", addr_text(m->key.leader, leader));
	attr_uint(x, "disk-mib", m->disk_mib);
	if (m->whole) {
		attr_uint(x, "cpu-shares", m->cpu_shares);
		attr_uint(x, "memory-kib", m->memory_kib);
	}
	end(x);
	end(x);
}

static void cputune(xmlTextWriter *x, const struct vm_hypervisor *hv, const struct contract_isc *spec)
{
	if (!hv->quota_elements[0])
		return;
	start(x, "cputune");
	/* More than a cgroup2 weight can be would fail the start; the rest is a change of a running domain. */
	if (spec->cpu_shares)
		uint_element(x, "shares", NULL, spec->cpu_shares < 10000 ? spec->cpu_shares : 10000);
	if (spec->cpu_quota_us) {
		uint_element(x, hv->quota_elements[0], NULL, VM_QUOTA_PERIOD_US);
		uint_element(x, hv->quota_elements[1], NULL, spec->cpu_quota_us);
	}
	end(x);
}

static uint64_t most_memory(const struct vm_options *o, const struct terms_isc *isc)
{
	uint64_t kib = isc->spec.memory_kib, most = isc->max_memory_kib ? isc->max_memory_kib : kib * GROWTH;

	if (most > kib * MOST_GROWTH)
		most = kib * MOST_GROWTH;
	if (o->host_kib && most > o->host_kib)
		most = o->host_kib;
	return most > kib ? most : kib;
}

/* With a balloon the domain is made as large as it may become, and begins with what it has now. */
static void memory(xmlTextWriter *x, const struct vm_options *o, const struct terms_isc *isc)
{
	uint64_t kib = o->whole && o->host_kib ? o->host_kib : isc->spec.memory_kib;

	if (o->hv->balloon) {
		uint_element(x, "memory", "KiB", most_memory(o, isc));
		uint_element(x, "currentMemory", "KiB", kib);
		return;
	}
	uint_element(x, "memory", "KiB", kib);
	start(x, "memtune");
	uint_element(x, "hard_limit", "KiB", kib);
	end(x);
}

static void domain(xmlTextWriter *x, const struct vm_options *o, const struct adaptor_terms *t)
{
	static const char *const events[] = { "on_poweroff", "on_reboot", "on_crash" };
	struct adaptor_key key = { .icorp = t->icorp, .leader = t->leader };
	const struct contract_isc *spec = &t->isc.spec;
	const struct vm_mark m = vm_mark_of(o, t);
	char name[VM_NAME];

	vm_domain_name(key, name);
	start(x, "domain");
	attr(x, "type", o->kvm ? "kvm" : o->hv->domain_type);
	text_element(x, "name", name);
	text_element(x, "title", t->name);
	mark(x, &m);
	memory(x, o, &t->isc);
	uint_element(x, "vcpu", NULL, spec->vcpus ? spec->vcpus : 1);
	if (!o->whole)
		cputune(x, o->hv, spec);
	o->hv->write_os(x, o, t);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		text_element(x, events[i], "destroy");
	start(x, "devices");
	o->hv->write_devices(x, o, t);
	end(x);
	end(x);
}

int vm_domain_xml(const struct vm_options *o, const struct adaptor_terms *t, char **xml)
{
	if (o->hv->check_image && !vm_image_find(o, t->isc.spec.image))
		return -ENOENT;
	xmlBuffer *buffer = xmlBufferCreate();
	xmlTextWriter *x = buffer ? xmlNewTextWriterMemory(buffer, 0) : NULL;

	*xml = NULL;
	if (x) {
		xmlTextWriterSetIndent(x, 1);
		xmlTextWriterSetIndentString(x, BAD_CAST "  ");
		domain(x, o, t);
		if (xmlTextWriterFlush(x) >= 0)
			*xml = strdup((const char *)xmlBufferContent(buffer));
		xmlFreeTextWriter(x);
	}
	xmlBufferFree(buffer);
	return *xml ? 0 : -ENOMEM;
}

static int number_of(xmlNode *node, const char *name, uint64_t max, uint64_t *out)
{
	char *text = (char *)xmlGetNoNsProp(node, BAD_CAST name), *stop;
	int rc = -EINVAL;

	if (text && *text >= '0' && *text <= '9') {
		errno = 0;
		*out = strtoull(text, &stop, 10);
		rc = !*stop && !errno && *out <= max ? 0 : -EINVAL;
	}
	xmlFree(text);
	return rc;
}

int vm_mark_parse(const char *xml, struct vm_mark *out)
{
	xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR |
				    XML_PARSE_NOWARNING);
	xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
	uint64_t icorp = 0;
	int rc = -EINVAL;

	memset(out, 0, sizeof(*out));
	if (root && !strcmp((const char *)root->name, "mark")) {
		char *leader = (char *)xmlGetNoNsProp(root, BAD_CAST "leader");

		if (leader && !addr_parse(leader, &out->key.leader) && !number_of(root, "icorp", UINT32_MAX, &icorp) &&
		    !number_of(root, "disk-mib", UINT64_MAX, &out->disk_mib))
			rc = 0;
		out->key.icorp = (uint32_t)icorp;
		out->whole = !number_of(root, "cpu-shares", UINT64_MAX, &out->cpu_shares) &&
			     !number_of(root, "memory-kib", UINT64_MAX, &out->memory_kib);
		xmlFree(leader);
	}
	xmlFreeDoc(doc);
	return rc;
}
