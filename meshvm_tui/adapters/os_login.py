"""OS Login: SSH keys that belong to a Google account instead of an instance (oslogin v1, by plain REST)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshvm_tui.problems import ActionNeeded, Problem

if TYPE_CHECKING:
    from meshvm_tui.adapters.google_rest import GoogleRest


class OsLogin:
    """The profile of one account."""

    def __init__(self, rest: GoogleRest, email: str) -> None:
        self._rest = rest
        self._user = f"v1/users/{email}"
        self._email = email

    def add(self, public_key: str, expires: float, project: str) -> str:
        """Adds the key until `expires`; gives the user name on VMs. ActionNeeded MVM-830 where that is refused."""
        if not self._email:
            raise ActionNeeded("MVM-830", "these credentials do not say whose they are, and OS Login wants to know")
        body = {"key": public_key, "expirationTimeUsec": str(int(expires * 1_000_000))}
        doing = f"oslogin.users.importSshPublicKey {self._email}"
        try:
            answer = self._rest.post(
                "oslogin", f"{self._user}:importSshPublicKey", body, {"projectId": project}, doing=doing
            )
        except Problem as problem:
            if problem.code not in ("MVM-805", "MVM-818", "MVM-838"):
                raise
            raise ActionNeeded("MVM-830", problem.cause, evidence=dict(problem.evidence)) from problem
        accounts = answer.get("loginProfile", {}).get("posixAccounts", [])
        primary = [item for item in accounts if item.get("primary")] or accounts
        if not primary:
            raise ActionNeeded("MVM-830", f"{self._email} has no POSIX account in {project}")
        return str(primary[0]["username"])

    def remove(self, public_key: str) -> None:
        """Takes the key away again, where it is in the profile."""
        doing = f"oslogin.users.getLoginProfile {self._email}"
        profile = self._rest.get("oslogin", f"{self._user}/loginProfile", doing=doing)
        wanted = public_key.split()[1]
        for fingerprint, entry in profile.get("sshPublicKeys", {}).items():
            if str(entry.get("key", "")).split()[1:2] == [wanted]:
                doing = f"oslogin.users.sshPublicKeys.delete {self._email}"
                self._rest.delete("oslogin", f"{self._user}/sshPublicKeys/{fingerprint}", doing=doing)
