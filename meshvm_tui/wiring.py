"""Joins ports and adapters: the one place that knows which library stands behind a port."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from meshvm_tui.locations import known_hosts
from meshvm_tui.problems import ActionNeeded, PermanentError

if TYPE_CHECKING:
    from meshvm_tui.adapters.google_compute_calls import ComputeCalls
    from meshvm_tui.adapters.google_credentials import GoogleLogin
    from meshvm_tui.adapters.google_rest import GoogleRest
    from meshvm_tui.adapters.instance_access import GceAccess
    from meshvm_tui.adapters.kubeconfig import ClusterAccess
    from meshvm_tui.compute_ports import Compute, ComputeReader, InstanceAccess, InstanceAccessReader
    from meshvm_tui.plan import Machine, Plan
    from meshvm_tui.ports import (
        Cluster,
        ClusterReader,
        ContextEntry,
        Guest,
        GuestFacts,
        GuestQuery,
        GuestReader,
        Istioctl,
        Secrets,
    )

T = TypeVar("T")


class WiredConnections:
    """`ports.Connections` over the real adapters. A port is opened once for what it is opened with.

    Where `read_only` is set, no mutating port is ever given. `secrets` is the way to ask for what SSH and sudo want.
    """

    def __init__(self, *, read_only: bool = False, secrets: Secrets | None = None) -> None:
        self._read_only = read_only
        self._secrets = secrets
        self._opened: dict[Hashable, Any] = {}
        self._opening: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def contexts(self, kubeconfig: str) -> tuple[ContextEntry, ...]:
        """The contexts of the merged kubeconfig."""
        from meshvm_tui.adapters import kubeconfig as adapter

        return adapter.contexts(kubeconfig)

    def cluster_reader(self, plan: Plan) -> ClusterReader:
        """The plan's cluster through the read-only transport."""
        from meshvm_tui.adapters.kubernetes_api import KubernetesReader, connect, connect_to

        if reached_by_google(plan):
            key, access = self._gke(plan)
            return self._once(("cluster-reader", *key), lambda: KubernetesReader(connect_to(access())))
        where = (plan.cluster.kubeconfig, plan.cluster.context)
        return self._once(("cluster-reader", *where, stamp_of(where[0])), lambda: KubernetesReader(connect(*where)))

    def cluster(self, plan: Plan) -> Cluster:
        """The plan's cluster. Raises ActionNeeded MVM-722 where nothing may be changed."""
        from meshvm_tui.adapters.kubernetes_api import KubernetesCluster, connect_to

        self._refuse_writing()
        if reached_by_google(plan):
            key, access = self._gke(plan)
            return self._once(("cluster", *key), lambda: KubernetesCluster(connect_to(access())))
        where = (plan.cluster.kubeconfig, plan.cluster.context)
        key = ("cluster", *where, stamp_of(where[0]))
        return self._once(key, lambda: open_cluster(kubeconfig=where[0], context=where[1]))

    def guest_reader(self, plan: Plan, machine: Machine) -> GuestReader:
        """The machine's inside, for looking; over the connection that applying uses afterwards."""
        return _LookingOnly(self._guest(plan, machine))

    def guest(self, plan: Plan, machine: Machine) -> Guest:
        """The machine's inside. Raises ActionNeeded MVM-722 where nothing may be changed."""
        self._refuse_writing()
        return self._guest(plan, machine)

    def istioctl(self, plan: Plan) -> Istioctl:
        """istioctl against the plan's cluster; it is looked for when it is used."""
        from meshvm_tui.adapters.istioctl import IstioctlProcess

        if reached_by_google(plan):
            return self._istioctl_on_gke(plan)
        where = (plan.cluster.kubeconfig, plan.cluster.context)
        return self._once(("istioctl", *where), lambda: IstioctlProcess(*where))

    def compute_reader(self, plan: Plan) -> ComputeReader:
        """Google Cloud with the plan's login, for looking."""
        from meshvm_tui.adapters.google_compute_reads import GoogleComputeReader

        return GoogleComputeReader(self._google_login(plan), self._google_rest(plan), self._compute_calls(plan))

    def compute(self, plan: Plan) -> Compute:
        """Google Cloud with the plan's login. Raises ActionNeeded MVM-722 where nothing may be changed."""
        from meshvm_tui.adapters.google_compute import GoogleCompute

        self._refuse_writing()
        return GoogleCompute(self._google_login(plan), self._google_rest(plan), self._compute_calls(plan))

    def access_reader(self, plan: Plan, machine: Machine) -> InstanceAccessReader:
        """The way into a machine on Compute Engine, for looking."""
        return _AccessLookingOnly(self._access(plan, machine))

    def access(self, plan: Plan, machine: Machine) -> InstanceAccess:
        """The way into a machine on Compute Engine. Raises ActionNeeded MVM-722 where nothing may be changed."""
        self._refuse_writing()
        return self._access(plan, machine)

    def close(self) -> None:
        """Closes every port that was opened."""
        with self._lock:
            ports, self._opened = list(self._opened.values()), {}
        # Taking a key away wants the login. All at once, so that many machines take no longer than one.
        revoking = [threading.Thread(target=port.revoke, daemon=True) for port in ports if hasattr(port, "revoke")]
        for thread in revoking:
            thread.start()
        for thread in revoking:
            thread.join()
        for port in reversed(ports):
            if hasattr(port, "close") and not hasattr(port, "revoke"):
                port.close()

    def _gke(self, plan: Plan) -> tuple[tuple[Hashable, ...], Callable[[], ClusterAccess]]:
        """What a connection to the plan's GKE cluster is opened for, and the way there; found once for all ports."""
        from meshvm_tui.adapters.gke_access import gke_access

        login, gke = self._google_login(plan), plan.cluster.gke
        if gke is None:
            raise PermanentError("MVM-834", "the plan names no GKE cluster")
        key = ("gke", login, gke.model_dump_json())
        rest = self._google_rest(plan)
        return key, lambda: self._once(key, lambda: gke_access(gke, rest, login))

    def _istioctl_on_gke(self, plan: Plan) -> Istioctl:
        from meshvm_tui.adapters.gke_kubeconfig import GkeKubeconfig
        from meshvm_tui.adapters.istioctl import IstioctlProcess

        key, access = self._gke(plan)
        file = self._once(("gke-kubeconfig", *key), lambda: GkeKubeconfig(access, plan.google))
        return self._once(("istioctl", *key), lambda: IstioctlProcess(file.path))

    def _google_login(self, plan: Plan) -> GoogleLogin:
        """One login for the plan's service account and quota project, whoever asks Google for something."""
        from meshvm_tui.adapters.google_credentials import GoogleLogin
        from meshvm_tui.adapters.google_settings import read_settings

        who = (plan.google.impersonate_service_account, plan.google.quota_project)
        return self._once(("google-login", *who), lambda: GoogleLogin(read_settings(), *who))

    def _google_rest(self, plan: Plan) -> GoogleRest:
        from meshvm_tui.adapters.google_rest import GoogleRest

        login = self._google_login(plan)
        return self._once(("google-rest", login), lambda: GoogleRest(login))

    def _compute_calls(self, plan: Plan) -> ComputeCalls:
        from meshvm_tui.adapters.google_compute_calls import ComputeCalls

        login = self._google_login(plan)
        return self._once(("compute-calls", login), lambda: ComputeCalls(login))

    def _access(self, plan: Plan, machine: Machine) -> GceAccess:
        from meshvm_tui.adapters.google_compute import GoogleCompute
        from meshvm_tui.adapters.instance_ways import open_access

        login, rest, calls = self._google_login(plan), self._google_rest(plan), self._compute_calls(plan)
        return self._once(
            ("access", login, machine.model_dump_json()),
            lambda: open_access(
                machine,
                GoogleCompute(login, rest, calls),
                rest=rest,
                login=login,
                own_known_hosts=known_hosts(),
                secrets=self._secrets,
            ),
        )

    def _guest(self, plan: Plan, machine: Machine) -> Guest:
        from meshvm_tui.adapters.ssh_guest import SshGuest

        # paramiko logs what it raises as well; without a handler Python would write that over the screen.
        logging.getLogger("paramiko").addHandler(logging.NullHandler())
        where = ("guest", machine.model_dump_json())
        if machine.gce is not None:
            access = self._access(plan, machine)
            return self._once((*where, access), lambda: SshGuest(access.target))
        return self._once(
            where, lambda: SshGuest.for_machine(machine, own_known_hosts=known_hosts(), secrets=self._secrets)
        )

    def _once(self, key: Hashable, open_port: Callable[[], T]) -> T:
        # Opening asks ssh for its configuration, which may run commands: nobody else waits for that.
        with self._lock:
            opening = self._opening.setdefault(key, threading.Lock())
        with opening:
            if key not in self._opened:
                self._opened[key] = open_port()
            return cast("T", self._opened[key])

    def _refuse_writing(self) -> None:
        if self._read_only:
            raise ActionNeeded("MVM-722", "A step wanted to change something.")


