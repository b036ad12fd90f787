"""Every problem code with its title and what to do next. Codes never change their meaning.

1xx cluster and credentials · 2xx mesh and gateway · 3xx identity and registration · 4xx the VM over SSH ·
5xx files and installation · 6xx services and probes · 7xx plan, session and this computer · 8xx Google Cloud ·
9xx unforeseen.
"""

from __future__ import annotations

from meshvm_tui.problem_catalog_google import GOOGLE
from meshvm_tui.problem_entry import Entry

CATALOG: dict[str, Entry] = {
    # 1xx: cluster and credentials
    "MVM-101": Entry("No kubeconfig was found", "Name one with --kubeconfig or KUBECONFIG."),
    "MVM-102": Entry("The kubeconfig has no such context", "Pick one of the contexts that it has."),
    "MVM-103": Entry("The Kubernetes API cannot be reached", "Check the address and the network, then retry."),
    "MVM-104": Entry("The API server's certificate is not trusted", "Check certificate-authority in the kubeconfig."),
    "MVM-105": Entry("The credential plugin of the kubeconfig failed", "Log in again as it says, then retry."),
    "MVM-106": Entry("The API server does not accept the credentials", "Log in again, then retry."),
    "MVM-107": Entry("A permission is missing", "Ask for the role that docs/permissions.md lists."),
    "MVM-108": Entry("The API server is overloaded", "It is tried again; raise its limits if this stays."),
    "MVM-109": Entry("The API server refused the object", "Mend the field that it names."),
    "MVM-110": Entry(
        "Another manager owns this field", "Agree with the other manager, or change the plan to its value."
    ),
    "MVM-111": Entry("The object changed since it was shown", "Review the changes again."),
    "MVM-112": Entry("The kubeconfig cannot be read", "Mend the file at the place it names."),
    "MVM-113": Entry("The credential plugin of the kubeconfig is not installed", "Install it, then retry."),
    "MVM-114": Entry("The credential plugin gave no credential", "Run it by hand and look at what it prints."),
    "MVM-115": Entry("The API server does not know this", "Check that its namespace, kind or owner exists."),
    "MVM-116": Entry("An object of that name exists already", "Look whose it is, or choose another name."),
    "MVM-117": Entry("The namespace is being deleted", "Wait until it is gone; it is tried again."),
    "MVM-118": Entry("A quota of the namespace is used up", "Free some of it, or ask for more."),
    "MVM-119": Entry("The API server answered with an error", "Read its words, then retry."),
    "MVM-120": Entry("Only looking is allowed here", "Leave the read-only mode to change something."),
    "MVM-121": Entry(
        "An admission policy refused the object", "Let the plan satisfy the policy, or ask whoever keeps it."
    ),
    "MVM-122": Entry(
        "The API server cannot reach a webhook", "See that what serves the webhook runs and can be reached."
    ),
    "MVM-131": Entry(
        "Nodes are too old or too new for this API server", "Bring them within three minor versions of it."
    ),
    "MVM-132": Entry("Pods of this namespace may get no sidecar", "Install Istio's CNI, or choose another namespace."),
    "MVM-133": Entry("A quota leaves no room for what the plan makes", "Free some of it, or ask for more."),
    "MVM-134": Entry(
        "A policy engine guards this cluster", "Expect it to refuse objects that its policies do not know."
    ),
    # 2xx: mesh and gateway
    "MVM-201": Entry("Istio is not installed in this cluster", "Choose install: install, or pick another cluster."),
    "MVM-202": Entry("istiod is not available yet", "Look at its Pods and Events."),
    "MVM-203": Entry("Auto-registration is switched off in istiod", "Switch it on, then retry."),
    "MVM-204": Entry("istiod does not run in that revision", "Set mesh.revision to one that runs."),
    "MVM-205": Entry("The running mesh has other IDs than the plan", "Set them to auto, or to what the mesh has."),
    "MVM-206": Entry("This upgrade is not done here", "Upgrade it by its own tool, then choose keep."),
    "MVM-207": Entry("Another kind of control plane serves this cluster", "Choose keep, or another cluster."),
    "MVM-208": Entry("istioctl is not installed", "Put istioctl on PATH, or make the gateway by apply."),
    "MVM-209": Entry("istioctl failed", "Read its words; running it again is safe."),
    "MVM-211": Entry("The existing gateway does not serve istiod", "Add port 15012 to it, or name another gateway."),
    "MVM-212": Entry("The gateway has no address yet", "Look at the Events of its Service; retry when it has one."),
    "MVM-213": Entry("The gateway will never get an address", "Set gateway.address, or make it a LoadBalancer."),
    "MVM-214": Entry("The gateway's host name cannot be resolved", "Wait for DNS, or set gateway.address."),
    "MVM-215": Entry("The gateway is not available yet", "Look at its Pods and Events."),
    "MVM-216": Entry("Istio's own configuration cannot be read", "Mend the ConfigMap at the key it names."),
    "MVM-217": Entry("Another tool manages this mesh", "Change it with that tool, then choose install: keep."),
    "MVM-218": Entry("The upgrade has not been confirmed", "Set mesh.upgradeCluster to the name of the cluster."),
    "MVM-219": Entry(
        "istioctl is not of the wanted version", "Put that istioctl first on PATH, or change mesh.version."
    ),
    "MVM-221": Entry("istioctl x precheck found something", "Settle what it names, then run again."),
    "MVM-222": Entry("The upgrade would change who the mesh is", "Upgrade it by its own tool; nothing was changed."),
    "MVM-223": Entry("The upgrade would do more than upgrade", "Set mesh.profile to the one that the mesh runs with."),
    "MVM-224": Entry("istiod is exposed in another way", "Mend it with its owner, or set gateway.exposeIstiod: false."),
    "MVM-225": Entry("Health checks of VMs are switched off in istiod", "Switch them on, or leave the probe out."),
    "MVM-231": Entry(
        "The gateway's Pods are not injected", "Open TCP 15017 from the control plane's network to istiod's Pods."
    ),
    "MVM-241": Entry(
        "Istio is of a release that this was not made for", "Try it with one VM first: 1.22 to 1.31 are known to work."
    ),
    "MVM-242": Entry(
        "The VM's sidecar and istiod are too far apart", "Leave sidecar.version empty, or stay one minor version away."
    ),
    "MVM-243": Entry(
        "The gateway's proxy and istiod are too far apart", "Restart the gateway's Pods: kubectl rollout."
    ),
    "MVM-244": Entry("istiod is scaled to nothing", "Scale its Deployment up; nothing in the mesh gets certificates."),
    "MVM-245": Entry("The injection webhook is not ready", "See that istiod runs: it writes the certificate itself."),
    "MVM-246": Entry("Istio's kinds are not served", "Install Istio's CustomResourceDefinitions (chart base)."),
    "MVM-247": Entry("istiod does not look at this namespace", "Give it a label that discoverySelectors select."),
    "MVM-248": Entry(
        "Pods start without a sidecar while istiod is away", "Set failurePolicy: Fail where that matters."
    ),
    "MVM-249": Entry("VM and gateway share no IP family", "Give the VM an address of the gateway's family."),
    # 6xx: services and probes
    "MVM-601": Entry("The sample service is not available", "Look at its Pods and Events, then retry."),
    "MVM-602": Entry("The name of a sample is taken", "Choose another name in the plan, or leave the sample out."),
    "MVM-603": Entry("The sample HTTP server does not run on the VM", "Read its words, then retry."),
    "MVM-604": Entry("The sample server's port is taken on the VM", "Choose another port, or leave the sample out."),
    "MVM-611": Entry(
        "The name cannot be resolved where the request starts", "Check captureDNS and that the Service exists."
    ),
    "MVM-612": Entry(
        "Nothing accepts the connection", "Check the firewall between Pods and the VM, and that the server runs."
    ),
    "MVM-613": Entry("The request was not answered in time", "Check the firewall between Pods and the VM."),
    "MVM-614": Entry(
        "The mesh knows no healthy server for this name", "Check the Service's selector, the server and its health."
    ),
    "MVM-615": Entry(
        "The mesh could not reach the server", "Check the firewall, and that the server listens on its port."
    ),
    "MVM-616": Entry("The connection was cut", "Check that both ends have a sidecar, as strict mutual TLS wants it."),
    "MVM-617": Entry(
        "The answer has another status than expected", "Look at the answering server, or change what is expected."
    ),
    "MVM-618": Entry(
        "The answer does not stand in the server's own log", "See that nothing else answers under this name."
    ),
    "MVM-619": Entry(
        "Other machines answered, but not this one", "See that its WorkloadEntry is healthy and selected."
    ),
    "MVM-621": Entry(
        "The Pod that makes the request did not run", "Look at the image and at the namespace's policies."
    ),
    "MVM-622": Entry("The Pod that makes the request got no sidecar", "Check the injection webhook and mesh.revision."),
    "MVM-623": Entry("The request could not be made from the VM", "Read its words, then retry."),
    "MVM-624": Entry(
        "A limit of the mesh refused the request", "Look at the circuit breakers and rate limits for this name."
    ),
    "MVM-625": Entry(
        "The mesh has no route for this request", "Look at the VirtualServices and DestinationRules for this name."
    ),
    "MVM-626": Entry(
        "Mutual TLS with the server failed",
        "Check that the server's sidecar captures the port and is of the same mesh.",
    ),
    "MVM-627": Entry(
        "The sidecar of the Pod that makes the request does not start",
        "Read its words; look at Istio's CNI and the policies of the namespace.",
    ),
    # 3xx: identity, registration and what istiod says
    "MVM-301": Entry("The istio-token has expired", "Run again: a new token is made and copied."),
    "MVM-302": Entry("The istio-token is for another audience", "Run again: a token for istio-ca is made and copied."),
    "MVM-303": Entry("istiod does not know this cluster ID", "Set mesh.clusterID to istiod's, or auto, and run again."),
    "MVM-304": Entry("istiod does not accept the istio-token", "Run again: a new token is made and copied."),
    "MVM-305": Entry("The istio-token is not on the VM", "Run again: it is gone after a reboot and is made anew."),
    "MVM-306": Entry(
        "istiod finds no such WorkloadGroup", "Check that the gateway leads to the plan's cluster; run again."
    ),
    "MVM-307": Entry(
        "The VM does not trust istiod's certificate", "Run again: the mesh's root certificate is copied anew."
    ),
    "MVM-308": Entry(
        "istiod's certificate is for another name", "Check mesh.revision and discoveryAddress in the mesh."
    ),
    "MVM-309": Entry(
        "A certificate is not valid at the VM's time", "Set the VM's clock (timedatectl), then run again."
    ),
    "MVM-310": Entry("The certificate is of another identity", "Run again: old certificates are moved aside."),
    "MVM-311": Entry("The ServiceAccount is not the group's", "Check workload.serviceAccount, then run again."),
    "MVM-312": Entry("The VM cannot look up istiod's name", "Run again: the line in /etc/hosts is written anew."),
    "MVM-313": Entry("istiod does not answer the VM in time", "Open the way from the VM to the gateway's port 15012."),
    "MVM-314": Entry("The gateway refuses the VM's connection", "Check that the gateway runs and serves port 15012."),
    "MVM-315": Entry(
        "The gateway cuts the VM's TLS connection", "Check that istiod is exposed: Gateway and VirtualService."
    ),
    "MVM-316": Entry("istiod is not ready yet", "Wait until its Pods are ready; it is tried again."),
    "MVM-317": Entry("istiod signs no certificates in this mesh", "Name the mesh's CA by CA_ADDR in sidecar.extraEnv."),
    "MVM-318": Entry("The root certificate is not on the VM", "Run again: it is copied anew."),
    "MVM-319": Entry("The agent may not read or write one of its files", "Run again: owners and modes are mended."),
    "MVM-320": Entry("No WorkloadEntry has appeared", "Read the agent's log and istiod's log for this VM."),
    "MVM-321": Entry("The WorkloadEntry is not connected", "Check that istio.service runs on the VM."),
    "MVM-322": Entry("The WorkloadEntry has another address", "Set the machine's address to the one that Pods reach."),
    "MVM-323": Entry("The workload is not healthy", "Check that it answers the probe on the VM."),
    "MVM-324": Entry("The workload certificate has expired", "Run again: a new token is made and copied."),
    "MVM-325": Entry("The namespace is not the group's", "Run again: the files are made anew."),
    "MVM-326": Entry("The agent cannot read its mesh configuration", "Run again: mesh.yaml is copied anew."),
    "MVM-327": Entry("istiod refused the registration", "Read its words, then run again."),
    "MVM-328": Entry("The istio-token cannot be read", "Run again: a new token is made and copied."),
    # 4xx: the VM over SSH
    "MVM-401": Entry("The machine's name is not known", "Check machines[].host and the name service."),
    "MVM-402": Entry("The machine refuses SSH connections", "Check that sshd runs and that ssh.port is right."),
    "MVM-403": Entry(
        "The machine does not answer", "Check its address, that it runs, and the firewall to its SSH port."
    ),
    "MVM-404": Entry("The machine's host key is not known yet", "Compare the fingerprint on the VM, then accept it."),
    "MVM-405": Entry("The machine's host key has changed", "Find out why before anything else; nothing was sent."),
    "MVM-406": Entry(
        "The machine did not accept the login", "Check ssh.user and ssh.key, and authorized_keys on the VM."
    ),
    "MVM-407": Entry("The SSH key cannot be used", "Name a key that can be read, or load it into ssh-agent."),
    "MVM-408": Entry("What answers is no SSH server", "Check ssh.port; a busy sshd is tried again."),
    "MVM-409": Entry("No common SSH algorithms", "Bring OpenSSH on the machine to 7.2 or newer."),
    "MVM-410": Entry("The machine refused the SSH session", "Read its words; check sshd's settings for this user."),
    "MVM-411": Entry("The SSH connection was cut", "It is tried again; what was begun on the VM goes on there."),
    "MVM-412": Entry("The machine stopped answering", "It is tried again; check the machine's load and network."),
    "MVM-413": Entry(
        "sudo asks for a password",
        "Type it in where the wizard or the terminal asks for it. Unattended: set MESHVM_TUI_SUDO_PASSWORD, let this "
        "user run sudo without a password (NOPASSWD), or log in as root.",
    ),
    "MVM-414": Entry("This user may not become root", "Name a user that may use sudo, or log in as root."),
    "MVM-415": Entry("This way to the machine comes with Google Cloud", "Set ssh.via to external, internal or jump."),
    "MVM-416": Entry("The jump host does not reach the machine", "Check ssh.jump and that it may forward connections."),
    "MVM-417": Entry("The script on the VM ended without its result", "Read its last words, then run again."),
    "MVM-418": Entry("Only a host key of another type is known", "Compare the fingerprint on the VM, then pin it."),
    "MVM-419": Entry("The machine's host key is revoked", "Do not connect; find out who revoked it in known_hosts."),
    "MVM-420": Entry("The machine does not run systemd", "Use a VM whose first process is systemd."),
    "MVM-421": Entry("The distribution is not supported", "Use Debian or Ubuntu: the package is a .deb."),
    "MVM-422": Entry("The processor is not supported", "Use amd64 or arm64: Istio has packages for these."),
    "MVM-423": Entry("The machine's clock is wrong", "Set it (timedatectl set-ntp true), then run again."),
    "MVM-424": Entry("The gateway refuses the VM's connection", "Check that the gateway serves port 15012."),
    "MVM-425": Entry("The VM does not reach the gateway", "Open TCP 15012 from the VM to the gateway's address."),
    "MVM-426": Entry(
        "The gateway ends the TLS connection", "Check that istiod is exposed: Gateway and VirtualService."
    ),
    "MVM-427": Entry(
        "The gateway shows a certificate of another mesh", "Check that the address is this cluster's gateway."
    ),
    "MVM-428": Entry("A tool is missing on the machine", "Install it with apt-get, then run again."),
    "MVM-429": Entry("The machine has no address for SSH", "Set machines[].host in the plan."),
    "MVM-430": Entry("Another run is at work on the machine", "Wait until it has ended, then run again."),
    "MVM-431": Entry(
        "SSH does not work since the sidecar runs", "Wait three minutes: the VM stops the sidecar by itself."
    ),
    "MVM-432": Entry(
        "Names cannot be looked up since the sidecar runs", "Set sidecar.captureDNS: false, then run again."
    ),
    "MVM-433": Entry(
        "The machine ended the login after too many keys", "Name the right key in ssh.key: then no other one is tried."
    ),
    "MVM-434": Entry("sudo did not take the password", "Give the password of the user who logs in, then run again."),
    "MVM-435": Entry("The passphrase does not open the SSH key", "Give the key's own passphrase, or use ssh-agent."),
    "MVM-436": Entry(
        "The SSH configuration goes a way that is not supported", "Use ProxyJump in ssh_config, or ssh.via: jump."
    ),
    "MVM-440": Entry(
        "The VM has a resolver of its own on port 53",
        "See that its names are still found once the sidecar runs, or set sidecar.captureDNS: false.",
    ),
    "MVM-441": Entry("The VM has several addresses", "Set machines[].address if Pods reach it at another one."),
    "MVM-442": Entry(
        "The VM has a network of its own for containers or VMs",
        "See that they still reach what they need: the sidecar's rules catch what they send, too.",
    ),
    "MVM-443": Entry(
        "Rules of an earlier sidecar are left on the VM",
        "Start and stop istio.service once, or reboot the VM: both take them away.",
    ),
    "MVM-444": Entry("A port of the sidecar is taken on the VM", "End the process that holds it, then run again."),
    "MVM-445": Entry(
        "The VM's C library is older than the sidecar wants", "Use a newer release: Debian 10, Ubuntu 20.04 or later."
    ),
    "MVM-446": Entry("The VM's disk is nearly full", "Make room on it before the package is installed."),
    "MVM-447": Entry("The VM enforces SELinux", "If the sidecar is refused something, `ausearch -m avc` tells what."),
    "MVM-448": Entry("A part of the VM's disk is read-only", "Mount it read-write, then run again."),
    # 50x to 51x: the bootstrap files
    "MVM-501": Entry("The WorkloadGroup cannot be read", "Mend the WorkloadGroup at the place that is named."),
    "MVM-502": Entry("There is no such WorkloadGroup", "Check its name and namespace, or give a file with -f."),
    "MVM-503": Entry("The WorkloadGroup's namespace does not exist", "Create it, then run again."),
    "MVM-504": Entry("The WorkloadGroup's ServiceAccount does not exist", "Create it, then run again."),
    "MVM-505": Entry("istiod's configuration was not found", "Check the revision (-r) and Istio's namespace (-i)."),
    "MVM-506": Entry("The mesh configuration cannot be read", "Mend the ConfigMap at the place that is named."),
    "MVM-507": Entry("The cluster ID cannot be found out", "Name it with --clusterID."),
    "MVM-508": Entry(
        "The gateway has no address yet", "Wait until it has one and run again, or name it with --ingressIP."
    ),
    "MVM-509": Entry("The gateway has a host name only", "Resolve it and name the address with --ingressIP."),
    "MVM-510": Entry(
        "The namespace has no root certificate of the mesh yet", "istiod writes it; see that it serves the namespace."
    ),
    "MVM-511": Entry("The annotation proxy.istio.io/config cannot be read", "Mend it in the WorkloadGroup."),
    "MVM-512": Entry("A variable cannot be set by a shell", "Use letters, digits and _ in the names of proxyMetadata."),
    "MVM-513": Entry("The folder cannot be written", "Check its owner and the free space, or name another one."),
    "MVM-514": Entry("The token could not be created", "Read the words, then run again."),
    "MVM-515": Entry("The bootstrap files are not as they must be", "Mend what is named here, then run again."),
    # 52x to 59x: files and installation on the VM
    "MVM-520": Entry(
        "The mesh's root certificate is no PEM", "Mend the ConfigMap istio-ca-root-cert in the namespace."
    ),
    "MVM-521": Entry("The sidecar package cannot be downloaded", "Check sidecar.version and sidecar.package."),
    "MVM-522": Entry("The sidecar package is not the one that was meant", "Compare sidecar.sha256 with its source."),
    "MVM-523": Entry("What was downloaded is no Debian package", "Check sidecar.package: is the version released?"),
    "MVM-524": Entry("Another package manager is at work on the VM", "Wait until it has ended, then run again."),
    "MVM-525": Entry("The VM's disk is full", "Make room on it, then run again."),
    "MVM-526": Entry("The sidecar package could not be installed", "Read dpkg's words and mend that on the VM."),
    "MVM-527": Entry("The package's dependencies are missing", "Install them on the VM (apt-get -f install)."),
    "MVM-528": Entry("A file could not be written on the VM", "Read the words and mend that on the VM."),
    "MVM-529": Entry("The package file is not on this computer", "Check the path in sidecar.package."),
    "MVM-530": Entry("systemd could not start the sidecar", "Read `systemctl status istio` on the VM."),
    "MVM-531": Entry("The sidecar did not become ready", "Read /var/log/istio/istio.log on the VM."),
    "MVM-532": Entry("The guard against losing SSH cannot be set", "Check that systemd-run works on the VM."),
    "MVM-533": Entry("The sidecar's version is not known", "Set sidecar.version in the plan."),
    "MVM-534": Entry("The VM could not do what was asked", "Read its words, then run again."),
    "MVM-535": Entry("The bootstrap files cannot be made yet", "Wait for what is named here; it is tried again."),
    # 7xx: plan, session and this computer
    "MVM-701": Entry("The plan is not valid", "Mend the fields named here."),
    "MVM-702": Entry("The plan cannot be read", "Check the path and that it is YAML."),
    "MVM-703": Entry("The plan cannot be written there", "Name a file that is not there yet, in a folder of yours."),
    "MVM-711": Entry("The session is in use", "Close it there, or use another session with --session."),
    "MVM-712": Entry("The session is damaged", "Delete it in the list of sessions, or move its folder away."),
    "MVM-713": Entry("The session was written by a newer version", "Use that version, or another session."),
    "MVM-714": Entry(
        "Another cluster answers now",
        "What the session did is not done in this one. Pick the other one's context; or, where this one replaces it, "
        "go on in it by its name (for apply: --accept-cluster). Everything is then looked at anew.",
    ),
    "MVM-715": Entry("There is no such session", "`meshvm-tui sessions` lists those that exist."),
    "MVM-716": Entry("This cannot be a session's name", "Use 1 to 63 lower-case letters, digits, - or . in it."),
    "MVM-717": Entry(
        "The state directory cannot be written", "Check its owner and the free space, or set MESHVM_TUI_STATE_DIR."
    ),
    "MVM-718": Entry("A session of that name is there already", "Take another name, or delete that session first."),
    "MVM-721": Entry("The lab did not start", "Read its words; `lab --fresh` starts a new world."),
    "MVM-722": Entry("Nothing may be changed, as this was started read-only", "Start it again without --read-only."),
    "MVM-723": Entry("The login did not succeed", "Log in by hand, then try again."),
    "MVM-724": Entry("The output cannot be written", "Check the disk or the program that it goes to, then run again."),
    **GOOGLE,
    # 9xx: unforeseen
    "MVM-901": Entry("Something unforeseen happened", "Send the log of this session with a report."),
    "MVM-902": Entry("The change was made, but is not seen", "Look at what is there now, then retry."),
}
