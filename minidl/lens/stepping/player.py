"""The stepper's player in a notebook, made of ipywidgets; without them the filmstrip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from minidl.errors import ArgumentError
from minidl.lens.recording.events import PHASES
from minidl.lens.stepping.lines import LineStepper
from minidl.lens.stepping.notebook import moment_html
from minidl.markup import joined

if TYPE_CHECKING:
    from minidl.lens.stepping.stepper import Stepper


def player(stepper: Stepper) -> Any:
    """Return a widget that walks through a stepper; where ipywidgets is not installed, the stepper itself.

    The stepper moves with the player, so that `stepper.now` in the next cell is what the player shows.
    """
    try:
        import ipywidgets
    except ImportError:  # the stepper shows itself as a filmstrip
        return stepper
    return Player(stepper, ipywidgets).box


class Player:
    """The widgets and what they do: a tab for each phase, back and next, a slider, the layers, the op and its lines."""

    def __init__(self, stepper: Stepper, widgets: Any) -> None:
        self.stepper = stepper
        self.lines: LineStepper | None = None
        self.showing = False
        there = [phase for phase in PHASES if any(m.phase == phase for m in stepper.moments)]
        self.phases = widgets.ToggleButtons(options=there, value=stepper.now.phase, style={"button_width": "90px"})
        self.back = widgets.Button(description="◀ back", tooltip="the op before")
        self.next = widgets.Button(description="next ▶", tooltip="the op after")
        self.pair = widgets.Button(
            description="forward ↔ backward",
            tooltip="from a forward to its backward, or back",
            layout=widgets.Layout(width="auto"),
        )
        self.slider = widgets.IntSlider(
            stepper.position, 0, len(stepper) - 1, description="op", continuous_update=False
        )
        self.layer = widgets.Dropdown(options=[("–", ""), *((n, n) for n in stepper.layers)], description="layer")
        self.line = widgets.BoundedIntText(0, 0, 0, description="line")
        self.page, self.code = widgets.HTML(), widgets.HTML()
        self.lines_box = widgets.Accordion(children=[widgets.VBox([self.line, self.code])], titles=("the op in NumPy",))
        self.lines_box.selected_index = None
        buttons = widgets.HBox([self.back, self.next, self.pair, self.slider, self.layer])
        buttons.layout.flex_flow = "row wrap"
        self.box = widgets.VBox([self.phases, buttons, self.page, self.lines_box])
        self._connect()
        self.show()

    def _connect(self) -> None:
        self.back.on_click(lambda _: self.move(self.stepper.position - 1))
        self.next.on_click(lambda _: self.move(self.stepper.position + 1))
        self.pair.on_click(lambda _: self.move(self.stepper.now.partner))
        self.slider.observe(lambda change: self.move(change["new"]), "value")
        self.phases.observe(lambda change: self.to(self.stepper.to_phase, change["new"]), "value")
        self.layer.observe(lambda change: self.to(self.stepper.to_layer, change["new"]), "value")
        self.line.observe(lambda change: self.show_line(change["new"]), "value")
        self.lines_box.observe(lambda change: self.open_lines(), "selected_index")

    def move(self, number: int | None) -> None:
        """Go to an op by its number."""
        if number is not None and not self.showing:
            self.stepper.goto(number)
            self.show()

    def to(self, go: Any, name: str) -> None:
        """Go to a phase or layer that somebody chose."""
        if name and not self.showing:
            go(name)
            self.show()

    def show(self) -> None:
        """Bring every widget to the present op."""
        now = self.stepper.now
        self.showing = True  # so that what is set here is not taken for somebody's choice
        self.phases.value, self.slider.value = now.phase, now.number
        self.layer.value = now.layer if now.layer in self.stepper.layers else ""
        self.pair.disabled = now.partner is None
        self.page.value = str(moment_html(self.stepper))
        self.lines = None
        self.showing = False
        self.open_lines()

    def open_lines(self) -> None:
        """Run the op under the tracer, when its source is unfolded."""
        if self.lines_box.selected_index is None:
            return
        try:
            self.lines = self.stepper.into()
        except ArgumentError as error:
            self.code.value = str(Markup("<p>{}</p>").format(str(error)))
            return
        self.line.max = len(self.lines) - 1
        self.line.value = 0
        self.show_line(0)

    def show_line(self, place: int) -> None:
        """Show a line and the variables that it changed."""
        if self.lines is None:
            return
        self.lines.goto(place)
        described = self.lines.described
        values = joined(Markup("<div>{} = {}</div>").format(name, described(name)) for name in self.lines.changed)
        code = Markup("<pre>{}</pre><div style='font-family:monospace'>{}</div>")
        self.code.value = str(code.format(self.lines.listing(8), values))
