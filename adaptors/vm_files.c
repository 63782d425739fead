/*
 * The directory of an ISC, <state>/<domain name>/, which a container sees read-only as VM_BOOT_DIR:
 *     boot.json   what the ISC's controller needs to begin: whom to talk to with which key, and what to start. 0600;
 *                 always written beside and renamed, so that a reader never sees half.
 *     started     (empty) the ISC was started for what boot.json says. Without a domain that means: it has died, and
 *                 is not to be started again for the same. A changed boot.json takes the note away.
 *     handled     the last demand of each resource (its number) that was acted on, a line each: not to be acted on
 *                 again by another controller. Written before the levels change.
 *     disk        what the contract's `disk` buys, where that is a file.
 * It lives as long as the session: revoke removes it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "adaptors/vm.h"
#include "lib/writer.h"

#define BOOT_MAX (1u << 20)

static void hex(struct writer *w, const char *name, const uint8_t *data, size_t len)
{
	char text[2 * 32 + 1] = "";

	for (size_t i = 0; i < len && i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", data[i]);
	writer_str(w, name, text);
	explicit_bzero(text, sizeof(text));
}

static void addr(struct writer *w, const char *name, struct in_addr a)
{
	char text[ADDR_TEXT];

	writer_str(w, name, addr_text(a, text));
}

static struct in_addr own_control(const struct adaptor_terms *t)
{
	for (unsigned i = 0; i < t->n_endpoints; i++)
		if (t->endpoints[i].local)
			return t->endpoints[i].control;
	return (struct in_addr){ 0 };
}

static void services(struct writer *w, const struct adaptor_terms *t)
{
	writer_array(w, "services");
	for (unsigned i = 0; i < t->n_services; i++) {
		writer_object(w, NULL);
		writer_str(w, "name", t->services[i].name);
		writer_str(w, "protocol", t->services[i].protocol == SERVICE_UDP ? "udp" : "tcp");
		writer_uint(w, "port", t->services[i].target_port);
		writer_end(w);
	}
	writer_end(w);
}

static void apps(struct writer *w, const struct adaptor_terms *t)
{
	writer_array(w, "apps");
	for (unsigned i = 0; i < t->n_apps; i++) {
		const struct contract_app *a = &t->apps[i];

		writer_object(w, NULL);
		writer_str(w, "name", a->name);
		writer_str(w, "url", a->url[0] ? a->url : NULL);
		if (a->url[0])
			hex(w, "sha256", a->sha256, sizeof(a->sha256));
		else
			writer_str(w, "sha256", NULL);
		writer_array(w, "args");
		for (unsigned k = 0; k < a->n_args; k++)
			writer_str(w, NULL, a->arg[k]);
		writer_end(w);
		writer_end(w);
	}
	writer_end(w);
}

char *vm_boot_json(const struct adaptor_terms *t)
{
	struct writer *w = writer_new();
	char *text;

	if (!w)
		return NULL;
	writer_uint(w, "icorp", t->icorp);
	addr(w, "leader", t->leader);
	writer_uint(w, "revision", t->revision);
	writer_str(w, "name", t->name);
	addr(w, "endpoint", own_control(t));
	addr(w, "address", t->isc.address);
	addr(w, "host", t->isc.host);
	writer_uint(w, "port", t->isc.host_port);
	writer_uint(w, "key_id", t->isc.key_id);
	hex(w, "key", t->isc.key, sizeof(t->isc.key));
	services(w, t);
	apps(w, t);
	text = writer_render(w, WRITER_JSON);
	writer_free(w);
	return text;
}

/* The session's directory as a descriptor; -errno. create: with this mode, if it is not there; 0: do not. */
static int open_dir(const char *state, struct adaptor_key key, mode_t create)
{
	char name[VM_NAME];
	int top = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd, error;

	if (top < 0 && errno == ENOENT && create && !mkdir(state, create)) {
		top = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (top >= 0)
			fchmod(top, create);   /* whatever our umask is: a hypervisor that is not root passes through */
	}
	if (top < 0)
		return -errno;
	vm_domain_name(key, name);
	fd = create && mkdirat(top, name, create) && errno != EEXIST ? -1 :
	     openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (create && fd >= 0)
		fchmod(fd, create);
	error = errno;
	close(top);
	return fd < 0 ? -error : fd;
}

static int same(int dir, const char *text, size_t len)
{
	int fd = openat(dir, "boot.json", O_RDONLY | O_NOFOLLOW | O_CLOEXEC), equal = 0;
	char *old = malloc(len + 1);

	if (fd >= 0 && old) {
		size_t got = 0;
		ssize_t n;

		while (got <= len && (n = read(fd, old + got, len + 1 - got)) > 0)
			got += (size_t)n;
		equal = got == len && !memcmp(old, text, len);
	}
	if (old)
		explicit_bzero(old, len + 1);
	free(old);
	if (fd >= 0)
		close(fd);
	return equal;
}