class _AccessLookingOnly:
    """The reading half of an access: nothing is granted through it."""

    def __init__(self, access: InstanceAccess) -> None:
        self.look = access.look


class _LookingOnly:
    """The reading half of a guest: the other half is out of reach, whoever holds it."""

    def __init__(self, guest: Guest) -> None:
        self._observe = guest.observe

    def observe(self, query: GuestQuery) -> GuestFacts:
        """As the guest does."""
        return self._observe(query)

    def close(self) -> None:
        """Nothing: the connection belongs to the guest, which is closed with all ports."""


def reached_by_google(plan: Plan) -> bool:
    """Whether the cluster is reached with the Google login: a context that the plan names goes first."""
    return plan.cluster.gke is not None and not plan.cluster.context


def stamp_of(kubeconfig: str) -> tuple[Hashable, ...]:
    """Another one as soon as a file of the kubeconfig is: a context may lead to another cluster then."""
    from meshvm_tui.adapters.kubeconfig import paths

    stamps: list[Hashable] = []
    for path in paths(kubeconfig):
        with contextlib.suppress(OSError):
            status = path.stat()
            stamps.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(stamps)


def open_cluster(*, kubeconfig: str, context: str) -> Cluster:
    """The cluster behind a context, for commands that need no plan."""
    from meshvm_tui.adapters.kubernetes_api import KubernetesCluster, connect

    return KubernetesCluster(connect(kubeconfig, context))
