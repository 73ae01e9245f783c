# A Debian tree with systemd, booted. Needs: work, tree, cache, suite, deb; skip().

container=

make_tree() {
    if [ ! -f "$cache" ]; then
        echo "a tree of $suite, for once: $cache"
        debootstrap --variant=minbase \
            --include=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,liburing2,libsystemd0,libstdc++6,procps,python3,init-system-helpers,bsdutils \
            $suite "$work/base" >"$work/debootstrap.log" 2>&1 ||
            skip "debootstrap: $(tail -1 "$work/debootstrap.log")"
        tar -C "$work/base" --numeric-owner -czf "$cache.new" .
        mv "$cache.new" "$cache"
        mv "$work/base" "$tree"
        return
    fi
    mkdir "$tree"
    tar -C "$tree" --numeric-owner -xf "$cache"
}

# Two models to merge: made on the outside, so that the tree needs no time of its own for it.
install_models() {
    dpkg-deb --fsys-tarfile "$deb" | tar -xf - -C "$work" ./usr/bin/dellad
    mkdir -p "$tree/var/lib/dellad/models"
    "$work/usr/bin/dellad" synth "$tree/var/lib/dellad/models/base" --shape demo --seed 1
    "$work/usr/bin/dellad" synth "$tree/var/lib/dellad/models/tune1" --shape demo --seed 2 \
        --base "$tree/var/lib/dellad/models/base" --scale 0.002
    # A merge of many models lasts long enough to be disturbed.
    local copy
    for copy in 2 3 4 5 6; do cp -al "$tree/var/lib/dellad/models/tune1" "$tree/var/lib/dellad/models/tune$copy"; done
    cp "$deb" "$tree/root/dellad.deb"
    cp "$here/probe.py" "$tree/usr/local/bin/probe"
    cp "$here/hf.py" "$tree/usr/local/bin/hf"
    chmod 755 "$tree/usr/local/bin/probe" "$tree/usr/local/bin/hf"
}

start_container() {
    systemd-nspawn --quiet --directory="$tree" --boot --register=no --keep-unit --console=pipe \
        </dev/null >"$work/console" 2>&1 &
    nspawn=$!
    for _ in $(seq 100); do
        container=$(pgrep -P "$nspawn" -x systemd || true)
        [ -z "$container" ] || break
        kill -0 "$nspawn" 2>/dev/null || skip "systemd-nspawn: $(tail -1 "$work/console")"
        sleep 0.1
    done
    [ -n "$container" ] || skip "systemd-nspawn starts no systemd"
    local state
    for _ in $(seq 300); do
        state=$(inside systemctl is-system-running 2>/dev/null || true)
        case $state in running | degraded) break ;; esac
        sleep 0.1
    done
    case $state in
    running | degraded) echo "booted: $(inside systemctl --version | head -1), kernel $(uname -r)" ;;
    *) skip "systemd in the container does not come up ($state)" ;;
    esac
}

# Runs a command in the container, as root and without a terminal.
inside() { nsenter -t "$container" -m -u -i -n -p -r -w -C -- "$@"; }

# Runs a shell command in the container as a user.
as() {
    local user=$1
    shift
    inside setpriv --reuid "$user" --regid "$user" --init-groups sh -c "$*"
}

stop_container() {
    [ -n "$container" ] || return 0
    # The container's init takes SIGRTMIN+4 for "power off".
    kill -s RTMIN+4 "$container" 2>/dev/null || true
    for _ in $(seq 100); do
        kill -0 "$nspawn" 2>/dev/null || break
        sleep 0.1
    done
    kill -9 "$container" 2>/dev/null || true
    wait "$nspawn" 2>/dev/null || true
}
