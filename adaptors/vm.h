/*
 * What the files of the `vm` technology share (vm.c has the essay). Everything a domain of ours is known by is
 * derived from the session's key, so that nothing has to be remembered to find it again:
 *     domain name   icorp-<id>-<leader in hex>          interface  ic<id in hex>-<leader folded to 16 bits>
 *     directory     <state>/<domain name>/, mounted at VM_BOOT_DIR of the ISC
 *     mark          <mark icorp="…" leader="…" disk-mib="…"/> in our namespace, in the domain's metadata; with cpu-shares and
 *                   memory-kib, too, where it has the whole server
 * A domain without the mark is not ours, whatever it is called.
 */
#ifndef ICORP_ADAPTOR_VM_H
#define ICORP_ADAPTOR_VM_H

#include <libvirt/libvirt.h>
#include <net/if.h>
#include <sys/types.h>

#include "adaptors/protocol.h"

#define VM_XMLNS "urn:icorp:vm:1"
#define VM_BOOT_DIR "/run/icorp"       /* in the ISC */
#define VM_DATA_DIR "/data"            /* in the ISC: what `disk` buys */
#define VM_GATEWAY "169.254.1.1"       /* the host, seen from any ISC */
#define VM_QUOTA_PERIOD_US 100000
#define VM_NAME 32
#define VM_DISK_LEAVES_MIB 64          /* for boot.json and what was handled, of all ISCs */

struct vm_image { char name[CONTRACT_NAME]; char *path; };

/* The configured instance. Owned by the state. */
struct vm_options {
	char *uri, *state, *init;
	int kvm;                         /* by hardware; qemu only */
	int whole;                       /* one ICorp at a time, which has all of the server */
	struct vm_image *images; size_t n_images;
	uint64_t host_kib;               /* memory of the server, as last asked; 0: not yet */
	const struct vm_hypervisor *hv;
};

struct vm_mark {
	struct adaptor_key key;
	uint64_t disk_mib;
	int whole;                       /* it has the whole server; then: */
	uint64_t cpu_shares, memory_kib; /* the levels it began with, which stand for that */
};

/* The levels of a domain: as wanted, or as the hypervisor reports them. */
struct vm_levels {
	uint64_t cpu_shares, quota_us;   /* quota_us 0: no cap */
	uint64_t memory_kib, disk_mib;
	uint64_t block_weight;           /* wanted: follows from cpu_shares */
	int has_shares, has_quota, has_memory, has_block_weight;   /* it reports them at all */
	int balloon_works;               /* the guest has answered */
	uint64_t most_kib;               /* read: the balloon cannot give more; 0: no such bound */
};

/*
 * All that differs between hypervisors: vm_lxc.c, vm_qemu.c, and libvirt's test driver in vm_xml.c. Chosen by the URI's
 * scheme.
 */
struct vm_hypervisor {
	const char *scheme;              /* of the URI: "lxc" */
	const char *domain_type;         /* <domain type='…'> */
	const char *quota_param;         /* its scheduler parameter for all CPUs together; NULL: none */
	const char *quota_elements[2];   /* <cputune>'s elements for period and quota; NULL: leave <cputune> out */
	mode_t dir_mode;                 /* of the session's directory */
	int balloon;                     /* memory is what the guest's balloon leaves it, not a control group's limit */
	int guest_agent;                 /* there may be one inside */
	int disk_is_file;                /* `disk` is the file "disk" in the session's directory, not RAM */
	const char *memory_reason;       /* for the grant; NULL: memory is enforced */
	const char *cpu_reason;
	/* Whether the image can be used. init: the first process, to be looked for inside where that can be done; NULL: not
	 * now. 0 or -errno with a reason. NULL: no image is needed. */
	int (*check_image)(const struct vm_image *image, const char *init, char *why, size_t room);
	void (*write_os)(void *xml, const struct vm_options *o, const struct adaptor_terms *t); /* xml: an xmlTextWriter */
	void (*write_devices)(void *xml, const struct vm_options *o, const struct adaptor_terms *t);
};

extern const struct vm_hypervisor vm_lxc, vm_qemu;

/* NULL when no row serves the URI. */
const struct vm_hypervisor *vm_hypervisor_find(const char *uri);
const struct vm_image *vm_image_find(const struct vm_options *o, const char *name);

void vm_domain_name(struct adaptor_key key, char out[VM_NAME]);
/* The reverse. 0 or -EINVAL. */
int vm_domain_key(const char *name, struct adaptor_key *key);
void vm_ifname(struct adaptor_key key, char out[IFNAMSIZ]);
void vm_mac(struct in_addr address, char out[ETHER_TEXT]);

