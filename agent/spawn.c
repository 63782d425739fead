/*
 * One application's process. Between fork and exec it does what may take long or go wrong (fetching the client's own
 * program, checking its SHA-256), so the agent's loop never waits. A close-on-exec pipe tells how it went: end of file
 * means exec succeeded; 'E' or 'R' and a text mean it gave up, or must never be run.
 *
 * The fetched file lies in a directory only we can enter; it is checked before every start, so a file changed after the
 * fetch is not run either.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/spawn.h"
#include "lib/addr.h"
#include "lib/http.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ---- environment ---- */

static int env_add(char **env, size_t *n, const char *name, const char *suffix, const char *value)
{
	char *text;

	if (asprintf(&text, "%s%s=%s", name, suffix, value) < 0)
		return -ENOMEM;
	/* names of services become parts of variables: upper case, dashes to underscores */
	for (char *p = text + strlen(name); *suffix && *p != '='; p++)
		*p = *p == '-' ? '_' : *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
	env[(*n)++] = text;
	return 0;
}

static int env_fill(char **env, const struct boot *boot)
{
	static const char *const kept[] = { "PATH", "HOME", "LANG", "TZ" };
	char text[32];
	size_t n = 0;
	int r = 0;

	for (unsigned i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		const char *value = getenv(kept[i]);

		if (value || !i)
			r |= env_add(env, &n, kept[i], "", value ? value : DEFAULT_PATH);
	}
	r |= env_add(env, &n, "ICORP_NAME", "", boot->name);
	snprintf(text, sizeof(text), "%u", boot->icorp);
	r |= env_add(env, &n, "ICORP_ID", "", text);
	r |= env_add(env, &n, "ICORP_ADDRESS", "", addr_text(boot->address, text));
	r |= env_add(env, &n, "ICORP_HOST", "", addr_text(boot->host, text));
	for (unsigned i = 0; i < boot->n_services; i++) {
		snprintf(text, sizeof(text), "%u", boot->service[i].port);
		if (!i)
			r |= env_add(env, &n, "ICORP_PORT", "", text);
		r |= env_add(env, &n, "ICORP_PORT_", boot->service[i].name, text);
	}
	if (getenv("ICORP_SOCKET"))
		r |= env_add(env, &n, "ICORP_SOCKET", "", getenv("ICORP_SOCKET"));
	return r;
}

char **spawn_env(const struct boot *boot)
{
	char **env = calloc(BOOT_MAX_SERVICES + 16, sizeof(*env));

	if (env && env_fill(env, boot)) {
		spawn_env_free(env);
		return NULL;
	}
	return env;
}

void spawn_env_free(char **env)
{
	for (size_t i = 0; env && env[i]; i++)
		free(env[i]);
	free(env);
}

/* ---- the client's own program ---- */

static int digest_is(int fd, const uint8_t want[SHA256_SIZE], char *got_hex)
{
	uint8_t got[SHA256_SIZE];

	if (lseek(fd, 0, SEEK_SET) < 0 || sha256_file(fd, got))
		return 0;
	hex_encode(got, sizeof(got), got_hex);
	return mac_equal(got, want, SHA256_SIZE);
}

static int cached(const char *path, const uint8_t want[SHA256_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), same;
	char hex[2 * SHA256_SIZE + 1];

	if (fd < 0)
		return 0;
	same = digest_is(fd, want, hex);
	close(fd);
	return same;
}

/* Downloads into the open file and checks it. */
static int fetch_into(const struct boot_app *app, int fd, char *why, size_t room)
{
	char text[SPAWN_REPORT], want[2 * SHA256_SIZE + 1], got[2 * SHA256_SIZE + 1] = "";
	int r = http_download(app->url, fd, SPAWN_MAX_SIZE, SPAWN_FETCH_MS, text, sizeof(text));

	if (r) {
		snprintf(why, room, "%.80s: %.60s", app->url, text);
		return r;
	}
	if (!digest_is(fd, app->sha256, got)) {
		hex_encode(app->sha256, SHA256_SIZE, want);
		snprintf(why, room, "SHA-256 is %.16s..., the contract says %.16s...", got, want);
		return -EKEYREJECTED;
	}
	return 0;
}

