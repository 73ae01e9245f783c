# The checks, in the order of their numbers. Each fails by its exit status; what it prints is shown.

spool=/var/lib/dellad/spool
output=/var/lib/dellad/output

lint_package() {
    dpkg-deb --info "$deb" | grep -E 'Version|Depends|Installed' | sed 's/^/  /'
    if command -v lintian >/dev/null; then
        local found
        found=$(lintian --allow-root --fail-on error --tag-display-limit 0 "$deb" 2>&1) || {
            echo "$found"
            die "lintian finds errors"
        }
        printf '%s\n' "$found" | sed '/^$/d;s/^/  lintian: /'
        echo "  lintian: no errors"
    else
        echo "  lintian is not here: not linted"
    fi
}

die() {
    echo "$*" >&2
    return 1
}

# until_true SECONDS COMMAND...
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || die "not within time: $*" || return 1
        sleep 0.05
    done
}

# The command must not succeed.
fails() {
    if "$@" >/dev/null 2>&1; then die "should have failed: $*"; fi
}

# journal_says TEXT [ARGUMENT...]: whether the journal of the unit has a line with that text. Read whole first: a grep
# that stops at its first match would fail the pipeline by the SIGPIPE of journalctl.
journal_says() {
    local text=$1 lines
    shift
    lines=$(inside journalctl -u dellad --no-pager -o cat "$@")
    grep -qF -- "$text" <<<"$lines"
}

main_pid() { inside systemctl show -P MainPID dellad; }
property() { inside systemctl show -P "$1" dellad; }
exists() { inside test -e "$1"; }
# Of a report its figures: it says its job's name.
sums() {
    inside sh -c "cd $output/$1 && sha256sum *.safetensors *.json config.json | grep -v -e ' dellad.json' -e ' report.json'
        grep -v '^  \"title\"' report.json | sha256sum"
}
fraction() { inside sed -n 's/.*"fraction": *\([0-9.]*\).*/\1/p' "$spool/status/$1.json" 2>/dev/null; }
is_past() { awk -v a="$(fraction "$1")" -v b="$2" 'BEGIN {exit !(a != "" && a > b && a < 1)}'; }

# The journal says that 100 MB of the output are on the disk (it does so every 5 s or 256 MiB), and the merge
# goes on.
is_durable() {
    local through
    through=$(inside sed -n 's/.*"through": *\([0-9]*\).*/\1/p' "$output/.$1.journal" | tail -1)
    [ "${through:-0}" -ge 100000000 ] && is_past "$1" 0
}
resumptions() { inside sed -n 's/.*"resumed": *\([0-9]*\).*/\1/p' "$spool/status/$1.json"; }

# config NAME TERMS: a config with as many models, dropped by alice as she would.
config() {
    {
        printf 'base_model: base\nmerge_method: della\ndtype: bfloat16\nmodels:\n'
        for term in $(seq "$2"); do
            printf '  - model: tune%s\n    parameters: {density: 0.5, epsilon: 0.1, weight: 0.%s}\n' "$term" "$term"
        done
    } | inside sh -c "cat >/home/alice/$1.yml && chown alice:alice /home/alice/$1.yml"
}
drop() {
    config "$1" "$2"
    as alice "umask 027; cp ~alice/$1.yml $spool/incoming/"
}

check_01_the_package_installs_and_nothing_starts_by_itself() {
    inside dpkg --install /root/dellad.deb
    inside chown -R dellad:dellad /var/lib/dellad/models
    [ "$(inside systemctl is-active dellad || true)" = inactive ]
    [ "$(inside systemctl is-enabled dellad || true)" = disabled ]
    [ "$(inside stat -c '%a %U %G' $spool/incoming $spool/failed $spool/status | sort -u | tr '\n' ',')" = \
        "3770 dellad dellad,750 dellad dellad," ]
    inside useradd --create-home --groups dellad alice
    inside useradd --create-home mallory
    # One thread, so that a merge lasts long enough to be disturbed.
    inside sh -c 'echo DELLAD_THREADS=1 >/etc/default/dellad; echo DELLAD_SIMD=baseline >>/etc/default/dellad'
}

