import { executeOperator } from "@fiftyone/operators";
import { filters } from "@fiftyone/state";
import { useCallback, useEffect, useRef } from "react";
import { useRecoilValue } from "recoil";

type Filters = Record<string, unknown>;

const RELOAD_MILLISECONDS = 20_000;
const AGAIN = 1_000;

/**
 * Keeps the sidebar's filters over a reload of the dataset, which would drop them.
 *
 * The App takes no filters while it reloads: they are set again when they have been dropped, until
 * it has taken them.
 *
 * @returns to be called when a reload is about to come
 */
export function useKeptFilters(): () => void {
  const present = useRecoilValue<Filters>(filters);
  const now = useRef(present);
  now.current = present;
  const held = useRef<{ filters: Filters; until: number } | null>(null);
  useEffect(() => {
    const kept = held.current;
    if (!kept) return;
    if (Object.keys(present).length) {
      held.current = null;
      return;
    }
    const set = () => {
      if (Date.now() < kept.until) void executeOperator("set_filters", kept.filters);
      else clearInterval(timer);
    };
    const timer = setInterval(set, AGAIN);
    set();
    return () => clearInterval(timer);
  }, [present]);
  return useCallback(() => {
    if (Object.keys(now.current).length) {
      held.current = { filters: now.current, until: Date.now() + RELOAD_MILLISECONDS };
    }
  }, []);
}
