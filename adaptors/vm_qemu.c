/*
 * ISCs as virtual machines: a kernel and an initrd, without firmware, video or USB. An image is a directory with the files
 * `kernel` and `initrd`; the initrd's /init does what libvirt does for a container: file systems, the network, boot.json, and
 * at last the ISC's controller in its own place (testbed/mkvm makes such an image).
 *
 * boot.json holds a key, so it must be where the guest can read it and other users of this host cannot: not on the kernel's
 * command line, which is also QEMU's. It is a file of QEMU's firmware configuration device; only its path is on a command
 * line, and in the guest only root reads /sys/firmware/qemu_fw_cfg. QEMU reads it once, when it starts.
 *
 * The directory must be passable for the user that libvirt runs QEMU as (0711); the files in it are root's until libvirt
 * hands them over, and again afterwards.
 *
 * The CPU's shares and quota and the block weight are not in the XML: a host without the control groups would refuse all of
 * it. They are set, like any change of them, as soon as the domain is there (vm_levels.c).
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "adaptors/vm.h"
#include "adaptors/vm_writer.h"

#define FW_CFG_NAME "opt/icorp/boot.json"
/* A guest that panics reboots, and one that reboots is destroyed: a dead first process is a dead ISC, as in a container. */
#define CMDLINE "console=ttyS0 quiet panic=-1"
#define STATS_PERIOD_S 1
#define PATH_ROOM 4096

static int qemu_check_image(const struct vm_image *image, const char *init, char *why, size_t room)
{
	static const char *const files[] = { "kernel", "initrd" };
	char path[PATH_ROOM];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", image->path, files[i]);
		if (access(path, R_OK)) {
			snprintf(why, room, "image %.40s: no file %s in %.60s; testbed/mkvm makes one", image->name, files[i],
				 image->path);
			return -ENOENT;
		}
	}
	return 0;
}

static void file_of_image(xmlTextWriter *x, const char *element, const struct vm_image *image)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "%s/%s", image->path, element);
	text_element(x, element, path);
}

/* The path of a file in the session's directory. */
static const char *own_file(const struct vm_options *o, const struct adaptor_terms *t, const char *file, char *path,
			    size_t room)
{
	char name[VM_NAME];

	vm_domain_name(terms_key(t), name);
	snprintf(path, room, "%s/%s/%s", o->state, name, file);
	return path;
}

static void qemu_os(void *xml, const struct vm_options *o, const struct adaptor_terms *t)
{
	const struct vm_image *image = vm_image_find(o, t->isc.spec.image);
	xmlTextWriter *x = xml;
	char path[PATH_ROOM];

	start(x, "os");
	text_element(x, "type", "hvm");
	file_of_image(x, "kernel", image);
	file_of_image(x, "initrd", image);
	text_element(x, "cmdline", CMDLINE);
	end(x);
	start(x, "sysinfo");
	attr(x, "type", "fwcfg");
	start(x, "entry");
	attr(x, "name", FW_CFG_NAME);
	attr(x, "file", own_file(o, t, "boot.json", path, sizeof(path)));
	end(x);
	end(x);
	start(x, "features");
	empty(x, "acpi", NULL, NULL);
	end(x);
}

static void disk(xmlTextWriter *x, const char *path)
{
	start(x, "disk");
	attr(x, "type", "file");
	attr(x, "device", "disk");
	start(x, "driver");
	attr(x, "name", "qemu");
	attr(x, "type", "raw");
	end(x);
	empty(x, "source", "file", path);
	start(x, "target");
	attr(x, "dev", "vda");
	attr(x, "bus", "virtio");
	end(x);
	text_element(x, "serial", "icorp-data");
	end(x);
}

/* Where a guest agent listens, if the guest has one. */
static void agent_channel(xmlTextWriter *x)
{
	start(x, "channel");
	attr(x, "type", "unix");
	start(x, "target");
	attr(x, "type", "virtio");
	attr(x, "name", "org.qemu.guest_agent.0");
	end(x);
	end(x);
}

static void qemu_devices(void *xml, const struct vm_options *o, const struct adaptor_terms *t)
{
	xmlTextWriter *x = xml;
	char path[PATH_ROOM];

	start(x, "controller");
	attr(x, "type", "usb");
	attr(x, "model", "none");
	end(x);
	if (t->isc.spec.disk_mib)
		disk(x, own_file(o, t, "disk", path, sizeof(path)));
	vm_xml_interface(x, t, "virtio");
	empty(x, "serial", "type", "pty");
	agent_channel(x);
	start(x, "video");
	empty(x, "model", "type", "none");
	end(x);
	start(x, "memballoon");
	attr(x, "model", "virtio");
	start(x, "stats");
	attr_uint(x, "period", STATS_PERIOD_S);
	end(x);
	end(x);
	start(x, "rng");
	attr(x, "model", "virtio");
	start(x, "backend");
	attr(x, "model", "random");
	xmlTextWriterWriteString(x, BAD_CAST "/dev/urandom");
	end(x);
	end(x);
}

const struct vm_hypervisor vm_qemu = {
	.scheme = "qemu", .domain_type = "qemu", .quota_param = VIR_DOMAIN_SCHEDULER_GLOBAL_QUOTA, .dir_mode = 0711,
	.balloon = 1, .guest_agent = 1, .disk_is_file = 1, .check_image = qemu_check_image, .write_os = qemu_os,
	.write_devices = qemu_devices,
};
