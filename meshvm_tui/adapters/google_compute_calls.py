"""One call to Compute Engine: JSON to the library's messages and back, timeouts, retries, and failures as Problems.

Messages are turned into JSON as the REST API spells it: camelCase with Google's own exceptions (networkIP, IPProtocol),
64-bit numbers as strings, and a field that was given stays, whatever its value.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

from meshvm_tui.adapters.google_compute_clients import ComputeClients, library
from meshvm_tui.adapters.google_errors import problem_from
from meshvm_tui.compute_ports import JSON, Operation
from meshvm_tui.problems import PermanentError, Problem, TransientError

if TYPE_CHECKING:
    from meshvm_tui.adapters.google_credentials import GoogleLogin

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
MUTATION_SECONDS = 25.0
"""How long the answer to one attempt may take."""
READ_PATIENCE_SECONDS = 20.0
MUTATION_PATIENCE_SECONDS = 60.0
"""How long a call is tried again while Google is unavailable or asks to wait."""
FIRST_PAUSE_SECONDS = 0.2
"""Before it is tried again; it doubles each time."""
PAGE = 500
_PARSER = "google.protobuf.json_format"
T = TypeVar("T")


class ComputeCalls:
    """Calls by the library's names for client and method; the request's fields are Google's in snake_case."""

    def __init__(self, login: GoogleLogin) -> None:
        self.clients = ComputeClients(login)

    def get(self, client: str, method: str, request: str, **fields: Any) -> JSON:
        """One read and its answer."""
        return as_json(self._read(client, method, request, fields))

    def pages(self, client: str, method: str, request: str, **fields: Any) -> Iterator[JSON]:
        """The pages of a list, each as Google sent it."""
        doing = _doing(client, method, fields)
        pages = self._read(client, method, request, {**fields, "max_results": PAGE}).pages
        while True:
            try:
                page = next(pages, None)
            except Exception as error:  # noqa: BLE001  see _read
                raise call_problem(error, doing) from None
            if page is None:
                return
            yield as_json(page)

    def items(self, client: str, method: str, request: str, **fields: Any) -> tuple[JSON, ...]:
        """Everything of a list."""
        return tuple(item for page in self.pages(client, method, request, **fields) for item in page.get("items", []))

    def mutate(self, client: str, method: str, request: str, *, zone: str = "", **fields: Any) -> Operation:
        """One change, sent again with its same request_id where Google is unavailable or its answer is lost."""
        place = {"zone": zone} if zone else {}
        doing = _doing(client, method, fields | place)
        try:
            answer = getattr(self.clients.get(client), f"{method}_unary")(
                request=getattr(library(), request)(**fields, **place),
                retry=self._retry(MUTATION_PATIENCE_SECONDS, mutating=True),
                timeout=timeout_of(MUTATION_SECONDS),
            )
        except Exception as error:  # noqa: BLE001  see _read
            raise call_problem(error, doing) from None
        return begun(as_json(answer), fields["project"], doing, zone)

    def patiently(self, read: Callable[[], T]) -> T:
        """A read of another API by plain REST, as patient as those here. Raises the last Problem."""
        try:
            return cast("T", self._retry(READ_PATIENCE_SECONDS, mutating=False)(read)())
        except Exception as error:  # noqa: BLE001  see _read
            raise problem_from(error, "") from None

    def close(self) -> None:
        """Ends every call under way."""
        self.clients.close()

    def _read(self, client: str, method: str, request: str, fields: JSON) -> Any:
        try:
            return getattr(self.clients.get(client), method)(
                request=getattr(library(), request)(**fields),
                retry=self._retry(READ_PATIENCE_SECONDS, mutating=False),
                timeout=timeout_of(READ_SECONDS),
            )
        except Exception as error:  # noqa: BLE001  google.auth, requests and api_core have a root each
            raise call_problem(error, _doing(client, method, fields)) from None

    def _retry(self, patience: float, *, mutating: bool) -> Any:
        from google.api_core.retry import Retry

        def again(error: Exception) -> bool:
            return not self.clients.closed and may_be_sent_again(error, mutating=mutating)

        retry: Any = Retry
        return retry(predicate=again, initial=FIRST_PAUSE_SECONDS, maximum=2.0, multiplier=2.0, timeout=patience)


def begun(answer: JSON, project: str, doing: str, zone: str = "") -> Operation:
    """The operation that a mutation's answer tells of. PermanentError MVM-840 where it tells of none."""
    if not answer.get("name"):
        raise PermanentError("MVM-840", f"{doing}: the answer is no operation", evidence={"request": doing})
    return Operation(project, str(answer["name"]), zone)


def may_be_sent_again(error: Exception, *, mutating: bool) -> bool:
    """Whether the same request may go out once more: Google is unavailable (503), too slow (504) or asks to wait (429),
    or the connection was cut before the answer. A mutation whose answer does not come is sent again as well: its
    request_id keeps it from being carried out twice."""
    from google.api_core.exceptions import GatewayTimeout, ServiceUnavailable, TooManyRequests
    from requests import exceptions as http
    from urllib3.exceptions import ProtocolError

    if isinstance(error, Problem):
        return error.code == "MVM-817" and isinstance(error, TransientError)
    if isinstance(error, (ServiceUnavailable, GatewayTimeout, TooManyRequests, http.ChunkedEncodingError)):
        return True
    if isinstance(error, http.ReadTimeout):
        return mutating
    return isinstance(error, http.ConnectionError) and bool(error.args) and isinstance(error.args[0], ProtocolError)


def call_problem(error: Exception, doing: str) -> Problem:
    """What came out of a call of the library, as a Problem. PermanentError MVM-840 for an answer of somebody else, such
    as a proxy's page."""
    if type(error).__module__ == _PARSER:
        words = str(error).partition("\n")[0]
        return PermanentError(
            "MVM-840", f"{doing}: the answer is none of the API: {words}", evidence={"request": doing}
        )
    return problem_from(error, doing)


def as_json(message: Any) -> JSON:
    """A message of the library in the REST API's spelling."""
    found: JSON = type(message).to_dict(
        message,
        preserving_proto_field_name=False,
        use_integers_for_enums=False,
        always_print_fields_with_no_presence=False,
    )
    return found


def message_of(kind: str, body: JSON) -> Any:
    """JSON as a message of the library. PermanentError MVM-818 for what Compute Engine would not take."""
    messages = library()
    refused = importlib.import_module(_PARSER).ParseError
    try:
        return getattr(messages, kind).from_json(json.dumps(body))
    except refused as error:
        words = str(error).partition("\n")[0]
        raise PermanentError("MVM-818", f"{kind}: {words}") from None


def timeout_of(seconds: float) -> Any:
    """A timeout of the library that tells connecting and answering apart; it hands it on to requests as it is."""
    from google.api_core.timeout import ConstantTimeout

    timeout: Any = ConstantTimeout
    return timeout((CONNECT_SECONDS, seconds))


def _doing(client: str, method: str, fields: JSON) -> str:
    """What a problem says was asked, such as `instances.get vm-1 in us-central1-a`."""
    words = method.title().replace("_", "")
    resource = fields.get("instance_resource") or fields.get("firewall_resource")
    names = [fields.get(name) for name in ("instance", "firewall", "region")] + [getattr(resource, "name", "")]
    place = fields.get("zone") or fields.get("project")
    parts = (_lower(client) + "." + _lower(words), next(filter(None, names), ""), f"in {place}")
    return " ".join(str(part) for part in parts if part)


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
