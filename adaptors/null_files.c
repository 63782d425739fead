/* The null technology's records (null_files.h). */
#include "config.h"

#include "adaptors/null_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/addr.h"

#define NAME_ROOM 48

static void name_of(struct adaptor_key key, char name[NAME_ROOM])
{
	char leader[ADDR_TEXT];

	snprintf(name, NAME_ROOM, "%u-%s.json", key.icorp, addr_text(key.leader, leader));
}

/* The reverse: 0, or -EINVAL for what we would have called something else. */
static int key_of(const char *name, struct adaptor_key *key)
{
	char leader[ADDR_TEXT], again[NAME_ROOM];

	if (sscanf(name, "%u-%15[0-9.].json", &key->icorp, leader) != 2)
		return -EINVAL;
	if (strlen(leader) && leader[strlen(leader) - 1] == '.')
		leader[strlen(leader) - 1] = '\0';      /* of ".json" */
	if (addr_parse(leader, &key->leader))
		return -EINVAL;
	name_of(*key, again);
	return strcmp(name, again) ? -EINVAL : 0;
}

void null_file_path(const char *dir, struct adaptor_key key, char path[NULL_PATH])
{
	char name[NAME_ROOM];

	name_of(key, name);
	snprintf(path, NULL_PATH, "%s/%s", dir, name);
}

static int save(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	int rc;

	if (!f)
		return -errno;
	rc = fputs(text, f) < 0 ? -EIO : 0;
	if (fclose(f) && !rc)
		rc = -errno;
	return rc;
}

int null_file_put(const char *dir, struct adaptor_key key, const char *text)
{
	char path[NULL_PATH], fresh[NULL_PATH + 4];

	null_file_path(dir, key, path);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	int rc = save(fresh, text);

	if (!rc && rename(fresh, path))
		rc = -errno;
	if (rc)
		unlink(fresh);
	return rc;
}

int null_file_says(const char *dir, struct adaptor_key key, const char *text)
{
	size_t len = strlen(text), got = 0;
	char path[NULL_PATH], *have = malloc(len + 1);
	FILE *f;

	null_file_path(dir, key, path);
	f = have ? fopen(path, "r") : NULL;
	if (f) {
		got = fread(have, 1, len + 1, f);
		fclose(f);
	}
	int same = f && got == len && !memcmp(have, text, len);

	free(have);
	return same;
}

int null_file_remove(const char *dir, struct adaptor_key key)
{
	char path[NULL_PATH];

	null_file_path(dir, key, path);
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

int null_files_each(const char *dir, void (*each)(void *ctx, struct adaptor_key key), void *ctx)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	struct adaptor_key key;

	if (!d)
		return -errno;
	while ((entry = readdir(d)))
		if (!key_of(entry->d_name, &key))
			each(ctx, key);
	closedir(d);
	return 0;
}
