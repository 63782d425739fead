/*
 * A small application for tests of the agent: listens on $ICORP_PORT at every address and answers everyone with a line.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	const char *port = getenv("ICORP_PORT");
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(port ? atoi(port) : 0)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1, c;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 8))
		return 1;
	while ((c = accept(fd, NULL, NULL)) >= 0) {
		if (write(c, "hello\n", 6) != 6)
			return 1;
		close(c);
	}
	return 1;
}
