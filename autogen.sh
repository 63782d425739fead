#!/bin/sh
# Makes ./configure from configure.ac. Needs autoconf and automake.
cd "$(dirname "$0")" && exec autoreconf --install --force --warnings=all,no-portability
