# guest_samples.sh: the sample HTTP server, the VM's own request, and logs.

http_server() {
    take_lock
    report http-server started "looking at the unit meshvm-http.service"
    unit_file=$root/etc/systemd/system/meshvm-http.service
    http_unit >"$stage/meshvm-http.service"
    (umask 022 && mkdir -p "$root/etc/systemd/system")
    verb=start
    written=
    if put "$stage/meshvm-http.service" "$unit_file" root 0644; then
        written=yes
        quietly systemctl daemon-reload || fail "systemctl daemon-reload failed"
        verb=restart
    fi
    active=$(show_unit meshvm-http.service ActiveState | value_of ActiveState)
    if [ -n "$written" ] || [ "$active" != active ]; then
        refuse_other_listener
        quietly systemctl enable meshvm-http.service || fail "systemctl enable meshvm-http failed"
        quietly systemctl "$verb" meshvm-http.service || fail "systemctl $verb meshvm-http failed" cause start log "$(http_log)"
        written=yes
    fi
    tries=${MV_HTTP_TRIES:-20}
    until owns_port; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || refuse_other_listener
        [ "$tries" -gt 0 ] || fail "port $MV_HTTP_PORT is not served by meshvm-http.service (its process is $main, the port's is ${holders:-none})" \
            cause listener holders "$holders" log "$(http_log)"
        sleep "${MV_POLL:-0.5}"
    done
    if [ -n "$written" ]; then state=changed; else state=ok; fi
    report http-server "$state" "meshvm-http.service serves $MV_HTTP_ADDRESS:$MV_HTTP_PORT" pid "$main"
}

# An own state folder and an own user: never the home folder, whose files it would publish.
http_unit() {
    cat <<UNIT
# Written by meshvm-tui.
[Unit]
Description=Sample HTTP server of meshvm-tui
After=network-online.target

[Service]
ExecStart=/usr/bin/env python3 -m http.server $MV_HTTP_PORT --bind $MV_HTTP_ADDRESS --directory /var/lib/meshvm-http
DynamicUser=yes
AmbientCapabilities=CAP_NET_BIND_SERVICE
StateDirectory=meshvm-http
Restart=on-failure
RestartSec=2

[Install]
WantedBy=multi-user.target
UNIT
}

holder_names() { # the same processes as a person knows them
    for pid in $holders; do printf '%s (pid %s) ' "$(cat "/proc/$pid/comm" 2>/dev/null || echo process)" "$pid"; done
}

port_holders() { # process ids that listen on the sample's port at its address or at every address
    ss -Hltnp 2>/dev/null </dev/null | awk -v port="$MV_HTTP_PORT" -v address="$MV_HTTP_ADDRESS" '
        { n = split($4, part, ":"); at = substr($4, 1, length($4) - length(part[n]) - 1); gsub(/[][]/, "", at)
          if (part[n] != port || (at != address && at != "0.0.0.0" && at != "*" && at != "::")) next
          rest = $6
          while (match(rest, /pid=[0-9]+/)) { print substr(rest, RSTART + 4, RLENGTH - 4); rest = substr(rest, RSTART + RLENGTH) } }' |
        sort -u | tr '\n' ' '
}

owns_port() {
    main=$(show_unit meshvm-http.service MainPID | value_of MainPID)
    holders=$(port_holders)
    case " $holders" in
        *" ${main:-none} "*) [ "$main" != 0 ] ;;
        *) return 1 ;;
    esac
}

refuse_other_listener() {
    owns_port || [ -z "$holders" ] ||
        fail "port $MV_HTTP_PORT is taken by another process: $(holder_names)" cause port-taken holders "$holders"
}

http_log() { journalctl -u meshvm-http --no-pager -o cat -n "${MV_LINES:-300}" 2>/dev/null </dev/null 9>&- || :; }

# One request from the VM through its sidecar. curl's exit code is part of the answer, not a failure of the script.
probe() {
    report probe started "curl from the VM"
    case "$MV_URL" in
        *\?*) url="$MV_URL&id=$MV_ID" ;;
        *) url="$MV_URL?id=$MV_ID" ;;
    esac
    exit_code=0
    : >"$stage/probe.body"
    answer=$(curl -sS -o "$stage/probe.body" -w '%{http_code} %{time_total} %{remote_ip}\n' --max-time "${MV_MAX_TIME:-10}" "$url" \
        2>"$stage/curl.err" </dev/null) || exit_code=$?
    set -- $answer
    report probe ok "" exit "$exit_code" http_code "${1:-000}" seconds "${2:-}" remote_ip "${3:-}" \
        words "$(tail -n 2 "$stage/curl.err")" body "$(head -c 600 "$stage/probe.body" | tr -cd '[:print:][:space:]')" \
        log "$(tail -n 200 "$agent_log" 2>/dev/null | grep -F -e "$MV_ID" | tail -n 1 | cut -c 1-800)"
}

# The lines that carry an id in the sample's request log, or the end of the agent's log.
log() {
    report log started "reading the log"
    case "${MV_WHAT:-agent}" in
        http) text=$(http_log | grep -F -e "$MV_ID" || :) ;;
        *) text=$(tail -n "${MV_LINES:-100}" "$agent_log" 2>/dev/null | cut -c 1-800 || :) ;;
    esac
    report log ok "" text "$text"
}
