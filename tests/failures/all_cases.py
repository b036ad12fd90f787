"""Every case, registered by being imported."""

from tests.failures import cluster_cases, google_cases, mesh_cases, probe_cases, registration_cases, vm_cases
from tests.failures.cases import CASES

__all__ = ["CASES", "cluster_cases", "google_cases", "mesh_cases", "probe_cases", "registration_cases", "vm_cases"]
