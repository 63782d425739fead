/*
 * See jobs.h. Chains 0..n-1 exist. A job belongs into the chain that its hash modulo 2·low names, or, while that one does
 * not exist yet, modulo low. When chain n comes, only the jobs of chain n-low have to be looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "signald/jobs.h"

#define FIRST_CHAINS 64

static size_t chain_of(const struct jobs *jobs, struct adaptor_key key)
{
	size_t i = (size_t)adaptor_key_hash(key) & (2 * jobs->low - 1);

	return i < jobs->n ? i : i - jobs->low;
}

static int same(struct adaptor_key a, struct adaptor_key b)
{
	return a.icorp == b.icorp && a.leader.s_addr == b.leader.s_addr;
}

struct job *jobs_find(const struct jobs *jobs, struct adaptor_key key)
{
	struct job *job = jobs->n ? jobs->chain[chain_of(jobs, key)] : NULL;

	while (job && !same(job->key, key))
		job = job->next;
	return job;
}

static int more_room(struct jobs *jobs)
{
	size_t room = jobs->room ? 2 * jobs->room : FIRST_CHAINS;
	struct job **grown = realloc(jobs->chain, room * sizeof(*grown));

	if (!grown)
		return 0;
	jobs->chain = grown;
	jobs->room = room;
	if (jobs->n)
		return 1;
	memset(grown, 0, FIRST_CHAINS * sizeof(*grown));
	jobs->n = jobs->low = FIRST_CHAINS;
	return 1;
}

/* One more chain. Without memory the chains become longer, which is not wrong. */
static void split(struct jobs *jobs)
{
	struct job **from;

	if (jobs->n == jobs->room && !more_room(jobs))
		return;
	from = &jobs->chain[jobs->n - jobs->low];
	jobs->chain[jobs->n++] = NULL;
	while (*from) {
		struct job *job = *from;
		size_t i = chain_of(jobs, job->key);

		if (i != jobs->n - 1) {
			from = &job->next;
			continue;
		}
		*from = job->next;
		job->next = jobs->chain[i];
		jobs->chain[i] = job;
	}
	if (jobs->n == 2 * jobs->low)
		jobs->low = jobs->n;
}

struct job *jobs_obtain(struct jobs *jobs, struct adaptor_key key)
{
	struct job *job = jobs_find(jobs, key);
	size_t i;

	if (job)
		return job;
	if (!jobs->n && !more_room(jobs))
		return NULL;
	job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	job->key = key;
	if (jobs->count >= jobs->n)
		split(jobs);
	jobs->count++;
	i = chain_of(jobs, key);
	job->next = jobs->chain[i];
	jobs->chain[i] = job;
	return job;
}

void jobs_forget(struct jobs *jobs, struct adaptor_key key)
{
	struct job *job = jobs_find(jobs, key), **at;

	if (!job)
		return;
	at = &jobs->chain[chain_of(jobs, key)];
	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	jobs->count--;
	free(job);
}

void jobs_clear(struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->n; i++) {
		while (jobs->chain[i]) {
			struct job *job = jobs->chain[i];

			jobs->chain[i] = job->next;
			free(job);
		}
	}
	free(jobs->chain);
	memset(jobs, 0, sizeof(*jobs));
}