/* Writes it under the name + ".new" and renames that. */
static int replace(int dir, const char *name, const char *text, size_t len)
{
	char fresh[32];
	int fd, rc = 0;

	snprintf(fresh, sizeof(fresh), "%s.new", name);
	fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < len && !rc;) {
		ssize_t n = write(fd, text + done, len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			rc = n ? -errno : -EIO;
	}
	if (close(fd) && !rc)
		rc = -errno;
	if (!rc && renameat(dir, fresh, dir, name))
		rc = -errno;
	if (rc)
		unlinkat(dir, fresh, 0);
	return rc;
}

int vm_files_write(const char *state, mode_t mode, const struct adaptor_terms *t, int *changed)
{
	struct adaptor_key key = { .icorp = t->icorp, .leader = t->leader };
	int dir = open_dir(state, key, mode), rc = 0;

	*changed = 0;
	if (dir < 0)
		return dir;
	char *text = vm_boot_json(t);

	if (!text || strlen(text) > BOOT_MAX) {
		rc = text ? -E2BIG : -ENOMEM;
	} else if (!same(dir, text, strlen(text))) {
		*changed = 1;
		unlinkat(dir, "started", 0);
		rc = replace(dir, "boot.json", text, strlen(text));
	}
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	close(dir);
	return rc;
}

/* Said before: posix_fallocate may fill the file system until it fails. */
static int has_room(int dir, uint64_t mib)
{
	struct statvfs fs;

	return fstatvfs(dir, &fs) || (uint64_t)fs.f_bavail * fs.f_frsize / (1024 * 1024) >= mib + VM_DISK_LEAVES_MIB;
}

int vm_files_disk(const char *state, struct adaptor_key key, uint64_t mib)
{
	int dir = open_dir(state, key, 0), fd, rc;

	if (dir < 0)
		return dir;
	unlinkat(dir, "disk", 0);
	if (!has_room(dir, mib)) {
		close(dir);
		return -ENOSPC;
	}
	fd = openat(dir, "disk", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	rc = fd < 0 ? -errno : -posix_fallocate(fd, 0, (off_t)(mib * 1024 * 1024));
	if (fd >= 0)
		close(fd);
	close(dir);
	return rc;
}

int vm_files_set_started(const char *state, struct adaptor_key key)
{
	int dir = open_dir(state, key, 0), fd, rc;

	if (dir < 0)
		return dir;
	fd = openat(dir, "started", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	rc = fd < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	close(dir);
	return rc;
}

int vm_files_started(const char *state, struct adaptor_key key)
{
	int dir = open_dir(state, key, 0), yes;

	if (dir < 0)
		return 0;
	yes = !faccessat(dir, "started", F_OK, AT_SYMLINK_NOFOLLOW);
	close(dir);
	return yes;
}

int vm_files_set_handled(const char *state, struct adaptor_key key, const uint32_t handled[RESOURCE_MAX + 1])
{
	int dir = open_dir(state, key, 0), at = 0, rc;
	char text[RESOURCE_MAX * 32];

	if (dir < 0)
		return dir;
	for (unsigned r = 1; r <= RESOURCE_MAX; r++)
		at += snprintf(text + at, sizeof(text) - (size_t)at, "%u %u\n", r, handled[r]);
	rc = replace(dir, "handled", text, (size_t)at);
	close(dir);
	return rc;
}

void vm_files_handled(const char *state, struct adaptor_key key, uint32_t handled[RESOURCE_MAX + 1])
{
	int dir = open_dir(state, key, 0), fd;
	unsigned r;
	uint32_t number;
	FILE *f;

	memset(handled, 0, (RESOURCE_MAX + 1) * sizeof(*handled));
	if (dir < 0)
		return;
	fd = openat(dir, "handled", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	close(dir);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	while (f && fscanf(f, "%u %u", &r, &number) == 2)
		if (r <= RESOURCE_MAX)
			handled[r] = number;
	if (f)
		fclose(f);
	else if (fd >= 0)
		close(fd);
}

int vm_files_remove(const char *state, struct adaptor_key key)
{
	static const char *const files[] = { "boot.json", "boot.json.new", "started", "handled", "handled.new", "disk" };
	char path[4096], name[VM_NAME];
	int dir = open_dir(state, key, 0);

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(dir, files[i], 0);
	close(dir);
	vm_domain_name(key, name);
	if (snprintf(path, sizeof(path), "%s/%s", state, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return rmdir(path) && errno != ENOENT ? -errno : 0;
}

int vm_files_each(const char *state, void (*each)(void *ctx, struct adaptor_key key), void *ctx)
{
	DIR *dir = opendir(state);
	struct dirent *entry;
	struct adaptor_key key;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir)))
		if (!vm_domain_key(entry->d_name, &key))
			each(ctx, key);
	closedir(dir);
	return 0;
}
