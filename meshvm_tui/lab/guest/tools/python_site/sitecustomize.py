"""What the VM's own Python does differently: a server on every address, or on localhost, is one on the VM's address.

All lab VMs share the computer's loopback; without this, two of them could not serve the same port.
"""

import os
import socket
from typing import Any

_VM = os.environ.get("MESHVM_LAB_ADDRESS", "")
_EVERYWHERE = ("", "0.0.0.0", "127.0.0.1", "localhost")
_bind = socket.socket.bind


def _bind_to_vm(self: socket.socket, address: Any) -> None:
    if _VM and self.family == socket.AF_INET and address[0] in _EVERYWHERE:
        address = (_VM, address[1])
    elif _VM and self.family == socket.AF_INET6 and address[0] in ("", "::", "::1", "localhost"):
        # An IPv6 socket reaches an IPv4 address in its mapped form, if it is not for IPv6 only.
        self.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        address = (f"::ffff:{_VM}", address[1])
    _bind(self, address)


socket.socket.bind = _bind_to_vm  # type: ignore[method-assign,assignment]
