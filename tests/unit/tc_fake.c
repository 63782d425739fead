/* A kernel for the tc technology's tests (tc_fake.h). It reads the nftables commands it is given, line by line. */
#include "config.h"

#include "tc_fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adaptors/nftables.h"

struct fake_link *fake_link(struct fake *f, const char *ifname)
{
	for (size_t i = 0; i < f->n_links; i++)
		if (!strcmp(f->link[i].ifname, ifname))
			return &f->link[i];
	if (f->n_links == FAKE_LINKS)
		abort();
	struct fake_link *link = &f->link[f->n_links++];

	snprintf(link->ifname, sizeof(link->ifname), "%s", ifname);
	link->ifindex = (unsigned)f->n_links;
	return link;
}

static int fake_read_link(void *backend, struct tc_link *link, size_t n_pool, size_t *found)
{
	const struct fake_link *have = fake_link(backend, link->ifname);

	*found = 0;
	link->ifindex = have->ifindex;
	link->root = have->root;
	memcpy(link->fixed, have->class, sizeof(link->fixed));
	for (size_t i = TC_MINOR_FIRST; i < FAKE_CLASSES; i++) {
		if (have->class[i].present)
			*found = i - TC_MINOR_FIRST + 1;
		if (i - TC_MINOR_FIRST < n_pool)
			link->pool[i - TC_MINOR_FIRST] = have->class[i];
	}
	return 0;
}

static int do_op(struct fake *f, const struct tc_op *op)
{
	struct fake_link *link = fake_link(f, op->link->ifname);
	struct tc_class *class = &link->class[op->minor];

	if (op->kind == TC_OP_ROOT) {
		link->root = 1;
		return 0;
	}
	if (link->root != 1 || op->minor >= FAKE_CLASSES)
		return -ENOENT;
	if (op->kind == TC_OP_CLASS && f->fail_minor && op->minor == f->fail_minor && op->level.rate_bps > TC_IDLE_BPS)
		return -ENOBUFS;
	if (op->kind == TC_OP_CLASS) {
		class->present = 1;
		class->level = op->level;
		return 0;
	}
	if (!class->present)
		return -ENOENT;
	class->limit = op->limit;
	return 0;
}

static int fake_commit(void *backend, struct tc_op *ops, size_t n)
{
	struct fake *f = backend;

	for (size_t i = 0; i < n; i++) {
		struct tc_text t = { 0 };

		ops[i].error = do_op(f, &ops[i]);
		tc_op_text(&t, &ops[i]);
		if (ops[i].error)
			fprintf(f->out, "tc REFUSED %s", t.data);
		else if (ops[i].level.rate_bps != TC_IDLE_BPS || ops[i].session || n < 4)
			fprintf(f->out, "tc %s", t.data);
		tc_text_free(&t);
	}
	return 0;
}

static struct tc_element *find(struct fake *f, struct prefix p)
{
	for (size_t i = 0; i < f->n_elements; i++)
		if (f->element[i].prefix.addr.s_addr == p.addr.s_addr && f->element[i].prefix.len == p.len)
			return &f->element[i];
	return NULL;
}

void fake_drop_element(struct fake *f, struct prefix prefix)
{
	struct tc_element *e = find(f, prefix);

	if (e)
		*e = f->element[--f->n_elements];
}

static int add_element(struct fake *f, const char *line, struct prefix p)
{
	const char *comment = strstr(line, "comment \""), *class = strrchr(line, ':');
	struct tc_element *e = find(f, p);
	char text[64] = "";

	if (!e && f->n_elements == FAKE_ELEMENTS)
		abort();
	e = e ? e : &f->element[f->n_elements++];
	*e = (struct tc_element){ .prefix = p, .expires_s = 100 };
	if (comment)
		sscanf(comment, "comment \"%63[^\"]", text);
	e->ours = !nftables_comment_parse(text, &e->key);
	e->minor = (uint16_t)strtoul(class + 1, NULL, 16);
	return 0;
}

/* A line is a command, or one of the elements of the last one, up to "}". */
static int do_line(struct fake *f, const char *line, char *verb, unsigned *len)
{
	struct prefix p;
	char text[32];

	if (sscanf(line, "add map %*s icorp_tc class%u", len) == 1)
		f->maps |= TC_LENGTH(*len);
	if (strstr(line, " element "))
		return sscanf(line, "%7s element %*s icorp_tc class%u", verb, len) == 2 && f->maps & TC_LENGTH(*len) ? 0 : -EIO;
	if (line[0] != '\t')
		return 0;
	if (sscanf(line, " %31[0-9.]", text) != 1 || addr_parse(text, &p.addr))
		return -EINVAL;
	p.len = (uint8_t)*len;
	if (!strcmp(verb, "add"))
		return add_element(f, line, p);
	if (!find(f, p))
		return -EIO;
	fake_drop_element(f, p);
	return 0;
}

static int fake_nft(void *backend, const char *text, char *why, size_t room)
{
	struct fake *f = backend;
	struct fake *before = malloc(sizeof(*before));
	char *copy = strdup(text), *save = NULL, verb[8] = "";
	unsigned len = 0;
	int rc = f->fail_nft ? -EIO : 0;

	*before = *f;
	for (char *line = strtok_r(copy, "\n", &save); line && !rc; line = strtok_r(NULL, "\n", &save))
		rc = do_line(f, line, verb, &len);
	if (rc) {
		fprintf(f->out, "nft REFUSED\n");
		snprintf(why, room, "nftables: refused by the test");
		before->fail_nft -= before->fail_nft > 0;
		*f = *before;
	} else {
		fprintf(f->out, "nft {\n%s}\n", text);
	}
	free(before);
	free(copy);
	return rc;
}

static int fake_read_map(void *backend, const char *family, struct tc_element **elements, size_t *n)
{
	struct fake *f = backend;

	*n = f->n_elements;
	*elements = calloc(f->n_elements + 1, sizeof(**elements));
	memcpy(*elements, f->element, f->n_elements * sizeof(**elements));
	return 0;
}

static char *fake_rules(void *backend, const char *family)
{
	return NULL;
}

static unsigned fake_ifindex(void *backend, const char *ifname)
{
	return fake_link(backend, ifname)->ifindex;
}

static uint64_t fake_now_us(void *backend)
{
	return ((struct fake *)backend)->now_us;
}

const struct tc_backend fake_backend = {
	.read_link = fake_read_link,
	.commit = fake_commit,
	.nft = fake_nft,
	.read_map = fake_read_map, .rules = fake_rules,
	.ifindex = fake_ifindex,
	.now_us = fake_now_us,
};
