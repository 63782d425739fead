/*
 * The store on SQLite: one file, write-ahead log, prepared statements with bound parameters only (no text of a client
 * ever becomes SQL). All calls come from the event loop's thread and are short: a row in, a row out.
 *
 * The layout carries its number in user_version; layouts are upgraded one step at a time by the list below.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gatekeeper/store.h"

enum { PUT_ICORP, REMOVE_ICORP, EACH_ICORP, PUT_ELEMENT, EACH_ELEMENT, PUT_NAME, REMOVE_NAME, EACH_NAME, PUT_KEY,
       TRIM_KEYS, FIND_KEY, NEXT_ID, TOUCH_ID, BEGIN, COMMIT, ABORT, N_STATEMENTS };

static const char *const sql[N_STATEMENTS] = {
	[PUT_ICORP] = "INSERT INTO icorp (id, state, xml, posted_us, complete_us, detail) VALUES (?1,?2,?3,?4,?5,?6) "
		      "ON CONFLICT (id) DO UPDATE SET state=?2, xml=?3, posted_us=?4, complete_us=?5, detail=?6",
	[REMOVE_ICORP] = "DELETE FROM icorp WHERE id=?1",
	[EACH_ICORP] = "SELECT id, state, xml, posted_us, complete_us, detail FROM icorp ORDER BY id",
	[PUT_ELEMENT] = "INSERT INTO element (name, registration) VALUES (?1,?2) "
			"ON CONFLICT (name) DO UPDATE SET registration=?2",
	[EACH_ELEMENT] = "SELECT name, registration FROM element ORDER BY name",
	[PUT_NAME] = "INSERT INTO name (name, addresses, confirmed) VALUES (?1,?2,?3) "
		     "ON CONFLICT (name) DO UPDATE SET addresses=?2, confirmed=?3",
	[REMOVE_NAME] = "DELETE FROM name WHERE name=?1",
	[EACH_NAME] = "SELECT name, addresses, confirmed FROM name ORDER BY name",
	[PUT_KEY] = "INSERT INTO idempotency (client, key, digest, icorp) VALUES (?1,?2,?3,?4) "
		    "ON CONFLICT (client, key) DO UPDATE SET digest=?3, icorp=?4",
	[TRIM_KEYS] = "DELETE FROM idempotency WHERE rowid <= (SELECT max(rowid) FROM idempotency) - 10000",
	[FIND_KEY] = "SELECT icorp, digest FROM idempotency WHERE client=?1 AND key=?2",
	[NEXT_ID] = "SELECT next FROM counter WHERE name='icorp'",
	[TOUCH_ID] = "UPDATE counter SET next=next+1 WHERE name='icorp'",
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ABORT] = "ROLLBACK",
};

static const char *const layouts[] = {
	"CREATE TABLE icorp (id INTEGER PRIMARY KEY, state TEXT NOT NULL, xml TEXT NOT NULL, posted_us INTEGER NOT NULL,"
	" complete_us INTEGER NOT NULL, detail TEXT NOT NULL);"
	"CREATE TABLE element (name TEXT PRIMARY KEY, registration TEXT NOT NULL);"
	"CREATE TABLE name (name TEXT PRIMARY KEY, addresses TEXT NOT NULL, confirmed INTEGER NOT NULL);"
	"CREATE TABLE idempotency (client TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, icorp INTEGER NOT NULL,"
	" UNIQUE (client, key));"
	"CREATE TABLE counter (name TEXT PRIMARY KEY, next INTEGER NOT NULL);"
	"INSERT INTO counter VALUES ('icorp', 1);",
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *statement[N_STATEMENTS];
	int error;
	char why[200];
};

static int note(struct store *store, int rc)
{
	if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW) {
		store->error = 0;
		return 0;
	}
	snprintf(store->why, sizeof(store->why), "%s", sqlite3_errmsg(store->db));
	switch (rc & 0xff) {
	case SQLITE_FULL:
		store->error = -ENOSPC;
		break;
	case SQLITE_NOMEM:
		store->error = -ENOMEM;
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		store->error = -EBUSY;
		break;
	default:
		store->error = -EIO;
	}
	return store->error;
}

/* Runs a statement that yields no rows, and leaves it ready for the next time. */
static int finish(struct store *store, sqlite3_stmt *s)
{
	int err = note(store, sqlite3_step(s));

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return err;
}

