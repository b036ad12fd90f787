# guest_observe.sh: what is on the VM. Writes nothing; one JSON line for each topic.

observe() {
    emit topic time now "$(date +%s)"
    observe_system
    observe_network
    observe_package
    observe_units
    observe_files
    observe_hosts
    observe_log
    [ -z "${MV_INSTANCE:-}" ] || observe_instance
    [ -z "${MV_GATEWAY_IP:-}" ] || observe_gateway
    emit topic end
}

observe_system() {
    sudo_says=
    if [ "$(id -u)" = 0 ]; then privilege=root
    elif ! command -v sudo >/dev/null 2>&1; then privilege=none
    elif sudo_says=$(sudo -n true 2>&1 </dev/null); then privilege=sudo
    else privilege=refused
    fi
    emit topic who user "${SUDO_USER:-$(id -un)}" privilege "$privilege" words "$sudo_says"
    (
        ID= VERSION_ID= ID_LIKE= PRETTY_NAME=
        # shellcheck source=/dev/null
        [ ! -r "$root/etc/os-release" ] || . "$root/etc/os-release"
        emit topic os id "$ID" version "$VERSION_ID" like "$ID_LIKE" name "$PRETTY_NAME" arch "$(uname -m)" \
            systemd "$([ -d "$root/run/systemd/system" ] && echo yes || echo no)" \
            libc "$(getconf GNU_LIBC_VERSION 2>/dev/null || :)" \
            selinux "$(cat "$root/sys/fs/selinux/enforce" 2>/dev/null || :)" \
            lacks "$(for tool in dpkg curl tar awk flock getent ss systemd-run python3 iptables; do
                command -v "$tool" >/dev/null 2>&1 || printf '%s ' "$tool"
            done)"
    )
    emit topic disk free_kib "$(for place in usr var tmp; do
        df -Pk "$root/$place" 2>/dev/null | awk -v place="/$place" 'NR == 2 { print place, $4 }'
    done)" read_only "$(read_only_places)"
}

# Root may write everywhere but on a file system that is mounted read-only.
read_only_places() {
    [ "$(id -u)" = 0 ] || return 0
    for place in etc usr/local var tmp; do
        if [ -d "$root/$place" ] && [ ! -w "$root/$place" ]; then printf '/%s ' "$place"; fi
    done
}

# Who the machine is, by the metadata server that only it can ask (Compute Engine, "VM metadata"). Never by a proxy.
observe_instance() {
    emit topic instance id "$(curl -s -m 3 --noproxy '*' -H 'Metadata-Flavor: Google' \
        http://169.254.169.254/computeMetadata/v1/instance/id 2>/dev/null </dev/null || :)"
}

observe_network() {
    # shellcheck disable=SC2086
    set -- $ssh_connection
    emit topic network addresses "$(hostname -I 2>/dev/null)" ssh_address "${3:-}" ssh_port "${4:-}" ssh_from "${1:-}" \
        listeners "$(listeners "${MV_HTTP_PORT:-0}")" \
        interfaces "$(ip -o address show 2>/dev/null </dev/null | awk '$3 ~ /^inet/ { sub("/.*", "", $4); print $2, $4 }')" \
        nameservers "$(awk '$1 == "nameserver" { print $2 }' "$root/etc/resolv.conf" 2>/dev/null || :)" \
        chains "$(leftover_chains)"
}

# Without naming a table: that would load it. Istio's native nftables mode has tables of its own instead of chains.
leftover_chains() {
    { iptables-save 2>/dev/null | sed -n 's/^:\(ISTIO_[A-Z_]*\) .*/\1/p'
        nft list tables 2>/dev/null | sed -n 's/^table \(.*istio.*\)/\1/p'; } </dev/null | sort -u
}

listeners() { # listeners PORT: address, port and process of what listens there, for names, and on Istio's own ports
    ss -Hltnp 2>/dev/null </dev/null | awk -v wanted="$1" '
        { n = split($4, part, ":"); port = part[n] + 0
          if ((port >= 15000 && port <= 15090) || port == 53 || port == wanted) print $4, $6 }'
}

observe_package() {
    emit topic package dpkg "$(package_state)"
}

package_state() { # status, version and architecture, or nothing where dpkg does not know it
    dpkg-query -W -f '${Status}|${Version}|${Architecture}' istio-sidecar 2>/dev/null </dev/null || :
}

