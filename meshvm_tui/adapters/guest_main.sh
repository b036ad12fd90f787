# guest_main.sh: picks the mode. Its last line is read before anything runs, so standard input is free by then.

main() {
    if [ "$mode" = observe ]; then
        observe
        exit 0
    fi
    chatter=$stage/chatter
    : >"$chatter"
    # What a tool says that nobody listens to is the cause, where the script ends at it.
    exec 2>>"$chatter"
    trap finish EXIT
    trap 'exit 143' TERM
    trap '' HUP PIPE
    case "$mode" in
        apply) apply ;;
        confirm) confirm ;;
        http-server) http_server ;;
        probe) probe ;;
        log) log ;;
        *) fail "guest.sh knows no mode $mode" ;;
    esac
}

main </dev/null
