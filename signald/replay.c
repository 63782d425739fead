/* The replay window. See replay.h. */
#include <string.h>

#include "signald/replay.h"

static uint64_t *word_of(struct replay *replay, uint64_t sequence)
{
	return &replay->seen[sequence % REPLAY_WINDOW / 64];
}

void replay_open(struct replay *replay, uint64_t newest)
{
	replay->newest = newest;
	memset(replay->seen, 0xff, sizeof(replay->seen));
}

/* The places of the numbers skipped are those of numbers that just left the window. */
static void advance(struct replay *replay, uint64_t to)
{
	if (to - replay->newest >= REPLAY_WINDOW)
		memset(replay->seen, 0, sizeof(replay->seen));
	else
		for (uint64_t n = replay->newest + 1; n != to; n++)
			*word_of(replay, n) &= ~(1ull << n % 64);
	replay->newest = to;
}

enum replay_verdict replay_take(struct replay *replay, uint64_t sequence)
{
	uint64_t bit = 1ull << sequence % 64;

	if (sequence > replay->newest)
		advance(replay, sequence);
	else if (replay->newest - sequence >= REPLAY_WINDOW)
		return REPLAY_OLD;
	else if (*word_of(replay, sequence) & bit)
		return REPLAY_SEEN;
	*word_of(replay, sequence) |= bit;
	return REPLAY_FRESH;
}