observe_units() {
    istio=$(show_unit istio.service LoadState ActiveState SubState UnitFileState NRestarts MainPID ActiveEnterTimestamp)
    ready=
    if [ "$(printf '%s\n' "$istio" | value_of ActiveState)" = active ]; then ready=$(readiness); fi
    emit topic unit show "$istio" ready "$ready" \
        timer "$(show_unit meshvm-deadman.timer ActiveState | value_of ActiveState)" \
        restart_wanted "$([ -e "$run_dir/restart-wanted" ] && echo yes || echo no)"
    emit topic http show "$(show_unit meshvm-http.service LoadState ActiveState SubState UnitFileState MainPID)" \
        unit "$(encoded "$root/etc/systemd/system/meshvm-http.service")"
}

readiness() { # the status code of the agent's readiness, 000 where nothing answers
    curl -s -o /dev/null -w '%{http_code}' --max-time 3 http://localhost:15021/healthz/ready 2>/dev/null </dev/null || :
}

observe_files() {
    # shellcheck disable=SC2046
    emit topic places stat "$(stat -c '%n|%U|%a|%F' "$cluster_env" "$mesh_file" "$certs/root-cert.pem" "$token_file" \
        "$hosts_file" "$certs" "$certs/cert-chain.pem" "$certs/key.pem" "$root/var/lib/istio" "$root/var/lib/istio/envoy" \
        "$root/etc/istio" "$root/etc/istio/config" "$root/etc/istio/proxy" "$root/var/run/secrets" 2>/dev/null || :)" \
        root "$root"
    emit topic files cluster.env "$(encoded "$cluster_env")" mesh.yaml "$(encoded "$mesh_file")" \
        root-cert.pem "$(encoded "$certs/root-cert.pem")" cert-chain.pem "$(encoded "$certs/cert-chain.pem")"
    # Of the token only its claims leave the VM; they are no secret, its signature is.
    claims= as_sent=
    if [ -r "$token_file" ]; then
        claims=$(cut -d . -f 2 <"$token_file" | tr -d '\n' | cut -c 1-4000)
        as_sent=unknown
        if [ -r "$state_dir/token.sha256" ]; then
            as_sent=no
            [ "$(checksum "$token_file")" != "$(cat "$state_dir/token.sha256")" ] || as_sent=yes
        fi
    fi
    emit topic token claims "$claims" as_sent "$as_sent"
}

checksum() { sha256sum <"$1" | cut -c 1-64; }

observe_hosts() {
    [ -r "$hosts_file" ] || return 0
    emit topic hosts block "$(block_of_hosts | base64 | tr -d '\n')" \
        blocks "$(grep -c "^$begin_mark" "$hosts_file" || :)" \
        others "$(without_block | named_istiod)"
}

block_of_hosts() {
    awk -v begin="$begin_mark" -v end="$end_mark" '
        index($0, begin) == 1 { inside = 1; next } index($0, end) == 1 { inside = 0; next } inside' "$hosts_file"
}

without_block() {
    awk -v begin="$begin_mark" -v end="$end_mark" '
        index($0, begin) == 1 { inside = 1; next } index($0, end) == 1 && inside { inside = 0; next } !inside' "$hosts_file"
}

named_istiod() { # lines on standard input that give istiod's name an address
    awk -v name="$istiod_host" '$1 !~ /^#/ { for (i = 2; i <= NF && $i !~ /^#/; i++) if ($i == name) { print; next } }'
}

observe_log() {
    [ -r "$agent_log" ] || return 0
    emit topic log agent "$(tail -n 80 "$agent_log" | cut -c 1-800)" \
        errors "$(tail -n 10 "$error_log" 2>/dev/null | cut -c 1-400 || :)"
}

# TCP and TLS to istiod through the gateway. The root comes on standard input, for observing writes no file.
observe_gateway() {
    pem=${MV_ROOT_PEM:-}
    if [ -z "$pem" ] && [ -r "$certs/root-cert.pem" ]; then pem=$(cat "$certs/root-cert.pem"); fi
    set -- -sS -o /dev/null --connect-timeout "${MV_CONNECT_WAIT:-5}" --max-time 8 \
        --resolve "$istiod_host:15012:$MV_GATEWAY_IP" "https://$istiod_host:15012/"
    if [ -n "$pem" ]; then trust=checked; set -- --cacert /dev/stdin "$@"; else trust=unchecked; set -- -k "$@"; fi
    exit_code=0
    words=$(printf '%s\n' "$pem" | curl "$@" 2>&1) || exit_code=$?
    # Whose certificate it is instead stands only in what curl says when it does not mind.
    [ "$exit_code" != 60 ] || words="$words ($(curl -kv "$@" 2>&1 </dev/null | sed -n 's/^\* *issuer: /issuer: /p'))"
    emit topic gateway address "$MV_GATEWAY_IP" exit "$exit_code" words "$words" trust "$trust" name "$istiod_host"
}
