/*
 * A client's request in its three forms: XML, JSON of the same shape, and the browser's form. Pure.
 */
#ifndef ICORP_GATEKEEPER_REQUEST_H
#define ICORP_GATEKEEPER_REQUEST_H

#include "contracts/contract.h"
#include "gatekeeper/form.h"
#include "gatekeeper/problem.h"

/* Each fills *out (zeroed first); the caller ends it with contract_request_clear(). 0, or -EINVAL with *problem and
 * *out owning nothing. */
int request_from_xml(const char *text, size_t len, struct contract_request *out, struct problem *problem);
int request_from_json(const char *text, size_t len, struct contract_request *out, struct problem *problem);
/*
 * Fields: name, class, client, dns, image, servers (how many), server and access (repeated), service, protocol, port,
 * target (port at the servers), app (a known application's name), url and sha256 (the client's own), lifetime.
 */
int request_from_form(const struct form *form, struct contract_request *out, struct problem *problem);

#endif
