"""The base of the operators that put other captions in place of those that are there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from fiftyone.core.collections import SampleCollection

from fiftyone_capviz.curation.dataset.job import JobKeywords
from fiftyone_capviz.curation.dataset.progress import RunReport

from .operator import CapvizOperator
from .requests import called_options, target_samples

if TYPE_CHECKING:
    from fiftyone_capviz.curation.steering.reports import AcceptReport
    from fiftyone_capviz.settings.analysis import AnalysisOptions

Rewrite = Callable[..., "AcceptReport"]


class RewriteOperator(CapvizOperator):
    """Rewrites captions of the target view; words, scores and coverage follow."""

    def rewrite(self) -> Rewrite:
        """The library's function, imported when it is wanted."""
        raise NotImplementedError

    def asked(self, ctx: Any) -> Callable[..., RunReport]:
        options = called_options(ctx)
        return partial(self.work, target_samples(ctx), options.caption_field, options=options)

    def work(
        self,
        collection: SampleCollection,
        caption_field: str = "caption",
        *,
        options: AnalysisOptions | None = None,
        **job: Unpack[JobKeywords],
    ) -> AcceptReport:
        """Rewrite the captions of a dataset or view.

        Args:
            collection: dataset or view.
            caption_field: whose captions.
            options: models and decoding; default those of the last analysis.
            job: progress, stop, cache, as in `analyze`.

        Raises:
            InputError: there is nothing to put in their place.
        """
        return self.rewrite()(collection, caption_field, options=options, **job)
