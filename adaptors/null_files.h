/*
 * The null technology's records, DIR/ICORP-LEADER.json: one per session, named so that no other file is taken for one.
 */
#ifndef ICORP_ADAPTOR_NULL_FILES_H
#define ICORP_ADAPTOR_NULL_FILES_H

#include "adaptors/adaptor.h"

#define NULL_PATH 4224

/* The record's path. */
void null_file_path(const char *dir, struct adaptor_key key, char path[NULL_PATH]);
/* Puts the text there: a new file renamed over the old one. 0 or -errno. */
int null_file_put(const char *dir, struct adaptor_key key, const char *text);
/* 1: the record says exactly this. */
int null_file_says(const char *dir, struct adaptor_key key, const char *text);
/* 0, also when there is none, or -errno. */
int null_file_remove(const char *dir, struct adaptor_key key);
/* Calls each(ctx, key) for every record. 0 or -errno. */
int null_files_each(const char *dir, void (*each)(void *ctx, struct adaptor_key key), void *ctx);

#endif
