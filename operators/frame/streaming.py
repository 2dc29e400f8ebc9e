"""How an operator's work meets the App: progress, stop, summary, errors.

In the App an operator is a generator whose messages are streamed. The library computes in a thread
of its own and puts its progress into a queue, so that closing the form stops nothing: *Stop* does.
A delegated run and a call from Python compute in the thread that called.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from fiftyone.operators import types
from fiftyone.operators.message import GeneratedMessage, MessageType

from fiftyone_capviz.curation.dataset.database import database_errors, database_problem
from fiftyone_capviz.curation.dataset.logs import get_logger, log_file
from fiftyone_capviz.curation.dataset.progress import Progress
from fiftyone_capviz.errors import CapvizError

from .app import reload_app
from .requests import from_app

Notify = Callable[[Progress], None]


class Plot(Protocol):
    """A figure as Plotly takes it."""

    @property
    def title(self) -> str: ...
    @property
    def data(self) -> list[dict[str, Any]]: ...
    @property
    def layout(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Outcome:
    """What an operator's work came to.

    Attributes:
        summary: for people; its first line is shown as a notification.
        details: the report, as JSON can hold it.
        warn: something went wrong, but not everything.
        plots: Plotly figures that the App shows below the summary.
    """

    summary: str
    details: dict[str, object] = field(default_factory=dict)
    warn: bool = False
    plots: Sequence[Plot] = ()

    def to_dict(self) -> dict[str, object]:
        """What the operator returns and its output form shows."""
        return {"summary": self.summary, **self.details}


Work = Callable[[Notify], Outcome]
Result = TypeVar("Result")


class StreamedResult(GeneratedMessage):
    """The last message of a stream: becomes the operator's result in the App."""

    def __init__(self, result: dict[str, object]) -> None:
        super().__init__(MessageType.SUCCESS)
        self.result = result

    def to_json(self) -> dict[str, object]:
        return {"type": str(self.type), "cls": "ExecutionResult", "body": self.result}


class StreamedError(GeneratedMessage):
    """The last message of a stream: the App shows it as the operator's error.

    An exception would only break the stream off, and the App would say "network error".
    """

    def __init__(self, message: str) -> None:
        super().__init__(MessageType.ERROR)
        self.message = message

    def to_json(self) -> dict[str, object]:
        return {
            "type": str(self.type),
            "cls": None,
            "body": None,
            "error": self.message,
        }


def run(
    ctx: Any, work: Work, *, title: str = "", reload: bool = True
) -> Iterator[Any] | dict[str, object] | None:
    """Do an operator's work the way that its caller can follow.

    Args:
        ctx: FiftyOne's execution context.
        work: computes; is given a function to call with each `Progress`.
        title: of the window that shows the outcome.
        reload: whether the App must fetch the dataset again at the end.

    Returns:
        A generator for the App, the outcome as a dict otherwise.

    Raises:
        CapvizError: the work was refused (in the App the message is shown instead).
    """
    if from_app(ctx) and not ctx.delegated:
        return _stream(ctx, work, title=title, reload=reload)
    with database_errors():
        return work(_delegated_progress(ctx)).to_dict()


def _delegated_progress(ctx: Any) -> Notify:
    def notify(progress: Progress) -> None:
        if ctx.delegated:
            ctx.set_progress(progress=_share(progress), label=_label(progress))

    return notify


def _stream(ctx: Any, work: Work, *, title: str, reload: bool) -> Iterator[Any]:
    def told(progress: Progress) -> Any:
        return ctx.ops.set_progress(progress=_share(progress), label=_label(progress))

    messages = followed(work, told)
    yield ctx.ops.set_progress(progress=0.0, label="Starting")
    event = yield from messages
    if reload:
        yield from reload_app(ctx)
    if isinstance(event, Outcome):
        shown = {"summary": event.summary.replace("\n", "  \n")}  # Markdown's line break
        yield ctx.ops.show_output(summary_form(title, event.plots).to_json(), shown)
        headline = event.summary.partition("\n")[0]
        yield ctx.ops.notify(headline, variant="warning" if event.warn else "success")
        last: GeneratedMessage = StreamedResult(event.to_dict())
    else:
        message = message_of(event)
        yield ctx.ops.show_output(error_form(title, message).to_json(), {})
        yield ctx.ops.notify(message, variant="error")
        last = StreamedError(message)
    if not ctx.prompt_id:
        # The operator's own result would open a second window, below that of the progress.
        yield last


def summary_form(title: str, plots: Sequence[Plot] = ()) -> types.Property:
    """What stands in the window of the progress at the end."""
    outputs = types.Object()
    outputs.str("summary", view=types.MarkdownView(read_only=True))
    for number, plot in enumerate(plots):
        outputs.plot(f"plot{number}", label=plot.title, data=plot.data, layout=plot.layout)
    return types.Property(outputs, view=types.View(label=title))


def error_form(title: str, message: str) -> types.Property:
    """The same where the work was refused or broke off."""
    outputs = types.Object()
    outputs.view("failed", types.Error(label=message))
    return types.Property(outputs, view=types.View(label=title))


def followed(
    work: Callable[[Notify], Result], told: Callable[[Progress], Any]
) -> Generator[Any, None, Result | Exception]:
    """Compute in a thread of its own, from now on; whoever stops listening does not stop the work.

    Args:
        work: what to do.
        told: makes a message of progress; of what piled up meanwhile only the last is told.

    Returns:
        A generator of the messages, which returns the result, or what was raised.
    """
    events: queue.SimpleQueue[Progress | Result | Exception] = queue.SimpleQueue()

    def compute() -> None:
        try:
            events.put(work(events.put))
        except Exception as error:
            get_logger().exception("An operator failed")
            events.put(error)

    def listen() -> Generator[Any, None, Result | Exception]:
        while isinstance(event := events.get(), Progress):
            if events.empty():
                yield told(event)
        return event

    threading.Thread(target=compute, name="capviz", daemon=True).start()
    return listen()


def message_of(error: Exception) -> str:
    """An error in words for the user: ours as it is, others with the name of the log file."""
    ours = error if isinstance(error, CapvizError) else database_problem(error)
    if ours is not None:
        return str(ours)
    return f"{type(error).__name__}: {error} The details are in {log_file()}."


def _share(progress: Progress) -> float:
    return min(1.0, progress.done / progress.total) if progress.total else 0.0


def _label(progress: Progress) -> str:
    return progress.label or f"{progress.stage}: {progress.done} of {progress.total}"