check_02_verify_is_clean_and_the_security_score_is_at_most_0_8() {
    local units=/usr/lib/systemd/system
    local complaints
    complaints=$(inside systemd-analyze verify --man=no $units/dellad.service $units/dellad@.service \
        $units/dellad-fetch.service $units/dellad-fetch@.service $units/dellad-fetch.path $units/dellad-fetch@.path 2>&1 || true)
    [ -z "$complaints" ] || die "$complaints"
    local score
    score=$(inside systemd-analyze security --no-pager dellad | sed -n 's/.*exposure level for [^:]*: \([0-9.]*\).*/\1/p')
    echo "security score $score"
    awk -v s="$score" 'BEGIN {exit !(s != "" && s <= 0.8)}'
}

check_03_enable_now_becomes_active_after_READY() {
    inside systemctl enable --now dellad
    [ "$(property ActiveState)" = active ]
    [ "$(property Type)" = notify ]
    # No piece of a model in a core or in swap, and no number of failures after which it stays down.
    [ "$(property LimitCORE)" = 0 ]
    [ "$(property MemorySwapMax)" = 0 ]
    [ "$(property StartLimitIntervalUSec)" = 0 ]
    [ "$(property RestartPreventExitStatus)" = "64 75 78" ]
    [ "$(inside stat -c %a $spool/.dellad.lock $output/.dellad.lock | sort -u)" = 600 ]
    as alice 'dellad status 2>&1 | (! grep -q "no daemon")'
    until_true 5 sh -c "[ -n '$(property StatusText)' ]"
    exists /run/dellad/metrics.prom
    [ "$(inside stat -c %a /run/dellad/metrics.prom)" = 644 ]
    as mallory 'grep -q "^dellad_info" /run/dellad/metrics.prom'
}

check_04_a_config_of_a_group_member_is_merged_and_the_status_tells_how_far() {
    drop plain 6
    local seen='' ring=''
    local deadline=$((SECONDS + 120))
    until exists $spool/done/plain.yml; do
        [ $SECONDS -lt $deadline ] || die "not merged"
        exists $spool/failed/plain.yml && die "failed: $(inside cat $spool/failed/plain.error.txt)"
        local text
        text=$(inside systemctl status dellad --no-pager | sed -n 's/^ *Status: //p')
        case $text in
        *"merging plain: "[1-9]*%*ETA*)
            seen=$text
            # Near the end the ring is gone while the status still stands.
            ! inside sh -c "ls -l /proc/$(main_pid)/fd | grep -q io_uring" 2>/dev/null || ring=used
            ;;
        esac
        sleep 0.1
    done
    [ -n "$seen" ] || die "systemctl status showed no progress"
    echo "systemctl status: $seen"
    [ "$ring" = used ] || die "io_uring was not used: $(inside journalctl -u dellad --no-pager | grep -i uring)"
    as alice "cat $output/plain/config.json >/dev/null; dellad status plain >/dev/null; dellad verify $output/plain"
    [ "$(inside stat -c %a $output/plain)" = 750 ]
    sums plain >"$work/plain.sums"
    inside cat /run/dellad/metrics.prom | grep 'finished_total{outcome="done"} 1'
}

check_05_others_can_neither_drop_nor_read() {
    fails as mallory "touch $spool/incoming/x.yml"
    fails as mallory "ls $output"
}

check_06_kill_9_restarts_and_the_job_completes_with_identical_bytes() {
    drop killed 6
    until_true 60 is_durable killed
    local pid at
    at=$(fraction killed)
    pid=$(main_pid)
    inside kill -9 "$pid"
    until_true 20 different_pid "$pid"
    until_true 120 exists $spool/done/killed.yml
    sums killed | diff - "$work/plain.sums"
    [ "$(property NRestarts)" = 1 ]
    [ "$(resumptions killed)" = 1 ]
    echo "killed at $at"
}
different_pid() { local now; now=$(main_pid); [ "$now" != "$1" ] && [ "$now" != 0 ] && [ "$(property ActiveState)" = active ]; }

