#!/bin/sh
# Unpack Asterisk 22 as Debian builds it, with the libraries it needs, into a folder of its own: nothing of the system is
# changed, and it runs on any Linux of the same processor. Done once; then it only says where it is.
#
#   deploy/asterisk/unpack.sh [FOLDER]     default: ~/.cache/order-hotline/asterisk-22
#
# The packages come from DEBIAN_MIRROR, or from the mirror apt uses, and are verified with Debian's archive keys. Debian
# has Asterisk in its suite sid only; DEBIAN_SUITE names another one that has it.
set -eu

folder=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/order-hotline/asterisk-22}
version=22
suite=${DEBIAN_SUITE:-sid}

runs() {
  set -- "$1" "$1"/usr/lib/*-linux-gnu*
  "$1"/usr/lib*/ld-linux*.so.* --library-path "$2" "$1/usr/sbin/asterisk" -V 2>/dev/null | grep "^Asterisk $version\."
}

mirror_of_apt() {
  apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 2>/dev/null |
    sed -n 's/^Debian Debian //p' | head -n 1
}

done_already() {
  found=$(runs "$folder") || return
  echo "$found is in $folder."
  exit 0
}

# First without the lock: where it is part of an image, nothing can be written.
done_already || true
# The parent folder is the lock's, so that two who start at once do not both unpack.
mkdir -p "$(dirname "$folder")"
exec 9>"$folder.lock"
flock 9
done_already || true
command -v mmdebstrap >/dev/null || {
  echo "Asterisk cannot be unpacked: mmdebstrap is not installed. Install it: apt-get install mmdebstrap" >&2
  exit 1
}
mirror=${DEBIAN_MIRROR:-$(mirror_of_apt)}
[ -n "$mirror" ] || {
  echo "Asterisk cannot be unpacked: apt knows no mirror of Debian. Set DEBIAN_MIRROR to the address of one." >&2
  exit 1
}

new="$folder.new"
rm -rf "$new"
echo "Unpacking Asterisk $version into $folder (about 270 MB; under a minute)"
# What sid signs is valid for a week only, and a mirror may be older than that.
mmdebstrap --quiet --variant=extract --mode="$([ "$(id -u)" -eq 0 ] && echo root || echo unshare)" \
  --aptopt='Acquire::Check-Valid-Until "false"' --include=asterisk "$suite" "$new" "$mirror"
for name in bin sbin lib lib64; do
  [ -e "$new/$name" ] || ln -s "usr/$name" "$new/$name"
done
found=$(runs "$new") || {
  echo "What $suite has is no Asterisk $version, or does not run here; $new is left to look at." >&2
  exit 1
}
rm -rf "$folder"
mv "$new" "$folder"
echo "$found is in $folder."
