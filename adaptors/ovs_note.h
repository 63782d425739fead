/* The note by which our flows are known: ovs_flow.c writes it, ovs_parse.c reads it. */
#ifndef ICORP_ADAPTOR_OVS_NOTE_H
#define ICORP_ADAPTOR_OVS_NOTE_H

#define OVS_NOTE_MARK 0x49434d31u      /* "ICM1" */
#define OVS_NOTE_SIZE 22               /* mark, u8 kind, priority, u16 VLAN, u32 and u8 prefix, a zero, u64 digest */

#endif