check_07_a_stop_during_a_merge_takes_under_10_s_and_the_next_start_resumes() {
    drop stopped 6
    until_true 60 is_durable stopped
    local begun took
    begun=$(date +%s%N)
    inside systemctl stop dellad
    took=$((($(date +%s%N) - begun) / 1000000))
    echo "stopped in $took ms, at $(fraction stopped)"
    [ $took -lt 10000 ]
    [ "$(property Result)" = success ]
    exists $spool/active/stopped.yml
    inside systemctl start dellad
    until_true 120 exists $spool/done/stopped.yml
    sums stopped | diff - "$work/plain.sums"
    [ "$(resumptions stopped)" = 1 ]
}

check_08_a_stopped_process_is_restarted_by_the_watchdog_which_does_not_count_as_a_crash() {
    inside sh -c 'mkdir -p /etc/systemd/system/dellad.service.d
        printf "[Service]\nWatchdogSec=4s\n" >/etc/systemd/system/dellad.service.d/watchdog.conf'
    inside systemctl daemon-reload
    inside systemctl restart dellad
    drop frozen 6
    until_true 60 is_past frozen 0.1
    local pid
    pid=$(main_pid)
    inside kill -STOP "$pid"
    local begun=$SECONDS
    until_true 40 different_pid "$pid"
    echo "restarted $((SECONDS - begun)) s after SIGSTOP"
    until_true 10 journal_says 'Watchdog timeout'
    until_true 120 exists $spool/done/frozen.yml
    sums frozen | diff - "$work/plain.sums"
    fails inside grep -q . $spool/active/.frozen.crashes
    fails inside grep -rq 'crashed' $spool/failed
    inside rm -r /etc/systemd/system/dellad.service.d
    inside systemctl daemon-reload
    inside systemctl restart dellad
}

# Sends SIGHUP and waits for a line of the log.
reload_says() {
    local cursor
    cursor=$(inside journalctl -u dellad -n 0 --show-cursor --no-pager | sed -n 's/^-- cursor: //p')
    inside systemctl reload dellad
    until_true 10 journal_says "$1" --after-cursor="$cursor"
}

check_09_a_reload_takes_a_good_file_and_refuses_a_bad_one() {
    local pid
    pid=$(main_pid)
    inside sh -c 'printf "memory: 300M\n" >/etc/dellad/dellad.yaml'
    reload_says 'settings read again'
    until_true 10 inside grep -q '^dellad_memory_budget_bytes 314572800$' /run/dellad/metrics.prom
    inside sh -c 'printf "memory: 300M\nmemroy: 1G\n" >/etc/dellad/dellad.yaml'
    local cursor
    cursor=$(inside journalctl -u dellad -n 0 --show-cursor --no-pager | sed -n 's/^-- cursor: //p')
    fails inside systemctl reload dellad
    until_true 10 journal_says "/etc/dellad/dellad.yaml:2: unknown key 'memroy' (did you mean memory?)" \
        --after-cursor="$cursor"
    # A daemon that is told by hand refuses them too.
    inside systemctl kill -s HUP --kill-whom=main dellad
    until_true 10 journal_says "settings refused, the old ones are kept" --after-cursor="$cursor"
    sleep 1
    inside grep -q '^dellad_memory_budget_bytes 314572800$' /run/dellad/metrics.prom
    [ "$(property ActiveState)" = active ]
    [ "$(main_pid)" = "$pid" ]
    # A start with it is refused, once.
    fails inside systemctl restart dellad
    [ "$(property ExecMainStatus)" = 78 ]
    inside sh -c 'printf "memory: 300M\n" >/etc/dellad/dellad.yaml'
    inside systemctl restart dellad
}

