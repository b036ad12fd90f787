# guest_package.sh: the sidecar's package: from where it comes, and dpkg.

package_is() { # package_is VERSION: installed, whole, and of that version (any, where none is named)
    found=$(package_state)
    version=${found#*|}
    version=${version%|*}
    case "$found" in
        "install ok installed|"*) ;;
        *) return 1 ;;
    esac
    case "$version" in
        "${1:-$version}" | "${1:-none}"[-+~]*) return 0 ;;
    esac
    return 1
}

install_package() {
    report sidecar-package started "looking at the istio-sidecar package"
    if package_is "${MV_VERSION:-}"; then
        report sidecar-package ok "istio-sidecar $version is installed" version "$version"
        return 0
    fi
    remember_package
    file=$stage/istio-sidecar.deb
    [ -f "$file" ] || download "$file"
    [ "$(head -c 7 "$file")" = '!<arch>' ] || fail "what was downloaded is no Debian package, it begins: $(head -c 200 "$file" | tr -cd '[:print:]')" cause not-a-package
    if [ -n "${MV_PACKAGE_SHA256:-}" ] && [ "$(checksum "$file")" != "$MV_PACKAGE_SHA256" ]; then
        fail "its SHA-256 is $(checksum "$file"), wanted $MV_PACKAGE_SHA256" cause checksum
    fi
    unpack "$file"
    package_is "" || fail "dpkg left the package as: $found" cause dpkg
    : >>"$run_dir/restart-wanted"
    report sidecar-package changed "istio-sidecar $version installed" version "$version"
}

remember_package() {
    mkdir -p "$state_dir/before"
    [ ! -e "$state_dir/before/package" ] || return 0
    # By cp, which says why where it cannot: a shell's own words are "I/O error".
    printf '%s\n' "$found" >"$stage/package.before"
    cp "$stage/package.before" "$state_dir/before/.package"
    mv -f "$state_dir/before/.package" "$state_dir/before/package"
}

download() {
    [ -n "${MV_PACKAGE_URL:-}" ] || fail "no package was sent and none can be downloaded" cause no-package
    report sidecar-package info "downloading the package on the VM"
    code=0
    through_proxy curl -fsSL --connect-timeout 10 --max-time "${MV_DOWNLOAD_WAIT:-300}" -o "$1" "$MV_PACKAGE_URL" \
        >>"$chatter" 2>&1 </dev/null 9>&- || code=$?
    [ "$code" != 23 ] || fail "the VM has no room for the package" cause disk-full
    # Without what may be secret in it: user and password, and the query of a signed address.
    shown=$(printf '%s' "${MV_PACKAGE_URL%%[?#]*}" | sed 's|//[^/@]*@|//|')
    [ "$code" = 0 ] || fail "the download of $shown failed" cause download curl_exit "$code"
}

# sudo takes the operator's environment away; what the VM itself says of a proxy stands in /etc/environment or apt's
# settings. It goes on in the environment, for it may hold a password.
through_proxy() (
    for name in http_proxy https_proxy no_proxy; do
        eval "value=\${$name:-}"
        [ -n "$value" ] || value=$(proxy_of_environment "$name")
        [ -n "$value" ] || value=$(proxy_of_apt "$name")
        [ -z "$value" ] || export "$name=$value"
    done
    exec "$@"
)

proxy_of_environment() { # proxy_of_environment NAME: as pam_env reads the file, in small or capital letters
    sed -n "s/^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}$1=//Ip" "$root/etc/environment" 2>/dev/null |
        tail -n 1 | sed "s/^[\"']//; s/[\"'[:space:]]*\$//"
}

proxy_of_apt() { # proxy_of_apt NAME: Acquire::http::Proxy, Acquire::https::Proxy; apt writes DIRECT for none
    [ "$1" != no_proxy ] || return 0
    kind=${1%_proxy}
    found=$(apt-config dump --no-empty --format '%v%n' "Acquire::$kind::Proxy" 2>/dev/null </dev/null | tail -n 1)
    [ "$found" = DIRECT ] || printf '%s' "$found"
}

unpack() {
    tries=${MV_DPKG_TRIES:-60}
    while :; do
        : >"$stage/dpkg.log"
        code=0
        # Its maintainer scripts make folders that others must be able to pass through.
        (umask 022 && DEBIAN_FRONTEND=noninteractive exec dpkg --force-confdef --force-confold -i "$1") \
            >"$stage/dpkg.log" 2>&1 </dev/null 9>&- || code=$?
        cat "$stage/dpkg.log" >>"$chatter"
        [ "$code" != 0 ] || return 0
        if grep -q -E 'lock was locked|is locked by|(lock|open/create|get|acquire) [^ ]*lock' "$stage/dpkg.log"; then
            tries=$((tries - 1))
            [ "$tries" -gt 0 ] || fail "another package manager holds dpkg's lock" cause dpkg-lock
            report sidecar-package info "waiting for dpkg's lock, which another package manager holds" reason DpkgLocked
            sleep "${MV_PAUSE:-2}"
        elif grep -q 'No space left' "$stage/dpkg.log"; then
            fail "no space left on the VM's disk" cause disk-full
        elif grep -q 'dependency problems' "$stage/dpkg.log" && [ -z "${dependencies_tried:-}" ]; then
            dependencies_tried=yes
            (umask 022 && through_proxy env DEBIAN_FRONTEND=noninteractive apt-get -y -f -o DPkg::Lock::Timeout=60 install) \
                >>"$chatter" 2>&1 </dev/null 9>&- ||
                fail "dependencies of the package are missing and apt-get could not install them" cause dependencies
            return 0
        else
            fail "dpkg ended with code $code" cause dpkg
        fi
    done
}
