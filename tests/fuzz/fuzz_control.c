/* A request line as a daemon reads it from its control socket, and the same bytes as an answer a client reads. */
#include <stdlib.h>
#include <string.h>

#include "lib/control_request.h"
#include "lib/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run(void *ctx, int argc, char **argv, struct writer *w, struct control_reply *reply)
{
	return 0;
}

static const struct control_command commands[] = {
	{ "show", "", "", 0, 0, run }, { "show sessions", "[ID]", "", 0, 1, run }, { 0 },
};

static void check_request(const char *line, size_t size)
{
	char why[128] = "", **argv, **again, *text;
	int argc, n, words;

	if (control_request_parse(line, size, &argc, &argv, why, sizeof(why))) {
		if (!*why)
			abort();
		return;
	}
	if (!control_find(commands, argc, argv, &words))
		control_unknown(commands, NULL, argc, argv, why, sizeof(why));
	text = control_request_text(argc, argv);
	if (!text || control_request_parse(text, strlen(text), &n, &again, why, sizeof(why)) || n != argc)
		abort();
	for (int i = 0; i < n; i++)
		if (strcmp(argv[i], again[i]))
			abort();
	control_argv_free(again);
	control_argv_free(argv);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[128], *result;

	check_request((const char *)data, size);
	free(control_event_parse((const char *)data, size));
	result = control_answer_parse((const char *)data, size, why, sizeof(why));
	for (int format = WRITER_TEXT; result && format <= WRITER_XML; format++) {
		char *text = writer_reformat(result, (enum writer_format)format);

		if (!text)
			abort();
		free(text);
	}
	free(result);
	return 0;
}