int spawn_fetch(const struct boot_app *app, const char *dir, char *path, size_t path_room, char *why, size_t room)
{
	char part[512];
	int fd, r;

	if ((mkdir(dir, 0700) && errno != EEXIST) || chmod(dir, 0700)) {
		snprintf(why, room, "%s: %s", dir, strerror(errno));
		return -errno;
	}
	if ((size_t)snprintf(path, path_room, "%s/%s", dir, app->name) >= path_room ||
	    (size_t)snprintf(part, sizeof(part), "%s/.%s.part", dir, app->name) >= sizeof(part))
		return -ENAMETOOLONG;
	if (cached(path, app->sha256))
		return 0;
	unlink(part);
	fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0700);
	if (fd < 0) {
		snprintf(why, room, "%s: %s", part, strerror(errno));
		return -errno;
	}
	r = fetch_into(app, fd, why, room);
	close(fd);
	if (!r && rename(part, path))
		r = -errno;
	if (r)
		unlink(part);
	return r;
}

/* ---- between fork and exec ---- */

static void give_up(int report, char kind, const char *why) __attribute__((noreturn));
static void give_up(int report, char kind, const char *why)
{
	char text[SPAWN_REPORT + 2];
	int n = snprintf(text, sizeof(text), "%c%s", kind, why);

	n = n < (int)sizeof(text) ? n : (int)sizeof(text) - 1;
	if (write(report, text, (size_t)n) != n)
		_exit(126); /* nobody listens: the exit status has to do */
	_exit(127);
}

static void fresh_process(int report)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* an agent that dies takes its applications along */
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null >= 0)
		dup2(null, 0);
	if (report > 3)
		close_range(3, (unsigned)report - 1, 0);
	close_range((unsigned)report + 1, ~0u, 0);
}

static void become(const struct boot_app *app, const struct spawn_dirs *dirs, char **env, int report)
	__attribute__((noreturn));
static void become(const struct boot_app *app, const struct spawn_dirs *dirs, char **env, int report)
{
	char path[512], why[SPAWN_REPORT] = "", *argv[BOOT_MAX_ARGS + 2] = { path };
	int r = 0;

	fresh_process(report);
	if (*app->url)
		r = spawn_fetch(app, dirs->private_, path, sizeof(path), why, sizeof(why));
	else if ((size_t)snprintf(path, sizeof(path), "%s/%s", dirs->apps, app->name) >= sizeof(path))
		r = -ENAMETOOLONG;
	if (r)
		give_up(report, r == -EKEYREJECTED ? 'R' : 'E', *why ? why : strerror(-r));
	for (unsigned i = 0; i < app->n_args; i++)
		argv[i + 1] = app->arg[i];
	if (chdir("/"))
		give_up(report, 'E', "can't enter /");
	execve(path, argv, env);
	snprintf(why, sizeof(why), "%.100s: %s", path, strerror(errno));
	give_up(report, 'E', why);
}

int spawn_app(const struct boot *boot, const struct boot_app *app, const struct spawn_dirs *dirs, pid_t *pid, int *report)
{
	char **env = spawn_env(boot);
	sigset_t all, before;
	int end[2], r;

	if (!env)
		return -ENOMEM;
	if (pipe2(end, O_CLOEXEC)) {
		r = -errno;
		spawn_env_free(env);
		return r;
	}
	fcntl(end[0], F_SETFL, O_NONBLOCK);
	sigfillset(&all); /* a signal to the child must not run our handlers there */
	sigprocmask(SIG_SETMASK, &all, &before);
	*pid = fork();
	r = *pid < 0 ? -errno : 0;
	if (!*pid)
		become(app, dirs, env, end[1]);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(end[1]);
	spawn_env_free(env);
	if (r)
		close(end[0]);
	else
		setpgid(*pid, *pid); /* here too: whoever comes first */
	*report = r ? -1 : end[0];
	return r;
}

enum spawn_report spawn_report(int report, char *why, size_t room)
{
	char text[SPAWN_REPORT + 2];
	ssize_t n = read(report, text, sizeof(text) - 1);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? SPAWN_PENDING : SPAWN_RUNNING;
	if (!n)
		return SPAWN_RUNNING;
	text[n] = '\0';
	snprintf(why, room, "%s", text + 1);
	return text[0] == 'R' ? SPAWN_REFUSED : SPAWN_GAVE_UP;
}
