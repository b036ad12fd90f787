"""Hypothesis strategies for whole plans."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from meshvm_tui import plan as p

labels = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
ports = st.integers(1, 65535)
ips = st.ip_addresses().map(str)
ranges = st.ip_addresses(v=4).map(lambda address: f"{address}/32")
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=30)
mesh_names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,30}", fullmatch=True)
values = st.from_regex(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?)?", fullmatch=True)


def part(model: type[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A part of the plan whose named fields are drawn and whose others keep their defaults."""
    return st.fixed_dictionaries({}, optional=fields).map(model.model_validate)


readiness = st.one_of(
    st.builds(
        lambda port, period: p.Probe(http_get=p.HttpGet(port=port), period_seconds=period),
        ports,
        st.none() | st.integers(1, 99),
    ),
    st.builds(lambda port: p.Probe(tcp_socket=p.TcpSocket(port=port)), ports),
    st.builds(lambda command: p.Probe(exec=p.Exec(command=command)), st.lists(texts, min_size=1, max_size=3)),
)
machines = st.builds(
    lambda name, host, port, address: p.Machine(name=name, host=host, ssh=p.Ssh(port=port), address=address),
    labels,
    ips.filter(lambda ip: "." in ip),
    ports,
    st.just("") | ips,
)
projects = st.just("") | st.from_regex(r"[a-z][-a-z0-9]{4,20}[a-z0-9]", fullmatch=True)
zones = st.sampled_from(["europe-west1-b", "us-central1-a", "me-central2-c"])
instances = st.builds(
    lambda name, project, zone, create, via: p.Machine(
        name=name, gce=p.GceInstance(project=project, zone=zone, create=create), ssh=p.Ssh(via=via)
    ),
    labels,
    projects,
    st.just("") | zones,
    st.none()
    | part(
        p.GceCreate,
        machine_type=labels,
        tags=st.lists(labels, max_size=3),
        network=labels,
        service_account=st.sampled_from(["", "none", "vm@acme.iam.gserviceaccount.com"]),
        external_address=st.booleans(),
    ),
    st.sampled_from(p.Via),
)
gke = st.builds(
    lambda project, location, name, endpoint: p.GkeCluster(
        project=project, location=location, name=name, endpoint=endpoint
    ),
    projects,
    zones | st.just("europe-west1"),
    labels,
    st.sampled_from(p.GkeEndpoint),
)
plans = part(
    p.Plan,
    cluster=part(p.Cluster, context=texts, kubeconfig=texts, gke=st.none() | gke),
    google=part(p.Google, impersonate_service_account=texts, quota_project=texts),
    firewall=part(
        p.Firewall,
        manage=st.booleans(),
        ports=st.lists(ports, max_size=3),
        sources=st.just("auto") | st.lists(ranges, max_size=3),
        target=st.sampled_from(p.FirewallTarget),
    ),
    mesh=part(p.Mesh, revision=labels, install=st.sampled_from(p.Install), mesh_id=mesh_names, network=labels),
    gateway=part(p.Gateway, address=ips, exposure=st.sampled_from(p.Exposure), source_ranges=st.lists(ranges)),
    workload=part(
        p.Workload,
        name=labels,
        labels=st.dictionaries(labels, values, max_size=3),
        annotations=st.dictionaries(texts, texts, max_size=3),
        ports=st.dictionaries(labels, ports, max_size=3),
        probe=st.none() | readiness,
    ),
    machines=st.lists(machines | instances, max_size=3, unique_by=lambda machine: machine.name),
    sidecar=part(
        p.Sidecar,
        package=texts,
        extra_env=st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,9}", fullmatch=True), texts, max_size=3),
        token_duration=st.integers(600, 10**6),
    ),
    services=part(p.Services, hello_world=st.none(), http_server=st.none()),
)
