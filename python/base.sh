#!/bin/sh
# base.sh TAR: makes a root file system of Debian packages: Python with its whole
# standard library, compiled, and nothing else. It is the base of the workers' image
# where no registry can be reached. 50 MB, half a minute. As root or with user
# namespaces, on Debian and its offspring.
set -eu
tar=$1 suite=bookworm py=python3.11
if ! command -v mmdebstrap >/dev/null; then
	if [ "$(id -u)" != 0 ] || [ -n "${BUTFOR_NO_INSTALL:-}" ] || ! command -v apt-get >/dev/null; then
		echo 'base.sh: mmdebstrap is missing. Debian: apt-get install mmdebstrap' >&2
		exit 1
	fi
	echo 'base.sh: installing mmdebstrap' >&2
	# Where another apt is at work, this waits for it; update can't do so by itself.
	tries=60
	until apt-get update -qq; do
		[ $((tries -= 1)) -gt 0 ] || exit 1
		sleep 2
	done
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 mmdebstrap >/dev/null
fi
set --
for path in 'share/doc/*' 'share/man/*' 'share/locale/*' 'share/info/*' 'share/lintian/*' 'share/bash-completion/*' 'share/perl5/*' \
	'lib/*/gconv/*' "lib/$py/lib2to3/*" "lib/$py/idlelib/*" "lib/$py/pydoc_data/*" 'bin/dpkg*' 'sbin/dpkg*'; do
	set -- "$@" "--dpkgopt=path-exclude=/usr/$path"
done
# In variant extract no maintainer script runs, so nobody else compiles the library,
# and starts would take three times as long. Other hooks than these do not run either.
exec mmdebstrap --quiet --variant=extract --include="python3-minimal,lib$py-stdlib" "$@" \
	--extract-hook="chroot \"\$1\" /usr/bin/$py -S -E -m compileall -q --invalidation-mode unchecked-hash /usr/lib/$py" \
	--extract-hook='rm -rf "$1"/var/cache "$1"/var/lib/dpkg/info' "$suite" "$tar"
