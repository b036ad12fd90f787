# guest_apply.sh: the files in their places, the unit running.

apply() {
    take_lock
    install_package
    place_files
    # Whoever wants to look at the files before they are used says so.
    [ "${MV_STOP_AFTER:-}" != guest-files ] || return 0
    run_sidecar
}

place_files() {
    report guest-files started "comparing the files in their places"
    id istio-proxy >/dev/null 2>&1 || fail "there is no user istio-proxy: the package was not installed whole" cause no-user
    # What changed, for people. Neither an owner nor a token wants a restart of an agent that is ready.
    places=
    mended=
    files_done=0
    files_total=0
    for name in cluster.env mesh.yaml root-cert.pem hosts istio-token; do
        [ ! -s "$stage/$name" ] || files_total=$((files_total + 1))
    done
    moved_certs
    directories
    wanted cluster.env "$cluster_env" istio-proxy 0644
    wanted mesh.yaml "$mesh_file" istio-proxy 0644
    wanted root-cert.pem "$certs/root-cert.pem" istio-proxy 0644
    [ ! -s "$stage/hosts" ] || wanted_hosts
    [ -z "$places" ] || : >>"$run_dir/restart-wanted"
    if [ -f "$stage/istio-token" ]; then
        if put "$stage/istio-token" "$token_file" istio-proxy 0600; then places="$places istio-token"; fi
        mkdir -p "$state_dir"
        checksum "$stage/istio-token" >"$state_dir/token.sha256"
        in_place istio-token
    fi
    if [ -n "$places$mended" ]; then
        said="${places:+written:$places}"
        if [ -n "$mended" ]; then
            said="${said:+$said; }folders and keys that now belong to istio-proxy:"
            for place in $mended; do said="$said ${place#owner-of-}"; done
        fi
        places="$places$mended"
        report guest-files changed "$said" written "${places# }"
    else
        report guest-files ok "every file is in its place"
    fi
}

# A certificate that the operator's side found to be of another identity or mesh. Moved only if it is still that one.
moved_certs() {
    if [ -z "${MV_FOREIGN_CERT:-}" ] || [ ! -f "$certs/cert-chain.pem" ]; then return 0; fi
    [ "$(checksum "$certs/cert-chain.pem")" = "$MV_FOREIGN_CERT" ] || return 0
    aside=$root/etc/certs.before-meshvm-tui.$(date +%Y%m%d%H%M%S)
    mkdir -m 0700 "$aside"
    for name in cert-chain.pem key.pem root-cert.pem; do
        [ ! -e "$certs/$name" ] || mv "$certs/$name" "$aside/$name"
    done
    places="$places certs-moved-aside"
    report guest-files info "the certificate of another identity was moved to ${aside#"$root"}" moved "${aside#"$root"}"
}

# What the guide does by mkdir -p and chown -R. Owners are asked one by one, so that a second run changes nothing.
directories() {
    for place in "$root/etc/certs" "$root/var/run/secrets" "$root/var/run/secrets/tokens" "$root/etc/istio/config" \
        "$root/etc/istio/proxy" "$root/var/lib/istio" "$root/var/lib/istio/envoy"; do
        if [ ! -d "$place" ]; then
            # Others must be able to pass through these; the token's own mode protects it.
            (umask 022 && mkdir -p "$place") || fail "cannot make $place"
        fi
        [ "$(stat -c %U "$place" 2>/dev/null || :)" != istio-proxy ] || continue
        quietly chown -R istio-proxy "$place" || fail "cannot give $place to istio-proxy"
        mended="$mended owner-of-${place#"$root"}"
    done
    for place in "$certs/key.pem" "$certs/cert-chain.pem"; do
        if [ ! -e "$place" ] || [ "$(stat -c %U "$place" 2>/dev/null || :)" = istio-proxy ]; then continue; fi
        quietly chown istio-proxy "$place" || fail "cannot give $place to istio-proxy"
        mended="$mended owner-of-${place#"$root"}"
    done
}

wanted() { # wanted NAME PLACE OWNER MODE
    [ -f "$stage/$1" ] || return 0
    remember "$1" "$2"
    if put "$stage/$1" "$2" "$3" "$4"; then places="$places $1"; fi
    in_place "$1"
}

# How far the copy is, for people who watch.
in_place() {
    files_done=$((files_done + 1))
    report guest-files info "$1 is in its place" done "$files_done" total "$files_total"
}

