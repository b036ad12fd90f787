"""The forms that names in a plan may have, each with the words that say it to an operator."""

from __future__ import annotations

_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"

DNS_LABEL = rf"^{_LABEL}$"
DNS_LABEL_OR_NOTHING = rf"^({_LABEL})?$"
DNS_NAME = rf"^{_LABEL}(\.{_LABEL})*$"
PORT_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
# Only what a shell takes as a variable's name: the sidecar's start script sources the file that these end up in.
ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
SSH_USER = r"^[a-z_][a-z0-9_-]{0,31}$"
# No leading dash, so that a host can never be taken for an option.
SSH_HOST = r"^[A-Za-z0-9.:_%\[\]][A-Za-z0-9.:_%\[\]-]*$"
LABEL_KEY = r"^([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
SHA256 = r"^([0-9a-f]{64})?$"
PROBE_URL = r"^http://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[\x21-\x7e]*)?$"
# A project ID, also of a domain (example.com:my-project).
PROJECT_OR_NOTHING = r"^(([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9])?$"
# A zone, or a region, which is where regional clusters are.
ZONE_OR_NOTHING = r"^([a-z]+-[a-z]+[0-9](-[a-z])?)?$"
VERSION_OR_NOTHING = r"^([0-9]+\.[0-9]+(\.[0-9]+)?([-+.][0-9A-Za-z.+-]+)?)?$"
# What a cluster or a mesh is called: also an ARN. It ends up in a file that a shell sources, so no blanks or quotes.
MESH_NAME_OR_NOTHING = r"^([A-Za-z0-9][A-Za-z0-9._:/@-]{0,252})?$"
LOCALITY_OR_NOTHING = r"^([A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2})?$"
IMAGE = r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$"
RESOURCE_OR_NOTHING = r"^([a-z0-9][a-z0-9./:_-]*)?$"
ACCOUNT_OR_NOTHING = r"^(none|default|[^\s@,]+@[^\s@,]+)?$"
_HOP = r"([^\s,@]+@)?[A-Za-z0-9\[][^\s,@]*"
JUMP_OR_NOTHING = rf"^({_HOP}(,{_HOP})*)?$"
HOST_KEY_OR_NOTHING = r"^(SHA256:[A-Za-z0-9+/]{43}=?|[a-z0-9@.-]+ [A-Za-z0-9+/]{32,}={0,2}( .*)?)?$"
IP_RANGE = r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"

PATTERN_WORDS = {
    DNS_LABEL: "1 to 63 lower-case letters, digits or -, such as hello-vm",
    DNS_LABEL_OR_NOTHING: "1 to 63 lower-case letters, digits or -, or nothing",
    DNS_NAME: "lower-case letters, digits, - and ., such as hello-vm",
    PORT_NAME: "lower-case letters, digits or -, such as http-vm",
    ENV_NAME: "letters, digits and _, not starting with a digit, such as ISTIO_AGENT_FLAGS",
    SSH_USER: "a user name of up to 32 lower-case letters, digits, _ or -, such as operator",
    SSH_HOST: "a host name or an IP address, such as 10.128.0.7",
    LABEL_KEY: "a label key, such as app or example.com/team",
    LABEL_VALUE: "up to 63 letters, digits, -, _ or ., starting and ending with a letter or digit",
    SHA256: "64 hexadecimal digits in lower case, or nothing",
    PROJECT_OR_NOTHING: "a project ID of 6 to 30 lower-case letters, digits or -, or nothing",
    ZONE_OR_NOTHING: "a zone such as europe-west1-b, or for a cluster a region such as europe-west1",
    VERSION_OR_NOTHING: "a version such as 1.30.3, or nothing",
    MESH_NAME_OR_NOTHING: "a name without blanks, such as acme-prod",
    LOCALITY_OR_NOTHING: "region, region/zone or region/zone/subzone, such as europe-west1/europe-west1-b",
    IMAGE: "a container image, such as curlimages/curl:8.10.1",
    RESOURCE_OR_NOTHING: "a name such as n1-standard-2, or a path as Google writes it",
    ACCOUNT_OR_NOTHING: "a service account's e-mail address, none, or nothing for the project's default one",
    JUMP_OR_NOTHING: "user@host:port, or several with commas between",
    HOST_KEY_OR_NOTHING: "SHA256: and 43 characters as ssh-keygen -l shows them, or a key's type and base64",
    IP_RANGE: "an IP range, such as 10.0.0.0/8",
    PROBE_URL: "an http URL without spaces, such as http://hello-world.default",
}
