/*
 * The operator's view: the commands `icorpctl` knows, and what they share. Everything is described once, through the
 * writer; who asks decides whether it is text, JSON or XML.
 */
#include <errno.h>
#include <stdlib.h>

#include "lib/loop.h"
#include "signald/audit.h"
#include "signald/capture.h"
#include "signald/show.h"
#include "signald/trace.h"

void show_addr(struct writer *w, const char *name, struct in_addr addr)
{
	char text[ADDR_TEXT];

	writer_str(w, name, addr.s_addr ? addr_text(addr, text) : "");
}

const char *show_port(const struct daemon *d, int port)
{
	return port >= 0 && port < (int)d->core_config.n_ports ? d->core_config.port[port].ifname : "-";
}

void show_ms(struct writer *w, const char *name, uint64_t at_us, uint64_t now_us)
{
	if (!at_us || at_us == UINT64_MAX)
		writer_str(w, name, "-");
	else
		writer_int(w, name, ((int64_t)at_us - (int64_t)now_us) / 1000);
}

int show_number(const char *text, uint64_t first, uint64_t last, uint64_t *out, struct control_reply *reply)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno && v >= first && v <= last) {
		*out = v;
		return 0;
	}
	control_fail(reply, "%.32s: must be a number from %llu to %llu", text, (unsigned long long)first,
		     (unsigned long long)last);
	return -EINVAL;
}

static const struct control_command commands[] = {
	{ "show status", "", "this controller, its gatekeeper and its adaptors", 0, 0, show_status },
	{ "show sessions", "[ID]", "the ICorps here, at most 10000 of them", 0, 1, show_sessions },
	{ "show path", "ID", "one ICorp: endpoints, next hops, what each hop granted", 1, 1, show_path },
	{ "path", "ID", "one ICorp hop by hop: each term, how it is enforced, what is used of it", 1, 1, show_hops },
	{ "show timers", "[N]", "the next N (20) deadlines", 0, 1, show_timers },
	{ "show ports", "", "capacity and what is reserved", 0, 0, show_ports },
	{ "show neighbours", "[ADDRESS]", "whom we speak to; of one, all counters", 0, 1, show_neighbours },
	{ "show counters", "", "messages and events since the start", 0, 0, show_counters },
	{ "show errors", "[N]", "the last N (256) errors, refusals and dropped datagrams", 0, 1, show_errors },
	{ "show l2", "", "the layer-2 map", 0, 0, show_l2 },
	{ "show routes", "", "the routes next hops are found by", 0, 0, show_routes },
	{ "show adaptors", "", "what is really there, as the adaptors read it back", 0, 0, show_adaptors },
	{ "show measure", "", "what is really used", 0, 0, show_measure },
	{ "audit", "", "compare what is there with what should be, now; show status says what was found", 0, 0, audit_command },
	{ "pcap", "", "the packets that are sent and received, as a stream", 0, 0, show_pcap },
	{ "trace", "ID [LEADER]", "follow one ICorp: messages, states, applies, demands and grants as they come", 1, 2, show_trace },
	{ 0 },
};

int show_open(struct daemon *d)
{
	return control_listen(loop_base(d->loop), d->config.control, commands, d, d->config.allow_warp, &d->control);
}

void show_close(struct daemon *d)
{
	show_adaptors_close(d);
	traces_close(d);
	capture_close(d);
	control_close(d->control);
}
