/*
 * The handlers behind the routes in server.c, by the file they are in.
 */
#ifndef ICORP_GATEKEEPER_HANDLERS_H
#define ICORP_GATEKEEPER_HANDLERS_H

#include <stdint.h>

struct call;

/* api.c: clients and operators */
void api_icorps_post(struct call *call);
void api_icorps_list(struct call *call);
void api_icorp_get(struct call *call);
void api_icorp_contract(struct call *call);
void api_icorp_patch(struct call *call);
void api_icorp_delete(struct call *call);

/* For waits.c: ends a long poll. */
struct gatekeeper;
struct evhttp_request;
void api_waited(struct gatekeeper *gk, struct evhttp_request *request, uint32_t id);

/* info.c: what there is */
void info_classes(struct call *call);
void info_elements(struct call *call);
void info_l2(struct call *call);
void info_status(struct call *call);
void info_metrics(struct call *call);
void info_events(struct call *call);

/* registrar.c: elements */
void registrar_register(struct call *call);
void registrar_work(struct call *call);
void registrar_report(struct call *call);

/* pages.c: people */
void pages_index(struct call *call);
void pages_icorp(struct call *call);
void pages_file(struct call *call);
void pages_openapi(struct call *call);

#endif
