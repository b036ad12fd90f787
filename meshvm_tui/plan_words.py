"""What each field of the plan is for, with an example: for the help, the JSON Schema and the plan's reference.

Paths are those of the YAML, without the numbers of lists: `machines.ssh.user`.
"""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """What a field is for, and a value that it may have as a form takes it."""

    purpose: str
    example: str = ""
    valid: str = ""
    """Where the schema cannot say it."""


PLAN_WORDS = {
    "cluster.context": Words(
        "The context of the kubeconfig that leads to the cluster. Empty is the current one.", "prod"
    ),
    "cluster.kubeconfig": Words(
        "The kubeconfig file. Empty is what kubectl reads: KUBECONFIG, else ~/.kube/config.", "/home/me/.kube/prod"
    ),
    "cluster.gke": Words(
        "A GKE cluster, found and entered with your Google login; no kubeconfig is needed then.", "yes"
    ),
    "cluster.gke.project": Words("The Google Cloud project of the cluster. Empty is gcloud's own.", "my-project"),
    "cluster.gke.location": Words("The zone of a zonal cluster, the region of a regional one.", "europe-west1"),
    "cluster.gke.name": Words("What the GKE cluster is called.", "prod"),
    "cluster.gke.endpoint": Words(
        "The control plane's address that is used: its DNS name, its public IP or its private one. auto is what gcloud"
        " would take.",
        "dns",
    ),
    "google.impersonateServiceAccount": Words(
        "The service account that your Google login acts as. auto is as gcloud is set.",
        "deploy@my-project.iam.gserviceaccount.com",
    ),
    "google.quotaProject": Words(
        "The project that Google's API calls are counted in. auto is as gcloud is set.", "auto"
    ),
    "mesh.istioNamespace": Words("The namespace of istiod.", "istio-system"),
    "mesh.revision": Words(
        "The control plane that the VM joins, by revision or by tag. auto takes the only one that runs.",
        "stable",
    ),
    "mesh.install": Words(
        "What may be done to the control plane. keep touches none that runs, install is for a cluster without Istio,"
        " upgrade brings the one that istioctl made to another version.",
        "keep",
    ),
    "mesh.version": Words("Istio's version for a new or upgraded control plane. Empty is istioctl's own.", "1.30.3"),
    "mesh.upgradeCluster": Words(
        "Your consent to an upgrade: the name of the context whose control plane may be changed.", "prod"
    ),
    "mesh.profile": Words("The istioctl profile of a new control plane.", "default"),
    "mesh.meshID": Words("The mesh's name. auto is as the running istiod has it.", "acme-mesh"),
    "mesh.clusterID": Words("The cluster's name in the mesh. auto is as the running istiod has it.", "prod-1"),
    "mesh.network": Words("The network of the cluster's Pods. auto is as the running istiod has it.", "auto"),
    "gateway.name": Words("The east-west gateway through which the VM reaches istiod.", "istio-eastwestgateway"),
    "gateway.namespace": Words("Where the gateway runs. Empty is istiod's namespace.", "istio-system"),
    "gateway.method": Words("How a new gateway is made: by objects that can be undone, or by istioctl.", "apply"),
    "gateway.address": Words(
        "The IP address at which the VM finds the gateway. auto is what its Service got.", "34.140.1.7"
    ),
    "gateway.exposure": Words(
        "From where a new gateway can be reached: the internet, or the VPC network alone. One that is there stays as"
        " it is.",
        "internal",
    ),
    "gateway.sourceRanges": Words(
        "From which IP ranges the gateway may be reached. Empty is from anywhere.", "10.0.0.0/8"
    ),
    "gateway.exposeIstiod": Words("Whether the gateway leads to istiod, which the VM needs.", "yes"),
    "gateway.exposeServices": Words(
        "Whether the gateway leads to the mesh's services: only where the VM is in another network than the Pods.", "no"
    ),
    "workload.name": Words("The WorkloadGroup, which all of the plan's machines share.", "hello-vm"),
    "workload.namespace": Words("The namespace of the VM in the mesh.", "vm-namespace"),
    "workload.serviceAccount": Words("The Kubernetes ServiceAccount that is the VM's identity.", "vm-sa"),
    "workload.labels": Words("Labels of the VM's entries, by which Services select them.", "app=hello-vm, tier=web"),
    "workload.annotations": Words("Annotations of the VM's entries.", "team=payments"),
    "workload.ports": Words("The ports that the VM serves, by name.", "http=80"),
    "workload.network": Words("The VM's network. Empty where Pods and VM reach each other directly.", "vm-network"),
    "workload.locality": Words("Where the VM is, for locality load balancing.", "europe-west1/europe-west1-b"),
    "workload.weight": Words("The share of requests that the VM gets. 0 leaves it to Istio.", "100"),
    "workload.probe.httpGet": Words("An HTTP request that has to be answered with a status below 400."),
    "workload.probe.httpGet.path": Words("The path of the request.", "/healthz"),
    "workload.probe.httpGet.port": Words("The port that is asked.", "80"),
    "workload.probe.httpGet.host": Words("The Host header, where the application wants one."),
    "workload.probe.httpGet.scheme": Words("HTTP or HTTPS.", "HTTP"),
    "workload.probe.tcpSocket": Words("A TCP port that has to take a connection."),
    "workload.probe.tcpSocket.port": Words("The port that is tried.", "5432"),
    "workload.probe.tcpSocket.host": Words("The address that is tried, where it is not the VM's own."),
    "workload.probe.exec": Words("A command on the VM that has to end with 0; it runs as istio-proxy."),
    "workload.probe.exec.command": Words("The command and its arguments."),
    "workload.probe.initialDelaySeconds": Words("Seconds before the first check.", "5"),
    "workload.probe.periodSeconds": Words("Seconds from one check to the next.", "10"),
    "workload.probe.timeoutSeconds": Words("Seconds that an answer may take.", "1"),
    "workload.probe.successThreshold": Words("Answers in a row until it counts as healthy.", "1"),
    "workload.probe.failureThreshold": Words("Failures in a row until it counts as unhealthy.", "3"),
    "workload.probe": Words(
        "How the VM's health is checked, by its own sidecar. Empty is not at all: the entry then counts as healthy.",
        "http :80 /health every 10 s",
        "none, http :PORT PATH, tcp :PORT or exec COMMAND; then every N s",
    ),
    "machines.name": Words("The VM's name in the plan; on Compute Engine, the instance's.", "hello-vm-1"),
    "machines.gce": Words("A VM of Google's Compute Engine. no is any other host that SSH reaches.", "yes"),
    "machines.gce.project": Words("The project of the instance. Empty is gcloud's own.", "my-project"),
    "machines.gce.zone": Words("The zone of the instance. Empty is gcloud's own.", "europe-west1-b"),
    "machines.gce.create": Words("Whether the instance is created where there is none.", "yes"),
    "machines.gce.create.machineType": Words("How many CPUs and how much memory a new instance has.", "n1-standard-2"),
    "machines.gce.create.imageFamily": Words("The image of a new instance: Debian or Ubuntu.", "debian-12"),
    "machines.gce.create.imageProject": Words("The project that publishes the image.", "debian-cloud"),
    "machines.gce.create.tags": Words("The new instance's network tags, by which firewall rules find it.", "mesh-vm"),
    "machines.gce.create.network": Words(
        "The new instance's VPC network: a name, or a path for a Shared VPC.", "default"
    ),
    "machines.gce.create.subnet": Words("The new instance's subnet. Empty is the network's own for the region.", "vms"),
    "machines.gce.create.serviceAccount": Words(
        "The Google service account of the new instance. Empty is the project's default one.", "none"
    ),
    "machines.gce.create.externalAddress": Words(
        "Whether the new instance gets an external IP address. Without one it is entered through IAP.", "no"
    ),
    "machines.host": Words("Where SSH finds the VM: a name, an address, or a host of your ssh_config.", "10.128.0.7"),
    "machines.ssh.user": Words("Who logs in, and may use sudo. Empty is as ssh itself would.", "operator"),
    "machines.ssh.port": Words("The port of the VM's SSH server.", "22"),
    "machines.ssh.key": Words(
        "The private key file to log in with. Empty: your agent and ~/.ssh; on Compute Engine a key that lives in"
        " memory for the run.",
        "~/.ssh/id_ed25519",
    ),
    "machines.ssh.via": Words(
        "The way to the VM: its external address, its internal one, Google's IAP tunnel, or a jump host.", "iap"
    ),
    "machines.ssh.jump": Words("The hosts that SSH goes over.", "me@bastion.example.com:22"),
    "machines.ssh.knownHost": Words(
        "The VM's host key. Another one is refused. Empty: as known_hosts has it, else you are asked.",
        "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
    ),
    "machines.address": Words("The IP address at which Pods reach the VM. Empty is the host's.", "10.128.0.7"),
    "firewall.name": Words("The firewall rule that lets Pods reach the VMs.", "cluster-pods-to-vm"),
    "firewall.manage": Words("Whether the rule is made and kept. no only looks at it.", "yes"),
    "firewall.ports": Words("The TCP ports that Pods may reach.", "80"),
    "firewall.sources": Words("From which ranges. auto is every range of the cluster's Pods.", "10.4.0.0/14"),
    "firewall.target": Words("Whether the rule names the VMs by network tag or by service account.", "tag"),
    "sidecar.version": Words("The sidecar's version on the VM. Empty is istiod's.", "1.30.3"),
    "sidecar.package": Words("Where the istio-sidecar package is from: official, a URL, or a file here.", "official"),
    "sidecar.sha256": Words("The package's SHA-256. Empty takes the one that is published beside it."),
    "sidecar.captureDNS": Words("Whether the VM resolves the mesh's names.", "yes"),
    "sidecar.excludeInboundPorts": Words("Ports of the VM that the sidecar leaves alone; SSH's always is.", "9100"),
    "sidecar.excludeOutboundRanges": Words(
        "Addresses that the VM reaches past the sidecar, such as the metadata server.", "169.254.169.254/32"
    ),
    "sidecar.extraEnv": Words(
        "Further settings for the sidecar, as in cluster.env.", "ISTIO_AGENT_FLAGS=--log_output_level=debug"
    ),
    "sidecar.tokenDuration": Words(
        "How long the VM's first token lasts, in seconds. It is needed only until the sidecar has its certificate.",
        "3600",
    ),
    "services.helloWorld": Words("A sample service in the cluster, which the VM asks as proof.", "yes"),
    "services.helloWorld.image": Words("The sample's container image.", "gcr.io/tetratelabs/hello-world:1.0.0"),
    "services.helloWorld.namespace": Words("Where the sample runs.", "default"),
    "services.vmService": Words("A Kubernetes Service for the VM, so that Pods find it by name.", "yes"),
    "services.vmService.name": Words("What the VM's Service is called.", "hello-vm"),
    "services.vmService.port": Words("The port that Pods ask.", "80"),
    "services.vmService.targetPort": Words("The port that the VM listens on.", "80"),
    "services.httpServer": Words("A sample HTTP server on the VM, which a Pod asks as proof.", "yes"),
    "services.httpServer.port": Words("The port that the sample listens on.", "80"),
    "probes.requests": Words("The requests that prove both ways. Empty is one each way between the samples."),
    "probes.requests.from": Words("Where the request starts: on the VM, or in the cluster.", "vm"),
    "probes.requests.url": Words("The URL that is asked.", "http://hello-world.default"),
    "probes.requests.expect": Words("The status that proves it.", "200"),
    "probes.curlImage": Words("The image of the Pod that asks the VM.", "curlimages/curl:8.10.1"),
}
