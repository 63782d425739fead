/*
 * Who made a reservation may die for good: the kernel lets it lapse. A real icorp-signald is killed, its adaptor tc ends
 * with it; the element that classifies the ICorp's packets stays (the data plane outlives the
 * controller) until its timeout, and then nobody is left who could take it away but the kernel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/load/bench.h"
#include "lib/clock.h"

#define R_MS 1000
#define GOAL_S 9                /* (K + 0.5) · 1.5 · R in whole seconds, a quarter more, and one to look */
#define LOOK_US 100000

/* Are the ICorp's packets still classified in r1? */
static int classified(void)
{
	return !system("ip netns exec r1 nft list ruleset 2> /dev/null | grep 'comment \"icorp ' > /dev/null");
}

/* How long after the kill; -1: it was not there, went with its maker, or never went. */
static double lapse(struct rig *rig)
{
	uint64_t killed;

	if (!classified())
		return -1;
	process_kill(&rig->daemon[0]);
	killed = clock_now_us();
	usleep(R_MS * 1000);
	if (!classified())
		return -1;
	while (classified() && clock_now_us() < killed + 3 * GOAL_S * CLOCK_S)
		usleep(LOOK_US);
	return classified() ? -1 : (double)(clock_now_us() - killed) / 1e6;
}

void measure_lapse(void *ctx)
{
	struct report_row row = { .name = "lapses_after_s", .unit = "s", .goal = GOAL_S };
	struct bench *b = ctx;
	struct rig rig;

	b->adaptor = "adaptor tc { type = \"tc\" options = {\"link.in=10G\", \"link.out=10G\"} }";
	row.value = rig_start(&rig, b, 1, R_MS, bench_docs(b)) ? -1 : lapse(&rig);
	rig_stop(&rig);
	if (row.value < 0) {
		report_missing(&b->report, row.name, "it was not classified, or not for as long as it should");
		return;
	}
	snprintf(row.note, sizeof(row.note), "R = %d s; the controller is killed, its adaptor ends with it, the kernel takes it away", R_MS / 1000);
	report_add(&b->report, &row);
}
