#!/bin/sh
# Installs the real servers that the end-to-end tests start themselves, from Debian's package manager, if it may.
# Where it may not, it says so and ends well: the tests then skip with the reason (and fail where CI is set).
set -eu

# program, Debian package
needed="
mosquitto mosquitto
mosquitto_passwd mosquitto
mosquitto_pub mosquitto-clients
influxd influxdb
victoria-metrics victoria-metrics
vmalert victoria-metrics
bearerbox kannel
smsbox kannel
postgres postgresql
initdb postgresql
chromium chromium
chromedriver chromium-driver
openssl openssl
strace strace
systemd-analyze systemd
git git
mount mount
umount mount
"

PATH=$PATH:/usr/sbin:/usr/local/sbin
for folder in /usr/lib/postgresql/*/bin; do
    PATH=$PATH:$folder
done

missing=$(echo "$needed" | while read -r program package; do
    [ -z "$program" ] || command -v "$program" >/dev/null || echo " $package"
done | sort -u | tr -d '\n')
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "no apt-get here: the tests that need$missing are skipped"
    exit 0
fi
if [ "$(id -u)" -eq 0 ]; then
    root=""
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    root="sudo -n"
else
    echo "not root and no sudo without password: the tests that need$missing are skipped"
    echo "to have them: sudo apt-get install$missing"
    exit 0
fi

echo "installing$missing"
# the tests start every server themselves, on ports of their own: nothing may start by itself
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $root tee $policy >/dev/null
    $root chmod +x $policy
    trap '$root rm -f $policy' EXIT
fi
install() {
    $root env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 install -qq -y --no-install-recommends "$@" >/dev/null
}
$root apt-get update -qq || echo "apt-get update failed; trying with the lists at hand"
# shellcheck disable=SC2086  # a list of packages
if ! install $missing; then
    # one that this release does not have must not cost the others
    for package in $missing; do
        install "$package" || echo "$package cannot be installed: the tests that need it are skipped"
    done
fi
