/*
 * What tests/e2e/proxy_paths.sh needs at the ends: a server that says its name and whom it sees, a user that asks, and
 * a voice on a control socket.
 *
 *     proxy_helper serve tcp|udp ADDR PORT NAME
 *     proxy_helper ask tcp|udp ADDR PORT COUNT      one line per answer, "x" for none
 *     proxy_helper say SOCKET WORD...
 */
#include "config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/control.h"

static int open_socket(const char *protocol)
{
	int one = 1, fd = socket(AF_INET, strcmp(protocol, "udp") ? SOCK_STREAM : SOCK_DGRAM, 0);
	struct timeval tv = { 3, 0 };

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	return fd;
}

static struct sockaddr_in at(const char *addr, const char *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	inet_aton(addr, &sin.sin_addr);
	return sin;
}

static int serve(char **argv)
{
	struct sockaddr_in sin = at(argv[1], argv[2]), peer;
	int udp = !strcmp(argv[0], "udp"), fd = open_socket(argv[0]);
	struct timeval forever = { 0, 0 };
	char text[64];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof(forever));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) || (!udp && listen(fd, 64))) {
		perror("proxy_helper serve");
		return 1;
	}
	for (;;) {
		socklen_t len = sizeof(peer);
		int user = udp ? fd : accept(fd, (struct sockaddr *)&peer, &len);

		if (udp && recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&peer, &len) < 0)
			return 1;
		if (user < 0)
			return 1;
		int n = snprintf(text, sizeof(text), "%s %s\n", argv[3], inet_ntoa(peer.sin_addr));

		sendto(user, text, (size_t)n, MSG_NOSIGNAL, udp ? (struct sockaddr *)&peer : NULL, udp ? len : 0);
		if (!udp)
			close(user);
	}
}

static int ask(char **argv)
{
	struct sockaddr_in sin = at(argv[1], argv[2]);

	for (int i = atoi(argv[3]); i > 0; i--) {
		int fd = open_socket(argv[0]);
		char text[64];
		ssize_t n = -1;

		if (!connect(fd, (struct sockaddr *)&sin, sizeof(sin)) && send(fd, "?", 1, MSG_NOSIGNAL) == 1)
			n = recv(fd, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = '\0';
		fputs(n > 0 ? text : "x\n", stdout);
		close(fd);
	}
	return 0;
}

static int say(int argc, char **argv)
{
	char why[256] = "", *answer = control_call(argv[0], argc - 1, argv + 1, 5000, why, sizeof(why));

	puts(answer ? answer : why);
	free(answer);
	return answer ? 0 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "serve"))
		return serve(argv + 2);
	if (argc == 6 && !strcmp(argv[1], "ask"))
		return ask(argv + 2);
	if (argc >= 4 && !strcmp(argv[1], "say"))
		return say(argc - 2, argv + 2);
	fprintf(stderr, "usage: proxy_helper serve|ask tcp|udp ADDR PORT NAME|COUNT, or say SOCKET WORD...\n");
	return 2;
}
