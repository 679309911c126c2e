#!/bin/sh
# Types one command on a machine that has nothing but Python, pip and make: what the README promises must hold there.
# usage: deploy/bare-machine.sh [COMMAND...]       without a command: make demo ONCE=1
#   deploy/bare-machine.sh make demo ONCE=1
#   deploy/bare-machine.sh make test
# The command runs in a fresh clone of the last commit: what is not committed is not there. As root on Debian the machine
# is a chroot of the same release with python3, python3-pip and make, in namespaces of its own. Elsewhere it is an empty
# home and a path of the programs that every system has. It is removed at the end, however that comes.
# How this machine reaches its package indexes (apt, pip, proxy, certificates, names) holds there too.
# BARE_PACKAGES="python3-venv ..." puts more packages on the machine; TMPDIR says where it lies (/var/tmp).
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- make demo ONCE=1

# what is passed on of this environment: how pip finds its index, proxies, certificates, and whether this is CI
passed="PIP_(INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|TRUSTED_HOST|CERT|CLIENT_CERT|PROXY|DEFAULT_TIMEOUT|RETRIES|CONFIG_FILE)"
passed="$passed|(http|https|all|no|HTTP|HTTPS|ALL|NO)_(proxy|PROXY)|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CI"

# essential packages of Debian bring these, and other systems have them too
everywhere="basename cat chmod cp cut date dirname env expand expr find grep head id ln ls mkdir mktemp mv rm sed sh
sleep sort tail tee touch tr uname wc xargs"

work=$(mktemp -d "${TMPDIR:-/var/tmp}/bare-machine.XXXXXX")
machine=$work/machine
running="" no_mounts=""

clean_up() {
    trap '' HUP INT TERM
    if [ -n "$running" ]; then
        # the first process of a namespace takes all others and the mounts with it
        first=$(cat "/proc/$running/task/$running/children" 2>/dev/null || true)
        # shellcheck disable=SC2086  # one process id
        kill -KILL ${first:-$running} 2>/dev/null || true
        wait "$running" 2>/dev/null || true
    fi
    # shellcheck disable=SC2086  # an option or none
    rm -rf $no_mounts "$work"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

say() {
    echo "bare machine: $*" >&2
}

of_system() {
    (. /etc/os-release && eval "echo \"\${$1:-}\"") 2>/dev/null
}

may_make_a_debian() {
    [ "$(id -u)" -eq 0 ] && [ "$(of_system ID)" = debian ] || return 1
    unshare --mount --pid --fork --mount-proc true 2>/dev/null || return 1
    command -v mmdebstrap >/dev/null && return
    say "installing mmdebstrap"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends mmdebstrap >/dev/null
}

# one line of sources.list for each component of Debian that this machine uses
archives() {
    # shellcheck disable=SC2016  # apt-get fills these in
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' 'Origin: Debian' | sort -u
}

# copies a path to the same place there, with what its links point to
copy_to_machine() {
    [ ! -e "$1" ] || tar -C / -chf - ".$1" | tar -C "$machine" -xf -
}

make_debian() {
    no_mounts=--one-file-system
    say "making a Debian $(of_system VERSION_CODENAME) with python3, python3-pip, make${BARE_PACKAGES:+, $BARE_PACKAGES}"
    [ -n "$(archives)" ] || apt-get update -qq
    apt-config dump | grep '^Acquire::' | grep -vE '::(IndexTargets|CompressionTypes|Changelogs)' >"$work/apt.conf"
    echo 'Acquire::Retries "3";' >>"$work/apt.conf"
    # a machine of minutes needs no manuals, and no file safe on the disk before the next
    # shellcheck disable=SC2086  # a list of packages
    archives | mmdebstrap --quiet --variant=minbase --aptopt="$work/apt.conf" --dpkgopt=force-unsafe-io \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --include="$(echo python3 python3-pip make ${BARE_PACKAGES:-} | tr ' ' ,)" \
        "$(of_system VERSION_CODENAME)" "$machine" -
    for path in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/xdg/pip "$HOME/.config/pip" "$HOME/.pip" \
        /usr/local/share/ca-certificates /etc/ssl/certs/ca-certificates.crt; do
        copy_to_machine "$path"
    done
}

# runs the words in the chroot; devices and the list of processes are there, other processes are not
in_debian() {
    # shellcheck disable=SC2016  # for the inner shell, which stays the first process and reaps
    exec unshare --mount --pid --ipc --fork --kill-child --mount-proc="$machine/proc" sh -euc '
        mount --rbind "$1" "$1" # so that / is a mount there, as on every machine
        cd "$1"
        mount --rbind /sys sys
        mount --rbind /dev dev
        mount -t tmpfs -o mode=1777 tmpfs dev/shm
        shift
        status=0
        chroot . "$@" || status=$?
        exit $status' sh "$machine" "$@"
}

make_scrubbed() {
    say "no chroot without root, Debian and namespaces: an empty home and a path of few programs instead"
    mkdir -p "$machine/bin" "$machine/root"
    for program in $everywhere make; do
        for folder in /usr/local/bin /bin /usr/bin; do
            [ ! -x "$folder/$program" ] || ln -sf "$folder/$program" "$machine/bin/$program"
        done
    done
    python=$("${PYTHON3:-python3}" -c 'import sys; print(sys._base_executable)')
    printf '#!/bin/sh\nexec "%s" "$@"\n' "$python" >"$machine/bin/python3"
    chmod +x "$machine/bin/python3"
}

if may_make_a_debian; then
    make_debian
    chrooted=in_debian home=/root path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    git clone --quiet --no-hardlinks . "$machine$home/lifeline"
else
    make_scrubbed
    chrooted="" home=$machine/root path=$machine/bin
    git clone --quiet --no-hardlinks . "$home/lifeline"
fi
say "$*"
# shellcheck disable=SC2016  # for the inner shell
set -- sh -c 'cd "$HOME/lifeline" && exec "$@"' sh "$@"
for name in $(env | sed -nE "s/^($passed)=.*/\1/p"); do
    eval "value=\$$name"
    case $value in
        /*) [ -z "$chrooted" ] || [ -e "$machine$value" ] || copy_to_machine "$value" ;;
    esac
    set -- "$name=$value" "$@"
done
# in the background, so that a signal ends it at once; a shell lets such programs ignore the keyboard's signals
signals=""
env --default-signal=INT true 2>/dev/null && signals=--default-signal=INT,QUIT
$chrooted env -i $signals PATH="$path" HOME="$home" "$@" &
running=$!
wait "$running" && status=0 || status=$?
running=""
exit $status
