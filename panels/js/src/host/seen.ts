import * as state from "@fiftyone/state";
import { useMemo } from "react";
import { useRecoilValue } from "recoil";

/**
 * Changes with the App's dataset, view, filters and a lasso around segments: the browser knows of
 * them before Python.
 *
 * A lasso around images is not part of it: the App keeps that where it keeps what a panel has
 * narrowed the grid to. Python is told of both, and can tell them apart.
 */
export function useSeen(): string {
  const dataset = useRecoilValue<string>(state.datasetName);
  const view = useRecoilValue<unknown>(state.view);
  const filters = useRecoilValue<unknown>(state.filters);
  const lasso = useRecoilValue<unknown>(state.extendedSelectionOverrideStage);
  return useMemo(
    () => JSON.stringify([dataset, view, filters, lasso]),
    [dataset, view, filters, lasso],
  );
}
