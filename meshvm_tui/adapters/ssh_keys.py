"""The private key that the plan names. A key that is encrypted is taken from ssh-agent, if it is loaded there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from meshvm_tui.problems import ActionNeeded

if TYPE_CHECKING:
    import paramiko


def named_key(path_in_plan: str) -> paramiko.PKey:
    """The key of that path, with the certificate beside it (`<key>-cert.pub`); `MVM-407` where it cannot be used."""
    import paramiko

    path = Path(path_in_plan).expanduser()
    try:
        key = paramiko.PKey.from_path(path)
    except (TypeError, paramiko.PasswordRequiredException) as error:
        # cryptography's word for "encrypted, and no passphrase was given" is TypeError.
        if (loaded := _from_agent(path)) is not None:
            return loaded
        raise ActionNeeded(
            "MVM-407",
            f"{path} is encrypted and not loaded into ssh-agent",
            next_action=f"Run ssh-add {path}, then retry.",
        ) from error
    except OSError as error:
        raise ActionNeeded("MVM-407", f"{path}: {error.strerror or error}") from error
    except Exception as error:
        raise ActionNeeded("MVM-407", f"{path} is no private key that can be used ({type(error).__name__})") from error
    certificate = path.with_name(path.name + "-cert.pub")
    if certificate.is_file() and not key.public_blob:
        key.load_certificate(str(certificate))
    return key


def _from_agent(path: Path) -> paramiko.PKey | None:
    import paramiko

    public = path.with_name(path.name + ".pub")
    try:
        wanted = public.read_text(encoding="utf-8").split()[1]
    except (OSError, IndexError):
        return None
    keys = paramiko.Agent().get_keys()
    return next((key for key in keys if key.get_base64() == wanted), None)
