"""A form's fields with our checks, and what a run would do.

Nothing here imports torch: a form is resolved again on every change of a field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fiftyone.operators import types

from fiftyone_capviz.curation.dataset.captions import is_there
from fiftyone_capviz.errors import CapvizError, InputError
from fiftyone_capviz.settings.analysis import CHOICES, Stage
from fiftyone_capviz.settings.models import SUGGESTIONS

from .requests import DEFAULTS, OPTION_NAMES, form_defaults, options_of, target_samples


def problem_of(name: str, value: Any) -> str | None:
    """What is wrong with one option's value, or None."""
    if value is None or value == "":
        return None
    try:
        replace(DEFAULTS, **{name: value}).validated()
    except InputError as error:
        return str(error)
    return None


def problem_of_model(kind: str, spec: str) -> str | None:
    """What is wrong with a model's name as far as that shows without loading it, or None."""
    named = kind == "segmenter" or (kind == "encoder" and spec.startswith("open_clip:"))
    if spec in SUGGESTIONS[kind] or (named and "=" in spec):
        path = spec.partition("=")[2]
        if not path or Path(path).expanduser().exists():
            return None
        return f"The checkpoint must exist; {path} does not. Give the path of its file."
    if Path(spec).expanduser().exists() or _looks_like_hub_name(spec):
        return None
    more = ", open_clip:<model>=<weights file>" if kind == "encoder" else ""
    return (
        f"A {kind} is one of {', '.join(SUGGESTIONS[kind])}{more}, a hub name like owner/model, or "
        f"an existing local folder; got {spec!r}. Check the spelling."
    )


def _looks_like_hub_name(spec: str) -> bool:
    owner, slash, name = spec.partition("/")
    return bool(owner and slash and name) and "/" not in name and owner not in (".", "..", "~")


def suggestions(names: Iterable[str]) -> types.AutocompleteView:
    """Names to choose from; any other can be typed."""
    view = types.AutocompleteView(allow_user_input=True)
    for name in dict.fromkeys(names):
        view.add_choice(name, label=name)
    return view


