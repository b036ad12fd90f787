"""The VM's rows of the failure table: the machine, the install, the registration."""

from __future__ import annotations

from tests.failures.row import Chapter, Row, fault

MACHINE = Chapter(
    "The way to the VM",
    (
        Row("host-unknown", "MVM-401", 1, "{host} … Name or service not known", "a host that no resolver knows"),
        Row("ssh-refused", "MVM-402", 1, "{user}@{address}: … Connection refused", fault("ssh-refused")),
        Row("ssh-silent", "MVM-408", 1, "{user}@ … Error reading SSH protocol banner", fault("ssh-silent")),
        Row("host-key-unknown", "MVM-404", 3, "ssh-ed25519 {fingerprint}", "a machine that is in no known_hosts"),
        Row(
            "host-key-changed",
            "MVM-405",
            1,
            "ssh-ed25519 {fingerprint}; {file}:1 has ssh-ed25519 {known}",
            "another key in known_hosts",
        ),
        Row(
            "wrong-machine",
            "MVM-405",
            1,
            "{fingerprint}; the plan pins {pinned}",
            "the host key of another machine in the plan",
        ),
        Row("key-refused", "MVM-406", 1, "{user}: Authentication failed … {key}", "a key that the VM does not know"),
        Row("key-encrypted", "MVM-407", 3, "{path} is encrypted", "an encrypted key that ssh-agent does not hold"),
        Row("too-many-keys", "MVM-433", 3, "{user}@ … Too many authentication failures", fault("ssh-max-tries")),
        Row("sudo-password", "MVM-413", 3, "{user}@ … sudo: a password is required", fault("sudo-password")),
        Row("clock-wrong", "MVM-423", 3, "it is {seconds}", fault("clock-off:SECONDS")),
        Row(
            "gateway-refused",
            "MVM-424",
            1,
            "{address}:15012 … curl: (7) Failed to connect",
            "an address where no gateway listens",
        ),
        Row("gateway-silent", "MVM-425", 1, "{address}:15012 … curl: (28)", "an address where nothing answers"),
        Row(
            "istiod-not-exposed",
            "MVM-426",
            1,
            "{address}:15012 … Connection reset by peer",
            "a gateway without the VirtualService",
        ),
        Row(
            "certificate-of-another",
            "MVM-427",
            1,
            "curl: (60) SSL certificate problem … issuer: … {name}",
            fault("wrong-certificate:NAME"),
        ),
    ),
)

INSTALL = Chapter(
    "Installing on the VM",
    (
        Row(
            "package-missing",
            "MVM-521",
            1,
            "{url} failed … curl: (22) The requested URL returned error: 404",
            fault("package-404"),
        ),
        Row("package-is-html", "MVM-523", 1, "<title>{title}</title>", fault("package-html:TITLE")),
        Row("package-altered", "MVM-522", 1, "its SHA-256 is {found}, wanted {wanted}", "another `sidecar.sha256`"),
        Row(
            "package-of-another-architecture",
            "MVM-526",
            1,
            "package architecture ({architecture}) does not match system",
            fault("package-architecture:NAME"),
        ),
        Row("package-not-here", "MVM-529", 1, "{path}", "`sidecar.package` names a file that is not there"),
        Row(
            "disk-full",
            "MVM-525",
            1,
            "'{file}.dpkg-new': failed to write (No space left on device)",
            fault("disk-full:VM=FILE"),
        ),
        Row(
            "port-taken",
            "MVM-604",
            1,
            "port {port} is taken by another process",
            "a server of another hand on the port",
        ),
    ),
)

REGISTRATION = Chapter(
    "The sidecar and istiod",
    (
        Row("connection-cut", "MVM-411", 1, "{user}@ … it was cut before the command had ended", fault("ssh-cut")),
        Row(
            "token-expired",
            "MVM-301",
            1,
            "istiod: … Failed to authenticate client from {address}: … token has expired",
            fault("token-expired"),
        ),
        Row(
            "token-for-another-audience",
            "MVM-302",
            1,
            'istiod: … token audiences ["{audience}"] is invalid',
            fault("tampered:istio-token:…") + " with a token for another audience",
        ),
        Row(
            "cluster-id-refused",
            "MVM-303",
            1,
            'client claims to be in cluster "{cluster}", but we only know about local cluster "Kubernetes"',
            fault("tampered:cluster.env:…") + " ISTIO_META_CLUSTER_ID",
        ),
        Row(
            "group-missing-at-connect",
            "MVM-306",
            1,
            "code = FailedPrecondition … cannot find WorkloadGroup vm-namespace/{group}",
            fault("tampered:cluster.env:…") + " ISTIO_META_AUTO_REGISTER_GROUP",
        ),
        Row(
            "identity-refused",
            "MVM-310",
            1,
            "authorization failed: no identities … matched vm-namespace/{account}",
            fault("tampered:cluster.env:…") + " SERVICE_ACCOUNT",
        ),
        Row(
            "istiod-not-found",
            "MVM-312",
            1,
            "lookup {host} … no such host",
            fault("tampered:mesh.yaml:…") + " discoveryAddress",
        ),
        Row(
            "entry-under-another-address",
            "MVM-322",
            3,
            "WorkloadEntry vm-namespace/hello-vm-{address} has the address {address}, wanted is {wanted}",
            fault("tampered:cluster.env:…") + " ISTIO_SVC_IP",
        ),
        Row(
            "entry-never-healthy", "MVM-323", 1, "{path} … connection refused", "a `workload.probe` that nobody answers"
        ),
    ),
)
