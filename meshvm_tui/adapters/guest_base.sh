# guest_base.sh: the ground of guest.sh: settings, JSON lines, the lock, atomic writing.
#
# guest.sh is the one script that runs on a VM: guest_*.sh joined, in the order that guest_script.py names.
# Its values are shell variables MV_*, from values.sh in its folder or from the lines before it on standard input.
# It reports JSON lines on standard output; what tools say goes into a file whose end is told on failure.
# DESTDIR is honoured for every place that is read or written, as packages do.
set -eu
umask 077
LC_ALL=C
export LC_ALL
PATH=${MV_PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export PATH

stage=${1:--}
ssh_connection=${2:-${SSH_CONNECTION:-}}
if [ "$stage" != - ]; then
    # shellcheck source=/dev/null
    . "$stage/values.sh"
fi
mode=${MV_MODE:-observe}
root=${DESTDIR:-}

state_dir=$root/var/lib/meshvm-tui
run_dir=$root/run/meshvm-tui
certs=$root/etc/certs
token_file=$root/var/run/secrets/tokens/istio-token
cluster_env=$root/var/lib/istio/envoy/cluster.env
mesh_file=$root/etc/istio/config/mesh
hosts_file=$root/etc/hosts
agent_log=$root/var/log/istio/istio.log
error_log=$root/var/log/istio/istio.err.log
begin_mark='# BEGIN meshvm-tui'
end_mark='# END meshvm-tui'
istiod_host=${MV_ISTIOD_HOST:-istiod.istio-system.svc}
newline='
'

# emit NAME VALUE [NAME VALUE]...: one JSON object of strings on one line. A listener that went away stops nothing:
# what was begun is ended, and the next run finds it done.
emit() {
    case "$*" in
        *[!A-Za-z0-9\ _.,:\;/+=@%\(\)\|"$newline"-]*) emit_escaped "$@" ;;
        *) emit_plain "$@" ;;
    esac
}

# Most lines need no other escape than for the ends of lines, and then no process either: each costs a small machine
# as much as what is looked at.
emit_plain() {
    members=
    while [ $# -gt 0 ]; do
        rest=$2
        members="$members,\"$1\":\""
        while [ "${rest#*"$newline"}" != "$rest" ]; do
            members="$members${rest%%"$newline"*}\\n"
            rest=${rest#*"$newline"}
        done
        members="$members$rest\""
        shift 2
    done
    printf '{%s}\n' "${members#,}" 2>/dev/null || :
}

emit_escaped() {
    printf '%s\034' "$@" | awk '
        BEGIN {
            RS = "\034"
            for (i = 1; i < 32; i++) code[sprintf("%c", i)] = sprintf("\\u%04x", i)
            code["\n"] = "\\n"; code["\t"] = "\\t"; code["\\"] = "\\\\"; code["\""] = "\\\""
            printf "{"
        }
        {
            printf "%s", (NR == 1 ? "\"" : NR % 2 ? ",\"" : ":\"")
            if ($0 !~ /[\001-\037"\\]/) printf "%s", $0
            else {
                n = length($0)
                for (i = 1; i <= n; i++) { c = substr($0, i, 1); printf "%s", (c in code) ? code[c] : c }
            }
            printf "\""
        }
        END { print "}" }' 2>/dev/null || :
}

# report STEP STATE MESSAGE [NAME VALUE]...: what became of a step.
report() {
    step=$1
    state=$2
    message=$3
    shift 3
    [ "$state" != started ] || current_step=$step
    [ "$state" != failed ] || failure_told=yes
    [ "$state" != changed ] || anything_changed=yes
    emit step "$step" state "$state" message "$message" "$@"
}

current_step=start
failure_told=
anything_changed=

# fail MESSAGE [NAME VALUE]...: the current step failed; nothing after it runs.
fail() {
    message=$1
    shift
    report "$current_step" failed "$message" output "$(tail_of "$chatter")" "$@"
    exit 1
}

chatter=/dev/null
tail_of() { [ ! -s "$1" ] || tail -n 12 "$1" | cut -c 1-500; }

# quietly COMMAND...: its words go to the chatter file; it never sees our input, our lock or our umask.
quietly() { (umask 022 && exec "$@") >>"$chatter" 2>&1 </dev/null 9>&-; }

# Encoded so that the far side compares bytes; nothing at all where there is no such file.
encoded() { [ ! -r "$1" ] || base64 <"$1" | tr -d '\n'; }

owner_and_mode() { stat -c '%U %a' "$1" 2>/dev/null || :; }

show_unit() { # show_unit UNIT PROPERTY...: NAME=VALUE lines, or nothing where there is no systemd
    unit=$1
    shift
    set -- $(printf ' -p %s' "$@")
    systemctl show "$@" "$unit" 2>/dev/null </dev/null 9>&- || :
}

value_of() { # value_of NAME: of NAME=VALUE lines on standard input
    sed -n "s/^$1=//p" | head -n 1
}

# The lock is held until the script ends: a second run waits for the first and then finds its work done.
take_lock() {
    mkdir -p "$run_dir"
    exec 9>"$run_dir/lock"
    flock -n 9 && return 0
    report lock info "another run is at work on this VM; waiting for it" reason Waiting
    flock -w "${MV_LOCK_WAIT:-300}" 9 || { current_step=lock; fail "another run still holds $run_dir/lock" cause locked; }
}

# remember NAME FILE: keeps what was there before our first write, for undo. Written once, never again.
remember() {
    mkdir -p "$state_dir/before"
    if [ -e "$state_dir/before/$1" ] || [ -e "$state_dir/before/$1.absent" ]; then return 0; fi
    if [ ! -e "$2" ]; then
        : >"$state_dir/before/$1.absent"
    else
        # Whole or not at all: half a copy would be kept for ever.
        cp -p "$2" "$state_dir/before/.$1"
        mv -f "$state_dir/before/.$1" "$state_dir/before/$1"
    fi
}

# put NEW PLACE OWNER MODE: the file as wanted, whole or not at all. Returns 1 where nothing had to change.
put() {
    if [ -f "$2" ] && cmp -s "$1" "$2" && [ "$(owner_and_mode "$2")" = "$3 ${4#0}" ]; then return 1; fi
    temporary=$(mktemp "$(dirname "$2")/.meshvm.XXXXXXXX") || fail "cannot write beside $2"
    if cat "$1" >"$temporary" && chown "$3" "$temporary" && chmod "$4" "$temporary"; then
        # A bind mount (containers) cannot be replaced, only written.
        mv -fT "$temporary" "$2" 2>>"$chatter" || cat "$temporary" >"$2" || fail "cannot write $2"
        rm -f "$temporary"
        return 0
    fi 2>>"$chatter"
    rm -f "$temporary"
    fail "cannot write $2"
}

finish() {
    code=$?
    trap - EXIT
    if [ "$code" != 0 ] && [ -z "$failure_told" ]; then
        report "$current_step" failed "the script ended early (code $code)" output "$(tail_of "$chatter")"
    fi
    [ "$code" = 0 ] || [ "$mode" != apply ] || unfollow_connections
    [ "$stage" = - ] || rm -rf "$stage"
    emit step end state "$([ "$code" = 0 ] && echo ok || echo failed)" message "" changed "${anything_changed:-no}"
    exit "$code"
}
