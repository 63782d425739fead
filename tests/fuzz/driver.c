/*
 * Replays a corpus through a fuzz target in a normal build, where there is no libFuzzer: every file of the directories (or the
 * files) in argv, or without any of the target's own directory, tests/fuzz/corpus/NAME for fuzz_NAME. Each input is also given cut short
 * and with bytes changed, from a fixed seed: the same inputs on every run, so a failure can be had again.
 * The input at fault is the last one named when a target crashes.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_SIZE (1u << 20)
#define MAX_CUTS 64
#define CHANGES 128

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state = 0x9e3779b97f4a7c15u;

/* xorshift64* */
static uint32_t chance(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)(state * 0x2545f4914f6cdd1du >> 32);
}

/* Gives the target a block of exactly that size, so that ASan sees the first byte read too far. */
static void give(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		exit(1);
	if (size)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void give_damaged(uint8_t *data, size_t size)
{
	size_t step = size / MAX_CUTS + 1;

	for (size_t cut = 0; cut < size; cut += step)
		give(data, cut);
	for (int i = 0; size && i < CHANGES; i++) {
		size_t at = chance() % size;
		uint8_t was = data[at];

		data[at] = i % 2 ? (uint8_t)(was ^ 1u << chance() % 8) : (uint8_t)chance();
		give(data, size);
		if (i % 4) /* and sometimes leave it */
			data[at] = was;
	}
}

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(MAX_SIZE);
	size_t size;

	if (!f || !data) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	size = fread(data, 1, MAX_SIZE, f);
	fclose(f);
	fprintf(stderr, "%s (%zu bytes)\n", path, size);
	give(data, size);
	give_damaged(data, size);
	free(data);
	return 1;
}

static int run(const char *path)
{
	struct dirent **entry;
	struct stat st;
	int n, done = 0;

	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		return run_file(path);
	n = scandir(path, &entry, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, entry[i]->d_name);
		if (entry[i]->d_name[0] != '.')
			done += run(file);
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
	return done;
}

int main(int argc, char **argv)
{
	const char *name = program_invocation_short_name;
	char path[4096];
	int done = 0;

	give((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		done += run(argv[i]);
	if (argc == 1) {
		snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", SRCDIR, strncmp(name, "fuzz_", 5) ? name : name + 5);
		done = run(path);
	}
	printf("%d inputs, each whole, cut and changed\n", done);
	return !done; /* an empty corpus proves nothing */
}
