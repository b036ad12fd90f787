"""References to resources in request bodies: full URLs and partial ones, as Compute Engine reads them."""

from __future__ import annotations

import re

from meshvm_tui.lab.google import catalogue
from meshvm_tui.lab.google.errors import GoogleError, invalid

NAME = r"(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)"
_HOSTS = re.compile(r"^https?://[^/]+/compute/(?:v1|beta|alpha)/")
_PARTIAL = re.compile(r"^(?:projects/(?P<project>[^/]+)/)?(?P<rest>(?:global|zones/[^/]+|regions/[^/]+)/.+)$")


def parse(reference: object, field: str) -> tuple[str, list[str]]:
    """The project ("lab-project-1" where it names none) and the parts after it of a reference. 400 for a bare name."""
    text = _HOSTS.sub("", str(reference))
    found = _PARTIAL.match(text.lstrip("/"))
    if not found:
        raise malformed(field, reference)
    return found["project"] or catalogue.PROJECT, found["rest"].split("/")


def malformed(field: str, reference: object) -> GoogleError:
    """The error for a reference that is none."""
    return invalid(field, reference, "The URL is malformed. Must be a full resource URL or a valid partial one.")


def network(reference: object, field: str) -> str:
    """The link of a network that exists."""
    project, parts = parse(reference, field)
    known = {given["name"]: str(given["selfLink"]) for given in catalogue.networks()}
    if project != catalogue.PROJECT or parts[:2] != ["global", "networks"] or parts[-1] not in known:
        raise _missing(field, reference, "network")
    return known[parts[-1]]


def subnetwork(reference: object, field: str, region: str) -> tuple[str, str]:
    """The links of a subnetwork of a region, and of its network."""
    _, parts = parse(reference, field)
    if len(parts) != 4 or parts[0] != "regions" or parts[2] != "subnetworks":
        raise malformed(field, reference)
    if parts[1] != region:
        raise invalid(field, reference, f"The subnetwork must be in the region of the instance, {region}.")
    for known in catalogue.subnetworks(""):
        if str(known["selfLink"]).endswith("/".join(parts)):
            return known["selfLink"], known["network"]
    raise _missing(field, reference, "subnetwork")


def machine_type(reference: object, field: str, zone: str) -> str:
    """The name of a machine type of the zone."""
    _, parts = parse(reference, field)
    if len(parts) != 4 or parts[0] != "zones" or parts[2] != "machineTypes":
        raise malformed(field, reference)
    if parts[1] != zone:
        raise invalid(field, reference, f"The machine type must be in the zone of the instance, {zone}.")
    if parts[3] not in {given["name"] for given in catalogue.machine_types(zone)}:
        words = f"Machine type with name '{parts[3]}' does not exist in zone '{zone}'."
        raise invalid(field, reference, words)
    return parts[3]


def image(reference: object, field: str) -> catalogue.JSON:
    """The image itself, by name or by family."""
    project, parts = parse(reference, field)
    of_zone = len(parts) == 4 and parts[0] == "zones" and parts[2] == "imageFamilyViews"  # as gcloud names a family
    if parts[:2] != ["global", "images"] and not of_zone:
        raise malformed(field, reference)
    if of_zone or parts[2] == "family":
        found = catalogue.newest_image(project, parts[-1])
    else:
        found = next((given for given in catalogue.images(project) if given["name"] == parts[-1]), None)
    if found is None:
        raise invalid(field, reference, "The referenced image resource cannot be found.")
    return found


def _missing(field: str, reference: object, kind: str) -> GoogleError:
    return invalid(field, reference, f"The referenced {kind} resource cannot be found.")
