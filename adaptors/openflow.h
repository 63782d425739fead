/*
 * The part of OpenFlow 1.4 (ONF TS-012) and of Open vSwitch's extensions (nicira-ext.h) that we speak. All of it is in
 * network byte order on the wire; sizes are in bytes.
 */
#ifndef ICORP_ADAPTOR_OPENFLOW_H
#define ICORP_ADAPTOR_OPENFLOW_H

#define OF_VERSION 5                   /* 1.4: the first with bundles */
#define OF_HEADER 8                    /* version, type, length, xid */
#define OF_MATCH_ALIGN 8

/* 7.1: messages */
enum {
	OF_HELLO = 0, OF_ERROR = 1, OF_ECHO_REQUEST = 2, OF_ECHO_REPLY = 3, OF_FLOW_MOD = 14,
	OF_MULTIPART_REQUEST = 18, OF_MULTIPART_REPLY = 19, OF_BUNDLE_CONTROL = 33, OF_BUNDLE_ADD = 34,
};
#define OF_HELLO_BITMAP 1

/* 7.3.4.1: flow-mod */
enum { OF_FLOW_ADD = 0, OF_FLOW_DELETE = 3, OF_FLOW_DELETE_STRICT = 4 };
#define OF_NO_BUFFER 0xffffffffu
#define OF_ANY 0xffffffffu
#define OF_ALL_TABLES 0xff

/* 7.3.5: multipart */
enum { OF_MULTIPART_FLOW = 1, OF_MULTIPART_QUEUE = 5, OF_MULTIPART_PORT_DESC = 13 };
#define OF_MULTIPART_MORE 1
#define OF_FLOW_STATS 48               /* before the match */
#define OF_QUEUE_STATS 48              /* before its properties */
#define OF_PORT 40                     /* before its properties */

/* 7.3.9: bundles */
enum { OF_BUNDLE_OPEN = 0, OF_BUNDLE_OPENED = 1, OF_BUNDLE_COMMIT = 4, OF_BUNDLE_COMMITTED = 5 };
#define OF_BUNDLE_FLAGS 3              /* atomic, ordered */

/* 7.2.2: matches. Class, field and length as one number, without the mask bit. */
#define OF_MATCH_OXM 1
#define OXM(field, size) (0x80000000u | (field) << 9 | (size))
#define OXM_MASKED 0x100u
#define OXM_IN_PORT OXM(0u, 4)
#define OXM_ETH_DST OXM(3u, 6)
#define OXM_ETH_TYPE OXM(5u, 2)
#define OXM_VLAN_VID OXM(6u, 2)
#define OXM_VLAN_PCP OXM(7u, 1)
#define OXM_IPV4_DST OXM(12u, 4)
#define OXM_ARP_TPA OXM(23u, 4)
#define OF_VLAN_PRESENT 0x1000
#define OF_VLAN_ID 0x0fff

/* 7.2.4, 7.2.5: instructions and actions */
enum { OF_GOTO_TABLE = 1, OF_APPLY_ACTIONS = 4 };
enum { OF_OUTPUT = 0, OF_PUSH_VLAN = 17, OF_POP_VLAN = 18, OF_SET_QUEUE = 21, OF_SET_FIELD = 25, OF_EXPERIMENTER = 0xffff };

/* nicira-ext.h: actions, and fields for them */
#define NX_VENDOR 0x00002320u
enum { NX_NOTE = 8, NX_LEARN2 = 45 };
#define NX_ACTION 10                   /* type, length, vendor, subtype */
#define NXM_IN_PORT 0x00000002u
#define NXM_ETH_DST 0x00000206u
#define NXM_ETH_SRC 0x00000406u
#define NXM_VLAN_TCI 0x00000802u
#define NX_LEARN_IMMEDIATE (1u << 13)
#define NX_LEARN_MATCH (0u << 11)
#define NX_LEARN_LOAD (1u << 11)
#define NX_LEARN_OUTPUT (2u << 11)

#endif
