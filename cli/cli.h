/*
 * The command-line tools as functions over streams, so that tests call them: `icorp` for the client inside an ISC,
 * `icorpctl` for the operator.
 */
#ifndef ICORP_CLI_CLI_H
#define ICORP_CLI_CLI_H

#include <stdio.h>

/* Exit statuses of `icorp more` and `less`; EXIT_ERROR for all errors of both tools. */
enum { EXIT_APPLIED = 0, EXIT_ERROR = 1, EXIT_USAGE = 2, EXIT_NOT_APPLIED = 3 };

/* The programs. They return the exit status. */
int icorp_tool(int argc, char **argv, FILE *out, FILE *err);
int icorpctl_tool(int argc, char **argv, FILE *out, FILE *err);

/* icorpctl gk …: argv[0] is "gk". format: enum writer_format. */
struct gk_options { const char *url, *token_file; int format, timeout_ms; };
int gk_tool(const struct gk_options *options, int argc, char **argv, FILE *out, FILE *err);
/* The lines of its help, without the leading "gk"; NULL-ended. Also for completion. */
extern const char *const gk_usage[];

/* icorpctl trace … and pcap …: argv[0] is that word. for_ms 0: until it is interrupted. */
#define TRACE_SOURCES 256
struct stream_options { const char *const *sockets; unsigned n_sockets; int json, for_ms; };
int pcap_tool(const struct stream_options *options, int argc, char **argv, FILE *out, FILE *err);
int trace_tool(const struct stream_options *options, int argc, char **argv, FILE *out, FILE *err);

#endif