static void bind_text(sqlite3_stmt *s, int at, const char *text)
{
	sqlite3_bind_text(s, at, text ? text : "", -1, SQLITE_TRANSIENT);
}

static const char *text_of(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	return text ? text : "";
}

static int layout_of(sqlite3 *db)
{
	sqlite3_stmt *s;
	int version = -1;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &s, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(s) == SQLITE_ROW)
		version = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	return version;
}

static int upgrade(struct store *store)
{
	int have = layout_of(store->db), want = (int)(sizeof(layouts) / sizeof(layouts[0]));

	if (have < 0)
		return note(store, sqlite3_errcode(store->db));
	if (have > want) {
		snprintf(store->why, sizeof(store->why), "made by a newer version (layout %d, this one knows %d)", have, want);
		return -ENOTSUP;
	}
	for (; have < want; have++) {
		char pragma[48];
		int rc;

		snprintf(pragma, sizeof(pragma), "PRAGMA user_version=%d", have + 1);
		rc = sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(store->db, layouts[have], NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(store->db, pragma, NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(store->db, "COMMIT", NULL, NULL, NULL);
		if (note(store, rc) < 0)
			return store->error;
	}
	return 0;
}

static int prepare(struct store *store)
{
	for (int i = 0; i < N_STATEMENTS; i++) {
		int rc = sqlite3_prepare_v3(store->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &store->statement[i],
					    NULL);

		if (note(store, rc) < 0)
			return store->error;
	}
	return 0;
}

int store_open(const char *path, struct store **out, char *why, size_t room)
{
	struct store *store = calloc(1, sizeof(*store));
	int err;

	if (!store)
		return -ENOMEM;
	err = note(store, sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL));
	if (!err) {
		sqlite3_busy_timeout(store->db, 2000);
		err = note(store, sqlite3_exec(store->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
					       "PRAGMA trusted_schema=OFF", NULL, NULL, NULL));
	}
	if (!err)
		err = upgrade(store);
	if (!err)
		err = prepare(store);
	if (err) {
		snprintf(why, room, "%s: %s", path, store->why);
		store_close(store);
		return err;
	}
	*out = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	for (int i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(store->statement[i]);
	sqlite3_close(store->db);
	free(store);
}

int store_next_icorp(struct store *store, uint32_t *id)
{
	sqlite3_stmt *s = store->statement[NEXT_ID];
	int rc = sqlite3_step(s), err = note(store, rc);

	if (!err && rc != SQLITE_ROW)
		err = -EIO;
	if (!err)
		*id = (uint32_t)sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return err ? err : finish(store, store->statement[TOUCH_ID]);
}

int store_icorp_put(struct store *store, const struct store_icorp *icorp)
{
	sqlite3_stmt *s = store->statement[PUT_ICORP];

	sqlite3_bind_int64(s, 1, icorp->id);
	bind_text(s, 2, icorp->state);
	bind_text(s, 3, icorp->xml);
	sqlite3_bind_int64(s, 4, (sqlite3_int64)icorp->posted_wall_us);
	sqlite3_bind_int64(s, 5, (sqlite3_int64)icorp->complete_us);
	bind_text(s, 6, icorp->detail);
	return finish(store, s);
}

int store_icorp_remove(struct store *store, uint32_t id)
{
	sqlite3_bind_int64(store->statement[REMOVE_ICORP], 1, id);
	return finish(store, store->statement[REMOVE_ICORP]);
}

int store_icorp_each(struct store *store, int (*each)(void *ctx, const struct store_icorp *icorp), void *ctx)
{
	sqlite3_stmt *s = store->statement[EACH_ICORP];
	int rc, err = 0;

	while (!err && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_icorp icorp = {
			.id = (uint32_t)sqlite3_column_int64(s, 0),
			.state = text_of(s, 1),
			.xml = text_of(s, 2),
			.posted_wall_us = (uint64_t)sqlite3_column_int64(s, 3),
			.complete_us = (uint64_t)sqlite3_column_int64(s, 4),
			.detail = text_of(s, 5),
		};

		err = each(ctx, &icorp);
	}
	if (!err)
		err = note(store, rc);
	sqlite3_reset(s);
	return err;
}

int store_element_put(struct store *store, const char *name, const char *registration)
{
	bind_text(store->statement[PUT_ELEMENT], 1, name);
	bind_text(store->statement[PUT_ELEMENT], 2, registration);
	return finish(store, store->statement[PUT_ELEMENT]);
}

int store_element_each(struct store *store, int (*each)(void *ctx, const char *name, const char *registration),
		       void *ctx)
{
	sqlite3_stmt *s = store->statement[EACH_ELEMENT];
	int rc, err = 0;

	while (!err && (rc = sqlite3_step(s)) == SQLITE_ROW)
		err = each(ctx, text_of(s, 0), text_of(s, 1));
	if (!err)
		err = note(store, rc);
	sqlite3_reset(s);
	return err;
}

int store_name_put(struct store *store, const struct store_name *name)
{
	sqlite3_stmt *s = store->statement[PUT_NAME];

	bind_text(s, 1, name->name);
	bind_text(s, 2, name->addresses);
	sqlite3_bind_int(s, 3, name->confirmed);
	return finish(store, s);
}

int store_name_remove(struct store *store, const char *name)
{
	bind_text(store->statement[REMOVE_NAME], 1, name);
	return finish(store, store->statement[REMOVE_NAME]);
}

int store_name_each(struct store *store, int (*each)(void *ctx, const struct store_name *name), void *ctx)
{
	sqlite3_stmt *s = store->statement[EACH_NAME];
	int rc, err = 0;

	while (!err && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_name name = {text_of(s, 0), text_of(s, 1), sqlite3_column_int(s, 2)};

		err = each(ctx, &name);
	}
	if (!err)
		err = note(store, rc);
	sqlite3_reset(s);
	return err;
}

int store_key_put(struct store *store, const struct store_key *key)
{
	sqlite3_stmt *s = store->statement[PUT_KEY];
	int err;

	bind_text(s, 1, key->client);
	bind_text(s, 2, key->key);
	bind_text(s, 3, key->digest);
	sqlite3_bind_int64(s, 4, key->icorp);
	err = finish(store, s);
	return err ? err : finish(store, store->statement[TRIM_KEYS]);
}

int store_key_find(struct store *store, const struct store_key *key, uint32_t *icorp, int *same)
{
	sqlite3_stmt *s = store->statement[FIND_KEY];
	int rc, err, found = 0;

	bind_text(s, 1, key->client);
	bind_text(s, 2, key->key);
	rc = sqlite3_step(s);
	err = note(store, rc);
	if (!err && rc == SQLITE_ROW) {
		*icorp = (uint32_t)sqlite3_column_int64(s, 0);
		*same = !strcmp(text_of(s, 1), key->digest);
		found = 1;
	}
	sqlite3_reset(s);
	return err ? err : found;
}

int store_begin(struct store *store)
{
	return finish(store, store->statement[BEGIN]);
}

int store_commit(struct store *store)
{
	return finish(store, store->statement[COMMIT]);
}

void store_abort(struct store *store)
{
	int error = store->error;

	finish(store, store->statement[ABORT]);
	store->error = error;
}

int store_health(const struct store *store, const char **why)
{
	*why = store->error ? store->why : "";
	return store->error;
}
