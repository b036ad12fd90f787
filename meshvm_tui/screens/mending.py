"""A field of the plan that a problem speaks of is mended where the problem is shown, and the run goes on from there."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalGroup
from textual.screen import ModalScreen
from textual.widgets import Static

from meshvm_tui.plan_draft import PlanDraft
from meshvm_tui.screens.app_screen import Keyed
from meshvm_tui.screens.dialog_keys import DialogKeys
from meshvm_tui.screens.field_row import FieldRow
from meshvm_tui.screens.glyphs import printable
from meshvm_tui.screens.stage_forms import FORMS

if TYPE_CHECKING:
    from meshvm_tui.plan import Plan
    from meshvm_tui.problems import ProblemRecord
    from meshvm_tui.screens.fields import Field

_MACHINE = "machines.{machine}"
FIELDS = {
    "MVM-101": "cluster.kubeconfig",
    "MVM-102": "cluster.context",
    "MVM-112": "cluster.kubeconfig",
    "MVM-201": "mesh.install",
    "MVM-204": "mesh.revision",
    "MVM-206": "mesh.install",
    "MVM-207": "mesh.install",
    "MVM-208": "gateway.method",
    "MVM-211": "gateway.name",
    "MVM-213": "gateway.address",
    "MVM-214": "gateway.address",
    "MVM-218": "mesh.upgradeCluster",
    "MVM-219": "mesh.version",
    "MVM-223": "mesh.profile",
    "MVM-224": "gateway.exposeIstiod",
    "MVM-225": "workload.probe",
    "MVM-242": "sidecar.version",
    "MVM-303": "mesh.clusterID",
    "MVM-311": "workload.serviceAccount",
    "MVM-317": "sidecar.extraEnv",
    "MVM-322": f"{_MACHINE}.address",
    "MVM-323": "workload.probe",
    "MVM-401": f"{_MACHINE}.host",
    "MVM-402": f"{_MACHINE}.ssh.port",
    "MVM-403": f"{_MACHINE}.host",
    "MVM-406": f"{_MACHINE}.ssh.user",
    "MVM-407": f"{_MACHINE}.ssh.key",
    "MVM-408": f"{_MACHINE}.ssh.port",
    "MVM-414": f"{_MACHINE}.ssh.user",
    "MVM-415": f"{_MACHINE}.ssh.via",
    "MVM-416": f"{_MACHINE}.ssh.jump",
    "MVM-429": f"{_MACHINE}.host",
    "MVM-432": "sidecar.captureDNS",
    "MVM-433": f"{_MACHINE}.ssh.key",
    "MVM-521": "sidecar.package",
    "MVM-522": "sidecar.sha256",
    "MVM-523": "sidecar.package",
    "MVM-529": "sidecar.package",
    "MVM-533": "sidecar.version",
    "MVM-604": "services.httpServer.port",
    "MVM-621": "probes.curlImage",
    "MVM-809": f"{_MACHINE}.gce.project",
    "MVM-810": f"{_MACHINE}.gce.zone",
    "MVM-811": f"{_MACHINE}.gce.create.machineType",
    "MVM-812": f"{_MACHINE}.gce.zone",
    "MVM-819": f"{_MACHINE}.name",
    "MVM-821": "firewall.name",
    "MVM-825": f"{_MACHINE}.ssh.via",
    "MVM-831": f"{_MACHINE}.ssh.via",
    "MVM-834": "cluster.gke.name",
    "MVM-847": "firewall.sources",
    "MVM-848": "firewall.ports",
}
"""The field by which a problem can be mended, by the problem's code; other problems are mended outside the plan."""


def field_to_mend(problem: ProblemRecord, plan: Plan, machine: str) -> tuple[Field, str] | None:
    """The line of a form, and the field's path in the plan; None where the problem is not mended by one."""
    wanted = FIELDS.get(problem.code)
    if wanted is None:
        return None
    names = [item.name for item in plan.machines]
    at = str(names.index(machine) if machine in names else 0)
    draft = PlanDraft(plan)

    def there(field: Field) -> bool:
        conditions = all(draft.text(w.path.replace("{machine}", at), w.kind) in w.texts for w in field.when)
        return conditions and draft.has(field.path.replace("{machine}", at))

    fields = (field for form in FORMS.values() for field in form.fields if field.path == wanted)
    found = next((field for field in fields if there(field)), None)
    return (found, wanted.replace("{machine}", at)) if found else None


class MendDialog(Keyed, ModalScreen[str]):
    """One field of the plan with what is wrong with it. Gives the text that is valid, or None where it is left."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["../styles/dialogs.tcss", "../styles/wizard.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Take it", key_display="⏎", priority=True),
        Binding("escape", "leave", "Leave it", key_display="esc"),
    ]

    def __init__(self, problem: ProblemRecord, field: Field, path: str, plan: Plan) -> None:
        super().__init__()
        self._problem = problem
        self._path = path
        self._draft = PlanDraft(plan)
        self._row = FieldRow(field, self._draft.text(path, field.kind))

    def compose(self) -> ComposeResult:
        """What is wrong, the field, the keys."""
        with VerticalGroup(classes="dialog -mend"):
            yield Static(printable(self._problem.title), classes="dialog-title", markup=False)
            yield Static(printable(self._problem.cause), classes="dialog-text", markup=False)
            yield self._row
            yield DialogKeys({"take": "take it and go on", "leave": "leave it"})

    def on_mount(self) -> None:
        """Typing goes into the field."""
        self.set_focus(self._row.editor)

    def on_field_row_typed(self, event: FieldRow.Typed) -> None:
        """Judged as it is typed."""
        event.stop()
        self._judge()

    def action_take(self) -> None:
        """Gives the text, where it is valid."""
        if self._judge():
            self.dismiss(self._row.text)

    def action_leave(self) -> None:
        """The field stays as it was."""
        self.dismiss(None)

    def _judge(self) -> bool:
        field = self._row.field
        edited = PlanDraft(self._draft.plan).edit(self._path, field.kind, self._row.text)
        self._row.show_error(edited.error)
        return not edited.error