probe_says() { inside journalctl -u dellad-probe --no-pager -o cat | grep "^$1"; }

check_10_the_sandbox_holds() {
    # The daemon's own process.
    inside sh -c "grep -E '^(NoNewPrivs|Seccomp|CapEff|CapBnd):' /proc/$(main_pid)/status" | tr -s '\t' ' ' |
        diff - <(printf 'CapEff: 0000000000000000\nCapBnd: 0000000000000000\nNoNewPrivs: 1\nSeccomp: 2\n')
    # The same unit, running what tries to get out instead of the daemon.
    inside sh -c "sed -e 's|^ExecStart=.*|ExecStart=/usr/local/bin/probe|' -e 's|^Type=.*|Type=oneshot|' \
        -e '/^Watchdog/d;/^Restart/d;/^NotifyAccess/d' -e 's|^RuntimeDirectory=.*|RuntimeDirectory=probe|' \
        /usr/lib/systemd/system/dellad.service >/run/systemd/system/dellad-probe.service"
    inside systemctl daemon-reload
    inside systemctl start dellad-probe || true
    inside journalctl -u dellad-probe --no-pager -o cat | grep -E '^(denied|allowed|WRONG|Traceback)'
    [ "$(inside systemctl show -P Result dellad-probe)" = success ]
    fails probe_says WRONG
    [ "$(probe_says denied | wc -l)" -ge 25 ]
    [ "$(probe_says allowed | wc -l)" -ge 4 ]
}

check_11_a_spool_outside_of_the_sandbox_is_refused_with_the_drop_in_that_lets_it_in() {
    inside sh -c 'install -d -o dellad -g dellad /srv/spool /srv/merged
        printf "spool: /srv/spool\noutput: /srv/merged\n" >/etc/dellad/dellad.yaml'
    fails inside systemctl restart dellad
    until_true 10 journal_says 'ReadWritePaths=/srv/spool /srv/merged' -n 30
    # Said with an error's priority.
    journal_says '/srv/spool' -n 30 -p err
    inside sh -c 'mkdir -p /etc/systemd/system/dellad.service.d
        printf "[Service]\nReadWritePaths=/srv/spool /srv/merged\n" >/etc/systemd/system/dellad.service.d/paths.conf'
    inside systemctl daemon-reload
    inside systemctl reset-failed dellad
    inside systemctl restart dellad
    exists /srv/spool/incoming
    # Commands find it where the settings say, without an option.
    config moved 1
    inside dellad submit /home/alice/moved.yml
    until_true 60 exists /srv/spool/done/moved.yml
    inside dellad status moved | grep -q 'done$'
    inside sh -c 'rm -r /etc/systemd/system/dellad.service.d; : >/etc/dellad/dellad.yaml'
    inside systemctl daemon-reload
    inside systemctl restart dellad
}

check_12_a_second_instance_has_folders_of_its_own() {
    inside sh -c 'echo "memory: 200M" >/etc/dellad/two.yaml'
    inside systemctl start dellad@two
    [ "$(inside stat -c %a /var/lib/dellad-two/spool/incoming)" = 3770 ]
    inside grep -q '^dellad_memory_budget_bytes 209715200$' /run/dellad-two/metrics.prom
    config two 1
    as alice "cp ~alice/two.yml /var/lib/dellad-two/spool/incoming/"
    until_true 60 exists /var/lib/dellad-two/spool/done/two.yml
    config again 1
    as alice "dellad submit ~alice/again.yml --instance two"
    until_true 60 exists /var/lib/dellad-two/spool/done/again.yml
    as alice "dellad status again --instance two | grep -q 'done$'"
    inside systemctl stop dellad@two
    # Left for the purge to find.
    inside systemctl enable dellad@two
    exists /etc/systemd/system/multi-user.target.wants/dellad@two.service
}