class Form:
    """One operator's form while it is resolved.

    Args:
        ctx: FiftyOne's execution context.
        label: title of the form.
        description: one or two sentences below it.

    Attributes:
        sound: nothing was refused so far.
        submit: the name of the button that starts it, where that is not *Execute*.
    """

    def __init__(self, ctx: Any, *, label: str, description: str | None = None) -> None:
        self.ctx = ctx
        self.inputs = types.Object()
        self.defaults = form_defaults(ctx)
        self._label = label
        self._description = description
        self.sound = True
        self.submit = ""

    def property(self) -> types.Property:
        """The finished form."""
        looks = {"label": self._label, "description": self._description}
        if self.submit:
            view = types.PromptView(**looks, submit_button_label=self.submit)
            return types.Property(self.inputs, view=view)
        return types.Property(self.inputs, view=types.View(**looks))

    def value(self, name: str, default: Any = None) -> Any:
        """What the user entered, or the default."""
        value = self.ctx.params.get(name)
        if value is None or value == "":
            return getattr(self.defaults, name, default) if default is None else default
        return value

    def mark(self, prop: types.Property, problem: str | None) -> None:
        """Refuse a field's value."""
        if problem is not None:
            prop.invalid = True
            prop.error_message = problem
            self.sound = False

    def refuse(self, name: str, problem: str) -> None:
        """Refuse the form as a whole, with the reason."""
        view = types.Error(label=problem)
        self.mark(self.inputs.view(name, view), problem)

    def header(self, label: str) -> None:
        """Begin a section."""
        name = f"header_{label.lower().replace(' ', '_')}"
        self.inputs.view(name, types.Header(label=label, divider=True))

    def text(
        self,
        name: str,
        label: str,
        *,
        description: str = "",
        default: Any = None,
        problem: str | None = None,
    ) -> None:
        """A string, checked if it is the name of a model or an option.

        Args:
            problem: what is wrong with it beside that.
        """
        prop = self.inputs.str(
            name,
            label=label,
            description=description,
            default=self.value(name, default),
            view=types.LazyFieldView(),
        )
        told = self.ctx.params.get(name)
        self.mark(prop, problem)
        if told and name in SUGGESTIONS:
            self.mark(prop, problem_of_model(name, told))
        elif name in OPTION_NAMES:
            self.mark(prop, problem_of(name, told))

    def number(self, name: str, label: str, *, description: str = "", whole: bool = True) -> None:
        """A number, checked as an option."""
        add = self.inputs.int if whole else self.inputs.float
        prop = add(
            name,
            label=label,
            description=description,
            default=getattr(self.defaults, name, None),
            view=types.FieldView(),
        )
        self.mark(prop, problem_of(name, self.ctx.params.get(name)))

    def switch(
        self, name: str, label: str, *, description: str = "", default: bool = False
    ) -> bool:
        """Yes or no; returns the present choice."""
        self.inputs.bool(
            name,
            label=label,
            description=description,
            default=default,
            view=types.SwitchView(),
        )
        return bool(self.ctx.params.get(name, default))

    def choice(
        self,
        name: str,
        label: str,
        choices: Mapping[Any, str] | None = None,
        *,
        description: str = "",
        default: str | None = None,
    ) -> str:
        """One of a few values; returns the present choice.

        Args:
            choices: value -> label; default those of the option of this name.
            default: the option's own, else the first.
        """
        known = CHOICES[name] if choices is None else choices
        view = types.Dropdown()
        for value, shown in known.items():
            view.add_choice(value, label=shown)
        default = default or getattr(self.defaults, name, None) or next(iter(known))
        self.inputs.enum(
            name, tuple(known), label=label, description=description, default=default, view=view
        )
        return str(self.ctx.params.get(name) or default)

    def several(self, name: str, label: str, choices: Mapping[Any, str]) -> None:
        """Some of a few values; none of them stands for all."""
        view = types.DropdownView(multiple=True)
        for value, shown in choices.items():
            view.add_choice(value, label=shown)
        self.inputs.list(name, types.String(), label=label, description="Empty: all", view=view)

    def one_of(
        self,
        name: str,
        label: str,
        known: Mapping[str, str],
        *,
        usual: str | None = None,
        what: str = "field",
        required: bool = True,
    ) -> str | None:
        """One of what is there, refused where it is not; returns the present choice.

        Args:
            known: value -> description.
            usual: chosen where the user has not.
            what: is chosen, in a word.
            required: None is refused, too.
        """
        view = types.Dropdown()
        for value, description in known.items():
            view.add_choice(value, label=value, description=description)
        prop = self.inputs.str(name, label=label, default=usual, required=required, view=view)
        chosen = self.ctx.params.get(name) or usual
        if chosen not in known and (required or chosen is not None):
            self.mark(prop, self._not_known(chosen, list(known), what))
        return chosen

    def _not_known(self, chosen: str | None, known: Sequence[str], what: str) -> str:
        """Why something cannot be chosen: it is not there, or it is another thing."""
        listed = ", ".join(known) or "there is none yet"
        if what == "field" and chosen and is_there(self.ctx.dataset, chosen):
            return f"The field {chosen!r} cannot be used here. Choose one of: {listed}."
        return f"No such {what}: {chosen!r}. Choose one of: {listed}."

    def model(self, kind: str, label: str) -> None:
        """A model's name, with suggestions; any hub name or folder can be typed."""
        spec = str(self.value(kind))
        extra = ", or vit_b=FILE" if kind == "segmenter" else ""
        prop = self.inputs.str(
            kind,
            label=label,
            description=f"Hub name, local folder, or `scenes` for the synthetic world{extra}",
            default=getattr(self.defaults, kind),
            view=suggestions(SUGGESTIONS[kind]),
        )
        self.mark(prop, problem_of_model(kind, spec))

    def field(
        self,
        name: str,
        label: str,
        known: Sequence[str],
        *,
        new: bool,
        description: str = "",
        problem: Callable[[Any, str], str | None] | None = None,
    ) -> str:
        """A sample field: an existing one to choose, or the name of a new one.

        Args:
            known: those to choose from.
            new: another name is good, too.
            description: below it.
            problem: says of the dataset why one cannot be chosen: a new one, or one not known.
        """
        value = str(self.value(name))
        if new:
            view = suggestions((*known, getattr(self.defaults, name)))
            prop = self.inputs.str(
                name,
                label=label,
                description=description,
                default=getattr(self.defaults, name),
                view=view,
            )
            told = None if problem is None else problem(self.ctx.dataset, value)
            self.mark(prop, problem_of(name, value) or told)
            return value
        default = getattr(self.defaults, name) if getattr(self.defaults, name) in known else None
        view = types.Dropdown()
        for path in known:
            view.add_choice(path, label=path)
        chosen = self.ctx.params.get(name) or default or (known[0] if known else value)
        prop = self.inputs.str(
            name, label=label, description=description, default=chosen, view=view
        )
        if chosen not in known:
            told = None if problem is None else problem(self.ctx.dataset, str(chosen))
            self.mark(prop, told or self._not_known(str(chosen), known, "field"))
        return str(chosen)

    def choose_existing(
        self, label: str, choices: Mapping[str, str], *, conflict: str, demand: str | None
    ) -> None:
        """What becomes of stored results that a run would replace.

        Args:
            label: what they are.
            choices: value of "existing" -> in words.
            conflict: what stands in the way.
            demand: refuses the form until one is chosen; None where one is.
        """
        view = types.RadioGroup()
        for value, text in choices.items():
            view.add_choice(value, label=text)
        prop = self.inputs.enum("existing", tuple(choices), label=label, view=view)
        self.notice("conflict", conflict, warning=True)
        if demand is not None:
            self.mark(prop, f"{demand} {conflict}")

    def notice(self, name: str, text: str, *, warning: bool = False) -> None:
        """Something to know before it starts."""
        view = types.Warning(label=text) if warning else types.Notice(label=text)
        self.inputs.view(name, view)


def add_run_settings(form: Form, stages: Sequence[Stage]) -> None:
    """What a run would do, and what happens to results that it would replace.

    The form is refused where the run would be: a field of another type, an empty view, results of
    another configuration without a word on what to do with them.
    """
    if not form.sound:
        return
    from fiftyone_capviz.curation.analysis.forecast import preview_run

    try:
        options = options_of(form.ctx)
        seen = preview_run(target_samples(form.ctx), options, stages)
    except CapvizError as error:
        form.refuse("problem", str(error))
        return
    if seen.theirs:
        form.switch(
            "overwrite_captions",
            f"Write over {seen.theirs} captions of yours",
            description="Each is kept, and 'Undo captions' brings it back. Else they stay, and "
            "are scored and attributed",
        )
    if seen.conflict:
        form.choose_existing(
            "Results of another configuration",
            {
                "skip": "Keep what is stored, add what is missing",
                "replace": "Compute it anew; captions and labels of yours stay",
            },
            conflict=seen.conflict,
            demand="Say what to do with them." if options.existing == "error" else None,
        )
    if seen.estimate:
        form.notice("estimate", seen.estimate)
