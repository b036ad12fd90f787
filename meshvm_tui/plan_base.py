"""What every part of the plan is made of: its base class, and the forms that values may have."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from meshvm_tui import plan_patterns as patterns

AUTO = "auto"

DnsLabel = Annotated[str, StringConstraints(pattern=patterns.DNS_LABEL)]
DnsName = Annotated[str, StringConstraints(pattern=patterns.DNS_NAME, max_length=253)]
Port = Annotated[int, Field(ge=1, le=65535)]
PortName = Annotated[str, StringConstraints(pattern=patterns.PORT_NAME, max_length=63)]
EnvName = Annotated[str, StringConstraints(pattern=patterns.ENV_NAME)]
SshUser = Annotated[str, StringConstraints(pattern=patterns.SSH_USER)]
SshHost = Annotated[str, StringConstraints(pattern=patterns.SSH_HOST)]
Project = Annotated[str, StringConstraints(pattern=patterns.PROJECT_OR_NOTHING)]
Zone = Annotated[str, StringConstraints(pattern=patterns.ZONE_OR_NOTHING)]
Version = Annotated[str, StringConstraints(pattern=patterns.VERSION_OR_NOTHING)]
MeshName = Annotated[str, StringConstraints(pattern=patterns.MESH_NAME_OR_NOTHING)]
Locality = Annotated[str, StringConstraints(pattern=patterns.LOCALITY_OR_NOTHING)]
Image = Annotated[str, StringConstraints(pattern=patterns.IMAGE)]
Resource = Annotated[str, StringConstraints(pattern=patterns.RESOURCE_OR_NOTHING)]
DnsLabelOrNothing = Annotated[str, StringConstraints(pattern=patterns.DNS_LABEL_OR_NOTHING)]
LabelKey = Annotated[str, StringConstraints(pattern=patterns.LABEL_KEY)]
LabelValue = Annotated[str, StringConstraints(pattern=patterns.LABEL_VALUE)]


class Part(BaseModel):
    """A part of the plan: unknown fields are errors, so a misspelt one is never silently ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", validate_assignment=True)


def ip_address(value: str) -> str:
    """The address as it is usually written; ValueError with an example where it is none."""
    try:
        return str(ipaddress.ip_address(value))
    except ValueError as error:
        raise ValueError(f"{value!r} is no IP address, such as 10.128.0.7 or fd00::7") from error


def ip_range(value: str) -> str:
    """The range as it is usually written; ValueError with an example where it is none."""
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError as error:
        raise ValueError(f"{value!r} is no IP range, such as 10.0.0.0/8") from error
