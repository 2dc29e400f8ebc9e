"""*Export analysis*: captions, graph, associations and report as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fiftyone.core.collections import SampleCollection
from fiftyone.operators import types

from fiftyone_capviz.curation.dataset.progress import RunReport
from fiftyone_capviz.errors import InputError
from fiftyone_capviz.settings.export import FORMATS

from .frame.form import Form
from .frame.operator import CapvizOperator
from .frame.requests import target_samples
from .frame.sections import caption_source

if TYPE_CHECKING:
    from fiftyone_capviz.curation.export.files import ExportReport


class ExportAnalysis(CapvizOperator):
    """Writes files on the machine where the App's server runs."""

    operator_name = "export_analysis"
    title = "Export analysis"
    icon = "file_download"
    summary = "Write captions, word graph, associations and an HTML report into a folder"
    followed = False
    writes = False

    def add_fields(self, form: Form) -> None:
        caption_source(form)
        folder = str(form.ctx.params.get("folder") or "")
        prop = form.inputs.str(
            "folder",
            label="Folder",
            description="on the machine where FiftyOne runs; made if it does not exist",
            required=True,
            view=types.LazyFieldView(),
        )
        if folder:
            form.mark(prop, _problem_of_folder(folder))
        form.several("formats", "Formats", {name: name for name in FORMATS})

    def asked(self, ctx: Any) -> Callable[..., RunReport]:
        params = ctx.params
        folder = params.get("folder")
        if not folder:
            raise InputError("An export needs a folder; none was given. Name one as `folder`.")
        return partial(
            self.work,
            target_samples(ctx),
            folder,
            caption_field=params.get("caption_field") or "caption",
            segments_field=params.get("segments_field") or "segments",
            formats=params.get("formats") or None,
        )

    def work(
        self,
        collection: SampleCollection,
        folder: Path | str,
        *,
        caption_field: str = "caption",
        segments_field: str = "segments",
        formats: Sequence[str] | None = None,
    ) -> ExportReport:
        """Export the analysis of a dataset or view; returns the files, as a list."""
        from fiftyone_capviz.curation.export.files import export_analysis

        return export_analysis(
            collection,
            folder,
            caption_field=caption_field,
            segments_field=segments_field,
            formats=tuple(formats or FORMATS),
        )


def _problem_of_folder(folder: str) -> str | None:
    path = Path(folder).expanduser()
    if path.exists() and not path.is_dir():
        return f"The export needs a folder; {folder} is a file. Give another name."
    if not path.is_absolute():
        return f"The folder's path must be absolute, since the server reads it; got {folder!r}."
    return None