/* The domain for these terms, as XML the caller frees. 0, -ENOENT (image), -ENOMEM. */
int vm_domain_xml(const struct vm_options *o, const struct adaptor_terms *t, char **xml);
/* Its interface. model: the device a guest sees, whose inside it makes itself; NULL: the hypervisor makes the inside. */
void vm_xml_interface(void *xml, const struct adaptor_terms *t, const char *model);
/* Reads a mark back from metadata. 0 or -EINVAL. */
int vm_mark_parse(const char *xml, struct vm_mark *mark);

/* boot.json for the ISC's controller, as text the caller frees. NULL when out of memory. It holds a key. */
char *vm_boot_json(const struct adaptor_terms *t);
/* Makes the directory (with this mode) and puts boot.json there unless it already says so; *changed tells. 0 or -errno. */
int vm_files_write(const char *state, mode_t mode, const struct adaptor_terms *t, int *changed);
/* Makes the file "disk" there anew, empty, with its room reserved; what is left for others is not less than VM_DISK_LEAVES_MIB.
 * 0 or -errno. */
int vm_files_disk(const char *state, struct adaptor_key key, uint64_t mib);
/* Notes that the ISC of this directory was started / asks for it. */
int vm_files_set_started(const char *state, struct adaptor_key key);
int vm_files_started(const char *state, struct adaptor_key key);
/* What was done of its ISC's demands, by resource: noted before the levels change, read back; zeros when nothing is. */
int vm_files_set_handled(const char *state, struct adaptor_key key, const uint32_t handled[RESOURCE_MAX + 1]);
void vm_files_handled(const char *state, struct adaptor_key key, uint32_t handled[RESOURCE_MAX + 1]);
/* Removes the directory; one that is not there is fine. */
int vm_files_remove(const char *state, struct adaptor_key key);
/* What the mark of a domain for these terms says. */
struct vm_mark vm_mark_of(const struct vm_options *o, const struct adaptor_terms *t);
/* Calls each(ctx, key) for every directory of a session. 0 or -errno. */
int vm_files_each(const char *state, void (*each)(void *ctx, struct adaptor_key key), void *ctx);

/* The connection: made on demand, dropped when it breaks. */
struct vm_conn;
struct vm_conn *vm_conn_new(const char *uri);
void vm_conn_free(struct vm_conn *c);
/* The live connection, or NULL and -EAGAIN with a reason. */
virConnectPtr vm_conn_get(struct vm_conn *c, char *why, size_t room);
/* After a failed call: -EAGAIN when it is the connection that failed (it is dropped), otherwise the error's -errno;
 * why gets libvirt's words. */
int vm_conn_error(struct vm_conn *c, char *why, size_t room);
/* The libvirt calls from here on must end within a bound, or the process does (its controller starts another). */
void vm_bound(void);
void vm_unbound(void);

/* The session's running domain with our mark. 0 and *dom (free it) or *dom NULL when there is none; -EEXIST when the
 * name is taken by a domain that is not ours; or as vm_conn_error. */
int vm_find(struct vm_conn *c, struct adaptor_key key, virDomainPtr *dom, struct vm_mark *mark, char *why, size_t room);
/* Ends a domain. One that ended by itself meanwhile is fine. 0 or as vm_conn_error. */
int vm_destroy(struct vm_conn *c, virDomainPtr dom, char *why, size_t room);

/* Lets nothing in by the ISC's link but what comes from its own address; *changed: it was not so. 0, also where this machine
 * has no such link, or -errno with a reason. */
int vm_link_guard(struct adaptor_key key, int *changed, char *why, size_t room);

void vm_levels_wanted(const struct adaptor_terms *t, struct vm_levels *want);
/* As the hypervisor reports them; what it does not know stays 0. */
void vm_levels_read(const struct vm_hypervisor *hv, virDomainPtr dom, const struct vm_mark *mark,
		    struct vm_levels *have);
/* Changes what differs, reads back, and says in grants what became of each; result NULL: nobody asks, so neither is a guest
 * waited for. Returns how many changes it tried. */
unsigned vm_levels_apply(const struct vm_hypervisor *hv, virDomainPtr dom, const struct vm_mark *mark,
			 const struct vm_levels *want, struct adaptor_result *result);

/* A session this process applied: what audits repair levels from. */
struct vm_session { struct vm_session *next; struct adaptor_key key; struct vm_levels want; uint32_t handled[RESOURCE_MAX + 1]; };

extern const struct adaptor_ops adaptor_vm;

struct vm_state {
	struct vm_options options;
	struct vm_conn *conn;
	struct vm_session *sessions;
};

int vm_audit(void *state, const struct adaptor_key *keys, size_t n, unsigned *orphans, unsigned *repaired);
int vm_inventory(void *state, struct writer *w);
int vm_measure(void *state, struct writer *w);
int vm_show(void *state, struct writer *w);

#endif
