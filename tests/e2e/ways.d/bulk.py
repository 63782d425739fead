#!/usr/bin/env python3
"""Packets for measuring.

    bulk.py receive PORT              takes what comes over TCP, from one after the other
    bulk.py send ADDRESS PORT BYTES   sends so much there, and prints the rate it was taken at, bit/s
    bulk.py flood ADDRESS PORT        UDP without end
"""
import socket
import sys
import time


def receive(port):
    with socket.create_server(("", port)) as s:
        while True:
            with s.accept()[0] as c:
                while c.recv(65536):
                    pass


def send(address, port, size):
    with socket.create_connection((address, port), 5) as s:
        began = time.monotonic()
        s.sendall(b"." * size)
        s.shutdown(socket.SHUT_WR)
        s.recv(1)  # the end: all has been taken
        print(int(size * 8 / (time.monotonic() - began)))


def flood(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while True:
        try:
            s.sendto(b"." * 1400, (address, port))
        except OSError:  # an ICMP error came back
            time.sleep(0.001)


{"receive": receive, "send": send, "flood": flood}[sys.argv[1]](*(int(a) if a.isdigit() else a for a in sys.argv[2:]))
