/*
 * ISCs as Linux containers. The root is the image, read-only; RAM file systems where things are written; the session's
 * directory read-only at VM_BOOT_DIR. The ISC's root has only the capabilities that servers need. LXC insists on a console,
 * and a process blocks that writes to one that no one reads: what runs in an image has to log elsewhere (mkimage's starter
 * does).
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "adaptors/vm.h"
#include "adaptors/vm_writer.h"

#define RUN_KIB 16384u
#define TMP_KIB 65536u

/* A directory that is not this machine's own root. */
static int lxc_check_image(const struct vm_image *image, const char *init, char *why, size_t room)
{
	struct stat st, root;
	char path[4096];

	if (stat(image->path, &st) || !S_ISDIR(st.st_mode)) {
		snprintf(why, room, "image %.40s: no directory %.60s; testbed/mkimage makes one", image->name, image->path);
		return -ENOENT;
	}
	if (!stat("/", &root) && root.st_dev == st.st_dev && root.st_ino == st.st_ino) {
		snprintf(why, room, "image %.40s: this machine's own root is no image", image->name);
		return -EINVAL;
	}
	if (init && (snprintf(path, sizeof(path), "%s/%s", image->path, init) >= (int)sizeof(path) || lstat(path, &st))) {
		snprintf(why, room, "image %.40s has no %.60s", image->name, init);
		return -ENOENT;
	}
	return 0;
}

static void mount_dir(xmlTextWriter *x, const char *source, const char *target)
{
	start(x, "filesystem");
	attr(x, "type", "mount");
	start(x, "source");
	attr(x, "dir", source);
	end(x);
	start(x, "target");
	attr(x, "dir", target);
	end(x);
	start(x, "readonly");
	end(x);
	end(x);
}

static void mount_ram(xmlTextWriter *x, const char *target, uint64_t kib)
{
	start(x, "filesystem");
	attr(x, "type", "ram");
	start(x, "source");
	attr_uint(x, "usage", kib);
	attr(x, "units", "KiB");
	end(x);
	start(x, "target");
	attr(x, "dir", target);
	end(x);
	end(x);
}

static void lxc_os(void *xml, const struct vm_options *o, const struct adaptor_terms *t)
{
	static const char *const caps[] = { "chown", "dac_override", "fowner", "fsetid", "kill", "net_bind_service",
					    "setgid", "setuid", "sys_chroot" };
	xmlTextWriter *x = xml;

	start(x, "os");
	text_element(x, "type", "exe");
	text_element(x, "init", o->init);
	end(x);
	start(x, "features");
	start(x, "capabilities");
	attr(x, "policy", "deny");
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		start(x, caps[i]);
		attr(x, "state", "on");
		end(x);
	}
	end(x);
	end(x);
}

static void lxc_devices(void *xml, const struct vm_options *o, const struct adaptor_terms *t)
{
	struct adaptor_key key = { .icorp = t->icorp, .leader = t->leader };
	char name[VM_NAME], dir[4096];
	xmlTextWriter *x = xml;

	vm_domain_name(key, name);
	snprintf(dir, sizeof(dir), "%s/%s", o->state, name);
	mount_dir(x, vm_image_find(o, t->isc.spec.image)->path, "/");
	mount_ram(x, "/run", RUN_KIB);
	mount_ram(x, "/tmp", TMP_KIB);
	if (t->isc.spec.disk_mib)
		mount_ram(x, VM_DATA_DIR, t->isc.spec.disk_mib * 1024);
	mount_dir(x, dir, VM_BOOT_DIR);
	vm_xml_interface(x, t, NULL);
	start(x, "console");
	attr(x, "type", "pty");
	end(x);
}

const struct vm_hypervisor vm_lxc = {
	.scheme = "lxc", .domain_type = "lxc", .quota_param = VIR_DOMAIN_SCHEDULER_VCPU_QUOTA,
	.quota_elements = { "period", "quota" }, .dir_mode = 0700, .check_image = lxc_check_image, .write_os = lxc_os,
	.write_devices = lxc_devices,
};
