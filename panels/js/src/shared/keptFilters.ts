import { executeOperator } from "@fiftyone/operators";
import { filters } from "@fiftyone/state";
import { useCallback, useEffect, useRef } from "react";
import { useRecoilValue } from "recoil";

type Filters = Record<string, unknown>;

const RELOAD_MILLISECONDS = 20_000;

/**
 * Keeps the sidebar's filters over a reload of the dataset, which would drop them.
 *
 * The App takes no filters while it reloads: they are set again when they have been dropped.
 *
 * @returns to be called when a reload is about to come
 */
export function useKeptFilters(): () => void {
  const present = useRecoilValue<Filters>(filters);
  const now = useRef(present);
  now.current = present;
  const held = useRef<{ filters: Filters; until: number } | null>(null);
  useEffect(() => {
    if (!held.current || Object.keys(present).length) return;
    if (Date.now() < held.current.until) void executeOperator("set_filters", held.current.filters);
    held.current = null;
  }, [present]);
  return useCallback(() => {
    if (Object.keys(now.current).length) {
      held.current = { filters: now.current, until: Date.now() + RELOAD_MILLISECONDS };
    }
  }, []);
}
