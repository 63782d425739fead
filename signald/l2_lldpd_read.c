/* A port as lldpd's library has it, as neighbours. See l2_lldpd_read.h. Strings and ids are whatever was in the frames. */
#include <lldp-const.h>
#include <lldpctl.h>
#include <stdio.h>
#include <string.h>

#include "signald/l2_lldpd_read.h"

static void read_text(lldpctl_atom_t *atom, lldpctl_key_t key, char *to, size_t room)
{
	const char *text = lldpctl_atom_get_str(atom, key);

	snprintf(to, room, "%s", text ? text : "");
}

static void read_id(lldpctl_atom_t *atom, lldpctl_key_t subtype, lldpctl_key_t key, struct l2_lldp_id *to)
{
	size_t len = 0;
	const uint8_t *id = lldpctl_atom_get_buffer(atom, key, &len);

	to->v[0] = (uint8_t)lldpctl_atom_get_int(atom, subtype);
	to->len = 1;
	if (!id || len > sizeof(to->v) - 1)
		return;
	memcpy(to->v + 1, id, len);
	to->len += len;
}

static void read_addresses(lldpctl_atom_t *chassis, struct l2_lldp_neighbour *to)
{
	lldpctl_atom_t *list = lldpctl_atom_get(chassis, lldpctl_k_chassis_mgmt), *one;

	if (!list)
		return;
	lldpctl_atom_foreach(list, one) {
		const char *text = lldpctl_atom_get_str(one, lldpctl_k_mgmt_ip);

		if (text && to->n_addr < NEXTHOP_ADDRESSES && !addr_parse(text, &to->addr[to->n_addr]) &&
		    to->addr[to->n_addr].s_addr)
			to->n_addr++;
	}
	lldpctl_atom_dec_ref(list);
}

static void read_neighbour(lldpctl_atom_t *from, const char *port, struct l2_lldp_neighbour *to)
{
	lldpctl_atom_t *chassis = lldpctl_atom_get(from, lldpctl_k_port_chassis);
	long capabilities;

	snprintf(to->port, sizeof(to->port), "%s", port);
	to->since_s = (uint64_t)lldpctl_atom_get_int(from, lldpctl_k_port_age);
	read_id(from, lldpctl_k_port_id_subtype, lldpctl_k_port_id, &to->its_port);
	read_text(from, to->its_port.v[0] == LLDP_PORTID_SUBTYPE_IFNAME ? lldpctl_k_port_id : lldpctl_k_port_descr,
		  to->port_name, sizeof(to->port_name));
	if (!chassis)
		return;
	read_id(chassis, lldpctl_k_chassis_id_subtype, lldpctl_k_chassis_id, &to->chassis);
	read_text(chassis, lldpctl_k_chassis_name, to->name, sizeof(to->name));
	capabilities = lldpctl_atom_get_int(chassis, lldpctl_k_chassis_cap_enabled);
	to->is_switch = capabilities > 0 && (capabilities & LLDP_CAP_BRIDGE) && !(capabilities & LLDP_CAP_ROUTER);
	read_addresses(chassis, to);
	lldpctl_atom_dec_ref(chassis);
}

void l2_lldpd_read(lldpctl_atom_t *port, struct l2_lldp_heard *heard)
{
	const char *name = lldpctl_atom_get_str(port, lldpctl_k_port_name);
	lldpctl_atom_t *neighbours = name ? lldpctl_atom_get(port, lldpctl_k_port_neighbors) : NULL, *one;

	if (!neighbours)
		return;
	lldpctl_atom_foreach(neighbours, one) {
		struct l2_lldp_neighbour *to =
			lldpctl_atom_get_int(one, lldpctl_k_port_protocol) == LLDPD_MODE_LLDP ? l2_lldp_add(heard) : NULL;

		if (to)
			read_neighbour(one, name, to);
	}
	lldpctl_atom_dec_ref(neighbours);
}
