#!/usr/bin/env python3
"""RSVP datagrams as an attacker has them: made up, or made of ones that were captured (a pcap file by tcpdump).

    datagrams.py KIND raw|udp TO COUNT [PCAP]

Sends COUNT datagrams of one kind to the controller at TO, over IP protocol 46 or to UDP port 3455. Those made of a captured
message are made of the last Path, alone or in a Bundle, and are sent with its own source address, so that they seem to come
from that neighbour.

    garbage    random bytes, of random lengths
    truncated  the captured one without its last object's last four bytes
    unsigned   the captured one without INTEGRITY, checksum and length right
    forged     the captured one with another refresh period: the checksum is right, the digest is not
    replayed   the captured one
    bundled    a forged and a replayed one in a Bundle
"""
import os, random, socket, struct, sys

HEADER, IP_HEADER, PATH, BUNDLE, INTEGRITY, TIME_VALUES = 8, 20, 1, 12, 4, 5


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data[: len(data) & ~1])) + (data[-1] << 8 if len(data) % 2 else 0)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def messages(message):
    """The message itself, or those in it if it is a Bundle."""
    if message[1:2] != bytes([BUNDLE]):
        yield message
        return
    at = HEADER
    while at + HEADER <= len(message):
        length = struct.unpack("!H", message[at + 6:at + 8])[0]
        yield message[at:at + length]
        at += max(length, HEADER)


def captured(file):
    """Source and RSVP message of the last whole Path in it; link types Ethernet and raw IP."""
    data, found, at = open(file, "rb").read(), None, 24
    order = "<" if data[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    link = {1: 14, 101: 0, 228: 0, 276: 20, 113: 16}[struct.unpack(order + "I", data[20:24])[0]]
    while at + 16 <= len(data):
        length = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        ip, at = data[at + 16 + link:at + 16 + length], at + 16 + length
        if len(ip) < IP_HEADER or ip[9] != 46:
            continue
        for message in messages(ip[(ip[0] & 15) * 4:struct.unpack("!H", ip[2:4])[0]]):
            if len(message) > HEADER and message[1] == PATH:
                found = (socket.inet_ntoa(ip[12:16]), message)
    if not found:
        sys.exit("datagrams.py: no Path in " + file)
    return found


def sealed(message):
    """With the length and checksum that belong to it."""
    message = message[:2] + b"\0\0" + message[4:6] + struct.pack("!H", len(message)) + message[8:]
    return message[:2] + struct.pack("!H", checksum(message)) + message[4:]


def without_integrity(message):
    length, kind = struct.unpack("!HB", message[HEADER:HEADER + 3])
    assert kind == INTEGRITY
    return sealed(message[:HEADER] + message[HEADER + length:])


def with_other_refresh(message):
    at = HEADER
    while at < len(message):
        length, kind = struct.unpack("!HB", message[at:at + 3])
        if kind == TIME_VALUES:
            return sealed(message[:at + 4] + struct.pack("!I", 3600000) + message[at + 8:])
        at += length
    raise ValueError("no TIME_VALUES")


def bundle(*parts):
    return sealed(struct.pack("!BBHBBH", 0x10, BUNDLE, 0, 63, 0, 0) + b"".join(parts))


MAKE = {"truncated": lambda m: m[:-4], "unsigned": without_integrity, "forged": with_other_refresh, "replayed": lambda m: m,
        "bundled": lambda m: bundle(with_other_refresh(m), m)}


def ip_packet(source, to, protocol, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, IP_HEADER + len(payload), random.randrange(65536), 0, 63, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(to))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def main(kind, transport, to, count, pcap=None):
    source, message = captured(pcap) if kind != "garbage" else ("0.0.0.0", b"")
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        for _ in range(int(count)):
            data = MAKE[kind](message) if kind in MAKE else os.urandom(random.randrange(1, 600))
            if transport == "udp":
                data = struct.pack("!HHHH", 3455, 3455, 8 + len(data), 0) + data
            s.sendto(ip_packet(source, to, 46 if transport == "raw" else 17, data), (to, 0))


if __name__ == "__main__":
    main(*sys.argv[1:])
