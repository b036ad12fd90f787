"""The failure table's chapters of Google Cloud: the login, and instances with their network."""

from __future__ import annotations

from tests.failures.row import Chapter, Row, fault

GOOGLE_LOGIN = Chapter(
    "Google Cloud: login and cluster",
    (
        Row("google-no-credentials", "MVM-801", 3, "{file} does not exist", "a gcloud folder without a login"),
        Row("google-file-missing", "MVM-803", 3, "{file} … not found", "GOOGLE_APPLICATION_CREDENTIALS of no file"),
        Row(
            "google-file-damaged", "MVM-803", 3, "{file} … not a valid JSON file", "a credentials file that is no JSON"
        ),
        Row("google-wrong-type", "MVM-803", 3, "its type is {type}", "a credentials file of an unknown type"),
        Row(
            "google-login-expired",
            "MVM-802",
            3,
            "invalid_grant … invalid_rapt … {file}",
            fault("google-login-expired"),
        ),
        Row(
            "google-impersonation",
            "MVM-808",
            3,
            "iam.serviceAccounts.getAccessToken … {account}",
            "a service account that may not be impersonated",
        ),
        Row("google-unreachable", "MVM-804", 1, "{place} … Connection refused", "an endpoint where nobody listens"),
        Row(
            "google-token-unreachable",
            "MVM-804",
            1,
            "{place} … Connection refused",
            "a key whose token endpoint does not answer",
        ),
        Row("google-in-the-clear", "MVM-839", 3, "http://{host}/ would send tokens in the clear", "an http endpoint"),
        Row("google-configuration", "MVM-846", 3, "{file}, line 1", "a gcloud configuration that cannot be read"),
        Row(
            "google-project-denied", "MVM-805", 3, "Permission denied on resource project {project}", "a wrong project"
        ),
        Row(
            "google-api-off",
            "MVM-806",
            3,
            "API has not been used in project {project}",
            fault("google-api-off:container.googleapis.com"),
        ),
        Row(
            "google-busy",
            "MVM-817",
            1,
            "Quota exceeded for quota metric … project_number:{project}",
            fault("google-429"),
        ),
        Row("google-unavailable", "MVM-817", 1, "currently unavailable … {request}", fault("google-503")),
        Row("gke-cluster-missing", "MVM-834", 3, "clusters/{cluster} … there are: lab", "a cluster that is not there"),
    ),
)

GOOGLE_MACHINE = Chapter(
    "Google Cloud: the instance and the way into it",
    (
        Row(
            "google-permission",
            "MVM-805",
            3,
            "{project}: compute.instances.create",
            fault("google-permission:compute.instances.create"),
        ),
        Row("google-project-unknown", "MVM-809", 3, "projects/{project}' was not found", "an instance's wrong project"),
        Row("google-no-zone", "MVM-810", 3, "no zone is named for {machine}", "a zone that nobody names"),
        Row("google-zone-unknown", "MVM-810", 3, "zones/{zone}' was not found", "a zone that is none"),
        Row("google-quota", "MVM-811", 3, "Quota '{metric}' exceeded", fault("google-quota:METRIC")),
        Row("google-capacity", "MVM-812", 3, "zones/{zone}' does not have enough resources", fault("google-capacity")),
        Row("google-operation", "MVM-813", 1, "{words}", fault("google-operation-fails:WORDS")),
        Row(
            "google-org-policy",
            "MVM-838",
            3,
            "Constraint {constraint} violated",
            fault("google-org-policy:CONSTRAINT"),
        ),
        Row("google-machine-type", "MVM-816", 3, "is called {type}; there are:", "a machine type that is none"),
        Row("google-image-family", "MVM-816", 3, "is called {family}; there are:", "an image family that is none"),
        Row("google-instance-missing", "MVM-819", 3, "instances/{machine}", "an instance that is not to be created"),
        Row(
            "google-fingerprint",
            "MVM-815",
            1,
            "fingerprint does not match … {request}",
            fault("google-fingerprint"),
        ),
        Row(
            "google-foreign-rule",
            "MVM-821",
            3,
            "{rule} in {project} is there and was not made here",
            "`firewall.name` of a rule that is somebody else's",
        ),
        Row("google-no-address", "MVM-831", 3, "{machine} has no external address", "`externalAddress: false`"),
        Row("iap-not-reached", "MVM-826", 1, "{machine}:2222 through IAP: 4003", fault("iap-4003")),
        Row("iap-not-authorized", "MVM-827", 1, "{machine}:2222 through IAP: 4033", fault("iap-4033")),
        Row(
            "google-key-not-taken",
            "MVM-829",
            3,
            "{user}: Authentication failed … the temporary key",
            fault("google-no-agent"),
        ),
        Row("google-another-instance", "MVM-833", 1, "{machine} is instance … there answers", fault("google-wrong-id")),
    ),
)
