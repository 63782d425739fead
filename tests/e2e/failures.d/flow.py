#!/usr/bin/env python3
"""A UDP flow with sequence numbers: is any packet lost, and for how long does nothing come?

    flow.py receive PORT        says "N packets, M lost, at most T ms without one" when it gets "end", and when
    flow.py send ADDRESS PORT   a packet every 2 ms until it is ended by SIGTERM
"""
import signal
import socket
import sys
import time


def receive(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind(("", port))
    seen, highest, gap, last, holes = set(), None, 0.0, None, []
    while True:
        data = s.recv(2048)
        now = time.time()
        if data.startswith(b"end"):
            break
        n = int(data.split()[0])
        if highest is None:  # it may have begun before we listened
            highest = n - 1
        seen.add(n)
        if n > highest + 1:
            holes.append((now, n - highest - 1))
        highest = max(highest, n)
        gap = max(gap, now - last if last else 0.0)
        last = now
    lost = highest + 1 - min(seen) - len(seen) if seen else 0
    print(f"{len(seen)} packets, {lost} lost, at most {gap * 1000:.0f} ms without one")
    for at, n in holes:
        print(f"{n} late or lost at {time.strftime('%H:%M:%S', time.gmtime(at))}.{int(at * 1000) % 1000:03d}")
    sys.stdout.flush()
    sys.exit(lost > 0 or not seen)


def send(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    n = 0
    while not ended:
        try:
            s.sendto(b"%d %s" % (n, b"." * 200), (address, port))
        except OSError:  # no way there just now: lost
            pass
        n += 1
        time.sleep(0.002)
    for _ in range(20):
        s.sendto(b"end", (address, port))
        time.sleep(0.02)


if sys.argv[1] == "receive":
    receive(int(sys.argv[2]))
send(sys.argv[2], int(sys.argv[3]))
