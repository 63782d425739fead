/*
 * What a successor finds and what a stranger did: orphans, drift, what is somebody else's; and the questions, which change
 * nothing.
 */
#include "config.h"

#include "tests/conformance/conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/writer.h"

/* A successor's audit removes what no session wants, and leaves what one has not yet applied again. */
void check_orphans(void **state)
{
	struct instance *i = *state;
	unsigned orphans, repaired;
	char *empty = conform_see(i), *eight, *all;

	conform_applied(i, 8, 1);
	eight = conform_see(i);
	conform_applied(i, 7, 1);
	conform_applied(i, 9, 2);
	all = conform_see(i);
	conform_reopen(i);
	conform_audit(i, (uint32_t[]){ 7, 8, 9 }, 3, &orphans, &repaired);
	assert_int_equal(orphans, 0);
	conform_expect(i, all, "an audit before the sessions are applied again changed something");
	conform_applied(i, 8, 1);
	conform_audit(i, (uint32_t[]){ 8 }, 1, &orphans, &repaired);
	assert_int_equal(orphans > 0, strcmp(all, eight) != 0);
	conform_expect(i, eight, "an audit left orphans, or removed more");
	conform_audit(i, (uint32_t[]){ 8 }, 1, &orphans, &repaired);
	assert_int_equal(orphans, 0);
	assert_int_equal(repaired, 0);
	conform_reopen(i);
	conform_audit(i, NULL, 0, &orphans, &repaired);
	assert_true(orphans);
	conform_expect(i, empty, "an audit of nothing left something");
	free(empty);
	free(eight);
	free(all);
}

void check_foreign(void **state)
{
	struct instance *i = *state;
	unsigned orphans, repaired;
	char *before, *after;

	if (!i->subject->foreign)
		return;
	conform_must(i->subject->foreign);
	before = conform_see_foreign(i);
	assert_true(before[0]);
	conform_applied(i, 7, 1);
	conform_applied(i, 8, 2);
	assert_int_equal(conform_revoke(i, 8), 0);
	conform_audit(i, (uint32_t[]){ 7 }, 1, &orphans, &repaired);
	assert_int_equal(orphans, 0);
	conform_audit(i, NULL, 0, &orphans, &repaired);
	conform_reopen(i);
	conform_audit(i, NULL, 0, &orphans, &repaired);
	assert_int_equal(orphans, 0);
	after = conform_see_foreign(i);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void repairs(struct instance *i, const char *harm)
{
	unsigned orphans, repaired;
	char *before;

	conform_applied(i, 7, 1);
	conform_applied(i, 8, 1);
	before = conform_see(i);
	if (harm)
		conform_must(harm);
	else
		i->subject->hurt();
	conform_differs(i, before, "the harm did none");
	conform_audit(i, (uint32_t[]){ 7, 8 }, 2, &orphans, &repaired);
	conform_expect(i, before, harm ? harm : "an audit did not repair");
	if (!repaired)
		fail_msg("%s: %s: the audit repaired and did not say so", i->subject->name, harm);
	conform_audit(i, (uint32_t[]){ 7, 8 }, 2, &orphans, &repaired);
	assert_int_equal(orphans, 0);
	assert_int_equal(repaired, 0);
	assert_int_equal(conform_revoke(i, 7), 0);
	assert_int_equal(conform_revoke(i, 8), 0);
	free(before);
}

void check_drift(void **state)
{
	struct instance *i = *state;

	for (unsigned h = 0; h < CONFORM_HARMS && i->subject->harm[h]; h++)
		repairs(i, i->subject->harm[h]);
	if (i->subject->hurt)
		repairs(i, NULL);
}

/* The text of a query, without blanks. The caller frees. */
static char *ask(struct instance *i, int (*question)(void *, struct writer *))
{
	struct writer *w = writer_new();

	assert_int_equal(question(i->state, w), 0);
	char *json = writer_render(w, WRITER_JSON), *to = json;

	writer_free(w);
	assert_non_null(json);
	for (char *from = json; *from; from++)
		if (*from != ' ' && *from != '\n')
			*to++ = *from;
	*to = '\0';
	return json;
}

static int speaks_of(const char *json, unsigned icorp)
{
	char needle[32];

	snprintf(needle, sizeof(needle), "\"icorp\":%u,", icorp);
	return strstr(json, needle) != NULL;
}

void check_inventory(void **state)
{
	struct instance *i = *state;
	char *before, *json;

	if (!i->ops->inventory)
		return;
	for (unsigned n = 7; n < 10; n++)
		conform_applied(i, n, 1);
	assert_int_equal(conform_revoke(i, 8), 0);
	before = conform_see(i);
	conform_reopen(i);
	json = ask(i, i->ops->inventory);
	assert_int_equal(speaks_of(json, 7), 1);
	assert_int_equal(speaks_of(json, 8), 0);
	assert_int_equal(speaks_of(json, 9), 1);
	assert_non_null(strstr(json, "\"leader\":\"10.200.1.11\""));
	conform_expect(i, before, "an inventory changed something");
	free(json);
	free(before);
}

/* Questions, with and without something to tell, change nothing. */
void check_questions(void **state)
{
	struct instance *i = *state;
	int (*const questions[])(void *, struct writer *) = { i->ops->show, i->ops->measure, i->ops->ports };

	for (unsigned with = 0; with < 2; with++) {
		if (with)
			conform_applied(i, 7, 1);
		char *before = conform_see(i);

		for (size_t q = 0; q < sizeof(questions) / sizeof(questions[0]); q++)
			if (questions[q])
				free(ask(i, questions[q]));
		conform_expect(i, before, "a question changed something");
		free(before);
	}
}