# The files that a document shows in full: blocks whose first line is "# /PATH". Each is put where it says.
files_of() {
    local path text
    while IFS= read -r path; do
        text=$(awk -v path="# $path" '/^```/ {on = 0} $0 == path {on = 1} on' "$1")
        inside sh -c "mkdir -p ${path%/*} && cat >$path" <<<"$text"
    done < <(sed -n 's|^# \(/[^ ]*\)$|\1|p' "$1")
}

check_13_what_is_to_be_done_when_a_job_ends_is_done_once_for_each() {
    inside sh -c ': >/etc/dellad/dellad.yaml'
    inside systemctl restart dellad
    files_of "$here/../../docs/operating.md"
    inside systemctl daemon-reload
    inside systemctl enable --now dellad-ended.path
    told() { inside journalctl -t dellad-ended --no-pager -o cat; }
    told_of() { told | grep -qxF "$1"; }
    drop ends 1
    until_true 60 exists $spool/done/ends.yml
    until_true 10 told_of "ends: done"
    # And of one that fails, which the next end is not told of again.
    as alice "printf 'merge_method: nothing\n' >$spool/incoming/fails.yml"
    until_true 20 told_of "fails: failed"
    drop also 1
    until_true 60 told_of "also: done"
    [ "$(told | grep -c '^ends: done$')" = 1 ]
    [ "$(told | grep -c '^fails: failed$')" = 1 ]
    inside systemctl disable --now dellad-ended.path
}

check_14_missing_models_are_fetched_by_a_service_that_has_the_network() {
    inside sh -c 'mkdir -p /srv/hub/org && cp -r /var/lib/dellad/models/tune6 /srv/hub/org/tune && /usr/local/bin/hf index /srv/hub/org/tune
        cp /etc/default/dellad /root/default.dellad; echo HF_ENDPOINT=http://127.0.0.1:8765 >>/etc/default/dellad
        (umask 077 && echo hf_a-token-of-the-test >/etc/dellad/hf_token)
        echo "fetch_command: /usr/local/bin/hf download {model} --revision {revision} {include}" >/etc/dellad/dellad.yaml'
    inside systemd-run --quiet --unit=hub /usr/local/bin/hf serve /srv/hub
    inside systemctl restart dellad
    inside systemctl enable --quiet --now dellad-fetch.path
    inside sh -c 'printf "%s\n" "base_model: base" "merge_method: linear" "dtype: bfloat16" "models:" \
        "  - {model: base, parameters: {weight: 0.5}}" "  - {model: org/tune, parameters: {weight: 0.5}}" >/home/alice/fetched.yml
        chown alice:alice /home/alice/fetched.yml'
    as alice "cp ~alice/fetched.yml $spool/incoming/"
    until_true 90 exists "$spool/done/fetched.yml" || {
        inside journalctl -u dellad-fetch --no-pager -n 40
        return 1
    }
    inside sh -c 'ls -d /var/lib/dellad/models/models--org--tune/snapshots/*/model*.safetensors'
    inside grep -q '"commit": "[0-9a-f]' "$output/fetched/dellad.json"
    until_true 10 inside sh -c '! systemctl is-active dellad-fetch'
    # The token is nowhere but where it belongs.
    fails inside sh -c 'journalctl -u dellad -u dellad-fetch -o cat --no-pager | grep token-of-the-test'
    fails inside grep -rq token-of-the-test "$spool" /run/dellad
    # What a hub has not, fails the job with its words.
    inside sh -c "sed 's/org.tune/org\/none/' /home/alice/fetched.yml >$spool/incoming/none.yml"
    until_true 60 exists "$spool/failed/none.yml"
    inside grep -q 'the model org/none was not fetched' "$spool/failed/none.error.txt"
    local score
    score=$(inside systemd-analyze security --no-pager dellad-fetch.service | sed -n 's/.*exposure level for [^:]*: \([0-9.]*\).*/\1/p')
    echo "exposure of dellad-fetch: $score"
    awk -v s="$score" 'BEGIN {exit !(s != "" && s <= 2.0)}'
    inside sh -c 'systemctl disable --quiet --now dellad-fetch.path; systemctl stop hub
        mv /root/default.dellad /etc/default/dellad; rm -f /etc/dellad/hf_token; : >/etc/dellad/dellad.yaml'
    inside systemctl restart dellad
}

