"""*Export analysis*: captions, graph, associations and report as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fiftyone.operators import types

from fiftyone_capviz.errors import InputError

from .frame.form import Form
from .frame.operator import CapvizOperator
from .frame.requests import target_samples
from .frame.sections import caption_source
from .frame.streaming import Notify, Outcome, run


class ExportAnalysis(CapvizOperator):
    """Writes files on the machine where the App's server runs."""

    operator_name = "export_analysis"
    title = "Export analysis"
    icon = "file_download"
    summary = "Write captions, word graph, associations and an HTML report into a folder"

    def add_fields(self, form: Form) -> None:
        from fiftyone_capviz.curation.export.files import FORMATS

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
        view = types.DropdownView(multiple=True)
        for name in FORMATS:
            view.add_choice(name, label=name)
        form.inputs.list(
            "formats",
            types.String(),
            label="Formats",
            description="Empty: all of them",
            view=view,
        )

    def execute(self, ctx: Any) -> Any:
        view, params = target_samples(ctx), ctx.params

        def work(_: Notify) -> Outcome:
            folder = params.get("folder")
            if not folder:
                raise InputError("An export needs a folder; none was given. Name one as `folder`.")
            written = self(
                view,
                Path(folder),
                caption_field=params.get("caption_field") or "caption",
                segments_field=params.get("segments_field") or "segments",
                formats=params.get("formats") or None,
            )
            names = "\n".join(f"- `{path}`" for path in written)
            return Outcome(
                f"{len(written)} files written to {folder}\n\n{names}",
                {"files": [str(path) for path in written]},
            )

        return run(ctx, work, title=self.title, reload=False)

    def __call__(
        self,
        sample_collection: Any,
        folder: Path | str,
        *,
        caption_field: str = "caption",
        segments_field: str = "segments",
        formats: Sequence[str] | None = None,
    ) -> list[Path]:
        """Export the analysis of a dataset or view; returns the files."""
        from fiftyone_capviz.curation.export.files import FORMATS, export_analysis

        return export_analysis(
            sample_collection,
            Path(folder).expanduser(),
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
