"""`python -m meshvm_tui.gke_token`: an exec credential plugin for GKE that needs no gcloud.

It prints an ExecCredential (client.authentication.k8s.io/v1) with a token of the Google login, for kubectl and
istioctl as child processes. The token goes to standard output, which they read, and nowhere else.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys

from meshvm_tui.problems import Problem


def main(arguments: list[str] | None = None) -> int:
    """0 with the credential on standard output; 1 with words on standard error."""
    parser = argparse.ArgumentParser(prog="python -m meshvm_tui.gke_token", description=__doc__)
    parser.add_argument("--impersonate-service-account", default="auto")
    parser.add_argument("--quota-project", default="auto")
    given = parser.parse_args(arguments)
    from meshvm_tui.adapters.google_credentials import GoogleLogin
    from meshvm_tui.adapters.google_settings import read_settings

    try:
        login = GoogleLogin(read_settings(), given.impersonate_service_account, given.quota_project)
        with contextlib.closing(login):
            token = login.access_token()
    except Problem as problem:
        sys.stderr.write(f"{problem.code} {problem.title}: {problem.cause}\n{problem.next_action}\n")
        return 1
    status = {"token": token.token}
    if token.expiry is not None:
        status["expirationTimestamp"] = token.expiry.strftime("%Y-%m-%dT%H:%M:%SZ")
    kind = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    json.dump({**kind, "status": status}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
