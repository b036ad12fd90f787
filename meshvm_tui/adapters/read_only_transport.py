"""The fence around a read-only cluster: which methods and paths may leave the process.

GET may, but for the subresources that open a channel, and POST to the self-reviews, which change nothing.
It stands beneath everything that asks, so no screen and no step can get past it.
"""

from __future__ import annotations

from urllib.parse import unquote

from meshvm_tui.adapters.kubeconfig import ClusterAccess
from meshvm_tui.adapters.kubernetes_transport import Reply, Request, Stream, Transport
from meshvm_tui.problems import PermanentError


class ReadOnlyTransport:
    """The fence of a read-only cluster: nothing but looking gets past it, whoever asks."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    @property
    def access(self) -> ClusterAccess:
        """What the kubeconfig says about the cluster."""
        return self._inner.access

    def send(self, request: Request) -> Reply:
        """Sends it if it only looks; PermanentError before anything leaves otherwise."""
        refuse_unless_reading(request)
        return self._inner.send(request)

    def stream(self, request: Request) -> Stream:
        """Sends it if it only looks."""
        refuse_unless_reading(request)
        return self._inner.stream(request)

    def server_time(self) -> float | None:
        """The server's clock now."""
        return self._inner.server_time()

    def close(self) -> None:
        """Ends everything under way."""
        self._inner.close()


_SELF_REVIEWS = {
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
}
# A GET on these opens a channel through which anything can be done.
_CHANNELS = {"exec", "attach", "portforward", "proxy"}


def refuse_unless_reading(request: Request) -> None:
    """Lets GET pass, but for exec, attach, portforward and proxy, and POST to self-reviews; raises otherwise."""
    parts = unquote(request.path).strip("/").split("/")
    clean = all(part not in ("", ".", "..") for part in parts) and unquote(request.path) == request.path
    if clean and "?" not in request.path and "#" not in request.path:
        if request.method == "GET" and not _is_channel(parts):
            return
        if (
            request.method == "POST"
            and len(parts) == 4
            and parts[0] == "apis"
            and (parts[1], parts[3]) in _SELF_REVIEWS
        ):
            return
    raise PermanentError("MVM-120", f"{request} is not let out")


def _is_channel(parts: list[str]) -> bool:
    """Whether a path names a subresource that is a channel: …/<plural>/<name>/<subresource>[/…]."""
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if rest[:1] in (["proxy"], ["watch"]):
        return True  # forms that Kubernetes dropped long ago; old servers may still know them
    if rest[:1] == ["namespaces"] and len(rest) > 2 and not (len(rest) == 3 and rest[2] in ("status", "finalize")):
        rest = rest[2:]
    return len(rest) > 2 and rest[2] in _CHANNELS
