# guest_guard.sh: SSH and names are never lost for good: what is done before the sidecar starts, and its last word.

# The kernel follows connections from the moment the sidecar's rules come. One that is open already looks like a new
# one of the VM's own if the VM speaks next, and the redirect cuts it: an operator's shell, or this very connection.
# So it begins to follow them a little earlier, by a rule that only counts.
counting="INPUT -p tcp -m conntrack --ctstate ESTABLISHED -m comment --comment meshvm-tui"

follow_connections() {
    # The rules are the kernel's own, not a folder's.
    [ -z "$root" ] || return 0
    unfollow_connections
    # shellcheck disable=SC2086
    quietly iptables -w -I $counting || :
}

# Waits for an answer to what was said since: a packet of both directions makes a connection known.
connection_followed() {
    [ -z "$root" ] || return 0
    tries=20
    while [ "$(iptables -w -nvxL INPUT 2>/dev/null </dev/null 9>&- | awk '/meshvm-tui/ { print $1 }')" = 0 ]; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 0
        sleep 0.1
    done
}

unfollow_connections() {
    [ -z "$root" ] || return 0
    tries=5
    # shellcheck disable=SC2086
    while [ "$tries" -gt 0 ] && iptables -w -D $counting >/dev/null 2>&1 </dev/null 9>&-; do tries=$((tries - 1)); done
}

# Until it is confirmed, a restart of the VM must not bring back a sidecar that cuts SSH: the timer would be gone.
not_at_boot() {
    [ "$(show_unit istio.service UnitFileState | value_of UnitFileState)" = enabled ] || return 0
    quietly systemctl disable istio.service || fail "systemctl disable istio failed"
}

# The dead-man timer: unless a new connection confirms, the sidecar is stopped again, so SSH is never locked out.
arm_timer() {
    disarm_timer
    quietly systemd-run --unit=meshvm-deadman --on-active="${MV_DEADMAN:-180}" --timer-property=AccuracySec=1s \
        systemctl stop istio.service || fail "cannot set the timer that would stop the sidecar again" cause timer
}

timer_state() { show_unit meshvm-deadman.timer ActiveState | value_of ActiveState; }

disarm_timer() {
    [ "$(timer_state)" != active ] || quietly systemctl stop meshvm-deadman.timer || :
    # A failed one that is still loaded would refuse the name; that there is none is no news.
    systemctl reset-failed meshvm-deadman.timer meshvm-deadman.service >/dev/null 2>&1 </dev/null 9>&- || :
}

# A name that the VM could look up before the start must be found after it as well.
resolved_before() {
    rm -f "$run_dir/resolved"
    [ -n "${MV_CANARY:-}" ] || return 0
    if looked_up "$MV_CANARY"; then printf '%s\n' "$MV_CANARY" >"$run_dir/resolved"; fi
}

looked_up() { timeout 5 getent hosts "$1" >/dev/null 2>&1 </dev/null 9>&-; }

# Runs over a connection that was opened after the start: the proof that SSH still works.
confirm() {
    take_lock
    report sidecar-running started "confirming over a new connection"
    # Only a marked file of ours says which names worked before.
    for name in "$istiod_host" $([ ! -f "$run_dir/resolved" ] || cat "$run_dir/resolved"); do
        tries=${MV_LOOKUP_TRIES:-5}
        until looked_up "$name"; do
            tries=$((tries - 1))
            [ "$tries" -gt 0 ] || fail "$name cannot be looked up since the sidecar runs" cause lookup name "$name"
            sleep 1
        done
    done
    [ "$(show_unit istio.service ActiveState | value_of ActiveState)" = active ] || fail "istio.service is not active" cause inactive
    enabled=$(show_unit istio.service UnitFileState | value_of UnitFileState)
    if [ "$enabled" != enabled ]; then quietly systemctl enable istio.service || fail "systemctl enable istio failed"; fi
    disarm_timer
    if [ "$enabled" = enabled ]; then report sidecar-running ok "confirmed"
    else report sidecar-running changed "confirmed and enabled at boot"
    fi
}