# One marked block, at the place where it stands or at the end. The resolver takes the first line that names a
# host, so another address for istiod's name is put aside in a comment; a line that says the same stays.
wanted_hosts() {
    [ -e "$hosts_file" ] || { (umask 022 && : >"$hosts_file"); }
    place=$(readlink -f "$hosts_file")
    remember hosts "$place"
    {
        awk -v begin="$begin_mark" -v end="$end_mark" -v name="$istiod_host" -v wanted="$stage/hosts" '
            BEGIN { while ((getline line < wanted) > 0) { split(line, part, /[ \t]+/); address[part[1]] = 1 } }
            index($0, begin) == 1 { inside = 1; next }
            index($0, end) == 1 && inside { inside = 0; next }
            inside { next }
            $1 !~ /^#/ && !($1 in address) {
                kept = $1; names = 0; hit = 0
                for (i = 2; i <= NF && $i !~ /^#/; i++) if ($i == name) hit = 1; else { kept = kept " " $i; names++ }
                if (hit) { print "# put aside by meshvm-tui: " $0; if (names) print kept; next }
            }
            { print }' "$place"
        printf '%s\n' "$begin_mark"
        cat "$stage/hosts"
        printf '%s\n' "$end_mark"
    } >"$stage/hosts.whole"
    set -- $(owner_and_mode "$place")
    if put "$stage/hosts.whole" "$place" "${1:-root}" "${2:-0644}"; then places="$places hosts"; fi
    in_place hosts
}

run_sidecar() {
    report sidecar-running started "looking at the unit istio.service"
    active=$(show_unit istio.service ActiveState | value_of ActiveState)
    if [ "$active" = active ] && [ ! -e "$run_dir/restart-wanted" ]; then
        if [ "$(readiness)" = 200 ]; then
            [ "$(timer_state)" != active ] || arm_timer
            report sidecar-running ok "istio.service is active and ready" restarted no
            return 0
        fi
        # Active but not ready: a new token or certificate is only taken up by a fresh start.
    fi
    [ "$active" = active ] && [ -f "$run_dir/resolved" ] || resolved_before
    follow_connections
    arm_timer
    not_at_boot
    log_start=$(size_of "$agent_log")
    error_start=$(size_of "$error_log")
    verb=start
    [ "$active" != active ] || verb=restart
    [ "$active" != activating ] || verb=restart
    report sidecar-running info "systemctl $verb istio" reason Starting
    connection_followed
    if ! quietly systemctl "$verb" istio.service; then
        # systemctl itself only says where to read on.
        journal_of istio.service >>"$chatter"
        fail "systemctl $verb istio failed" cause start log "$(new_log)"
    fi
    rm -f "$run_dir/restart-wanted"
    wait_until_ready
    unfollow_connections
    report sidecar-running changed "istio.service ${verb}ed and ready" restarted "$verb" log "$(new_log)"
}

journal_of() { journalctl -u "$1" --no-pager -o cat -n 8 2>/dev/null </dev/null 9>&- || :; }

size_of() { if [ -f "$1" ]; then wc -c <"$1"; else echo 0; fi; }

# What the agent said since this start: its log, then its error log, where its last words stand.
new_log() {
    new_part "$agent_log" "${log_start:-0}" | tail -n 80 | cut -c 1-800
    new_part "$error_log" "${error_start:-0}" | tail -n 10 | cut -c 1-800
}

new_part() { # new_part FILE START: all of it, where it is shorter now than it was
    [ -f "$1" ] || return 0
    if [ "$(size_of "$1")" -ge "$2" ]; then tail -c +$(($2 + 1)) "$1"; else cat "$1"; fi
}

# Ends early where the log repeats a cause that no waiting mends (the pattern comes from the operator's side).
wait_until_ready() {
    until=$(($(date +%s) + ${MV_READY_WAIT:-60}))
    looks=0
    while :; do
        code=$(readiness)
        [ "$code" != 200 ] || return 0
        ! cannot_become_ready || break
        [ "$(date +%s)" -lt "$until" ] || break
        looks=$((looks + 1))
        # An agent that has all it needs is ready within moments; one that waits for something is not hurried.
        if [ "$looks" -gt 10 ]; then sleep "${MV_POLL:-0.5}"; else sleep "${MV_POLL:-0.1}"; fi
    done
    fail "the agent did not become ready (15021/healthz/ready answers ${code:-nothing})" cause not-ready ready "$code" \
        log "$(new_log)" show "$(show_unit istio.service ActiveState SubState NRestarts)"
}

# A definite cause that was said twice, or once by an agent that has ended.
cannot_become_ready() {
    [ -n "${MV_FATAL:-}" ] || return 1
    said=$(new_log | grep -c -E -e "$MV_FATAL" || :)
    [ "$said" -lt 2 ] || return 0
    [ "$said" = 1 ] && [ "$(show_unit istio.service ActiveState | value_of ActiveState)" != active ]
}
