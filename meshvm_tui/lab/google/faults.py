"""The faults of the lab's Google Cloud."""

from __future__ import annotations

GOOGLE_FAULTS: dict[str, str] = {
    "google-quota": "A quota is used up: no instance can be made; a value is its metric (CPUS).",
    "google-capacity": "No zone has capacity for an instance; a value is the only zone that has none.",
    "google-permission": "The login lacks a permission, as in google-permission:compute.instances.create.",
    "google-api-off": "An API is switched off in the project, as in google-api-off:compute.googleapis.com.",
    "google-429": "Google answers 429 to every request, or to the first N (google-429:N).",
    "google-503": "Google answers 503 to every request, or to the first N (google-503:N).",
    "google-slow": "Google waits before every answer: one second, or the seconds in its value.",
    "google-fingerprint": "Somebody else changes metadata before every setMetadata, or before the first N.",
    "google-partial": "A zone does not answer lists over all zones, as in google-partial:us-central1-b.",
    "google-login-expired": "The login has expired: no token is taken or given (invalid_rapt).",
    "google-operation-fails": "Every operation fails; a value is what its error says.",
    "google-cut-after": "A method is carried out, and the connection cut before its answer, once: insert, setMetadata.",
    "google-org-policy": "A constraint of the organization forbids to make instances; a value is its name.",
    "google-oslogin": "OS Login is on in the project's metadata: keys in metadata are not taken.",
    "google-no-host-keys": "Instances publish no host keys as guest attributes.",
    "google-wrong-id": "The metadata server on instances tells another instance's id.",
    "google-no-agent": "The guest agent does not run: keys in metadata are not taken.",
    "iap-4003": "IAP does not reach the instance (4003).",
    "iap-4033": "IAP does not let this login through (4033).",
    "iap-cut": "IAP cuts every connection after 64 KB, or as in iap-cut:16; each can be resumed.",
}