check_15_a_user_has_a_daemon_of_their_own_and_commands_find_it() {
    inside loginctl enable-linger mallory
    local id
    id=$(inside id -u mallory)
    until_true 20 exists "/run/user/$id/systemd/private"
    own() { as mallory "export HOME=/home/mallory XDG_RUNTIME_DIR=/run/user/$id; $*"; }
    own "mkdir -p ~/.local/share/dellad/models"
    # What it reads is mallory's own.
    inside sh -c 'cp -r /var/lib/dellad/models/base /var/lib/dellad/models/tune1 /home/mallory/.local/share/dellad/models/ &&
        chown -R mallory /home/mallory/.local/share/dellad'
    config own 1
    inside cp /home/alice/own.yml /home/mallory/own.yml
    own "dellad status --user 2>&1 | grep -q 'systemctl --user enable --now dellad'"
    own "dellad status 2>&1 | grep -q 'Permission denied'"
    own systemctl --user enable --now dellad
    [ "$(own systemctl --user is-active dellad)" = active ]
    own "grep '^spool:' ~/.config/dellad/dellad.yaml"
    # No option: the system's spool is closed to mallory.
    own "dellad check ~/own.yml >/dev/null"
    own "dellad submit --wait ~/own.yml"
    own "dellad status own | grep 'done$'"
    own "dellad verify ~/.local/state/dellad/output/own"
    [ "$(inside stat -c '%a %U' /home/mallory/.local/state/dellad/output/own)" = "700 mallory" ]
    exists "/run/user/$id/dellad/metrics.prom"
    # Who may use both has the system's, and their own by name.
    inside usermod --append --groups dellad mallory
    fails own "dellad status own"
    own "dellad status own --user >/dev/null"
    inside gpasswd --delete mallory dellad
    own systemctl --user reload dellad
    own systemctl --user disable --now dellad
    inside loginctl disable-linger mallory
}

check_16_an_upgrade_restarts_what_runs_and_keeps_the_settings() {
    inside sh -c 'echo "# mine" >/etc/dellad/dellad.yaml'
    local pid
    pid=$(main_pid)
    inside dpkg --install /root/dellad.deb
    until_true 20 different_pid "$pid"
    [ "$(inside cat /etc/dellad/dellad.yaml)" = "# mine" ]
    inside systemctl stop dellad
    inside dpkg --install /root/dellad.deb
    [ "$(property ActiveState)" = inactive ]
    inside systemctl start dellad
}

check_17_remove_stops_it_and_leaves_everything_purge_leaves_models_and_output() {
    inside dpkg --remove dellad
    [ -z "$(inside pgrep -x dellad || true)" ]
    exists $spool/done/plain.yml
    exists /etc/dellad/dellad.yaml
    local warnings
    warnings=$(inside dpkg --purge dellad 2>&1 | grep -i warning || true)
    [ -z "$warnings" ] || die "$warnings"
    # With the settings of the instance.
    fails exists /etc/dellad
    fails exists /etc/default/dellad
    fails exists $spool
    fails exists /run/dellad
    exists /var/lib/dellad/models/base/config.json
    sums plain | diff - "$work/plain.sums"
    fails exists /etc/systemd/system/multi-user.target.wants/dellad.service
    # Of instances and of the daemon itself: no link, no lock, no spool.
    [ -z "$(inside find /etc/systemd /var/lib /run -name 'dellad@*')" ]
    [ -z "$(inside find /var /run /srv /etc -xdev -name '.dellad.lock' ! -path '/srv/*')" ]
    fails exists /var/lib/dellad-two/spool
    fails exists /run/dellad-two
    exists /var/lib/dellad-two/output/two/config.json
    [ "$(inside systemctl is-active dellad || true)" = inactive ]
}
