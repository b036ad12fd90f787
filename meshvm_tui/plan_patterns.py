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
    IP_RANGE: "an IP range, such as 10.0.0.0/8",
    PROBE_URL: "an http URL without spaces, such as http://hello-world.default",
}
