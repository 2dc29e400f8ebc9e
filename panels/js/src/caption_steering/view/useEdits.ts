import * as React from "react";
import { toggleSegment, type SegmentCells, type Selection } from "../model/selections";
import { withActive, type Settings } from "../model/settings";

export interface Edits {
  change: (settings: Settings) => void;
  changeActive: (edit: (one: Selection) => Selection) => void;
  /** A click or drag on the patches begins. */
  press: () => void;
  /** `pressed`: two clicks on a patch came before, which meant the segment. */
  takeSegment: (id: string, pressed?: boolean) => void;
}

/** What the user does to the settings. */
export function useEdits(
  settings: Settings,
  cells: SegmentCells,
  onSettings: (settings: Settings) => void,
): Edits {
  // Strokes come faster than React renders: each goes on from the newest settings.
  const newest = React.useRef(settings);
  newest.current = settings;
  const change = (next: Settings) => {
    newest.current = next;
    onSettings(next);
  };
  const changeActive = (edit: (one: Selection) => Selection) =>
    change(withActive(newest.current, edit));
  // The first click of a double-click has painted, the second has wiped out: both are taken back.
  const presses = React.useRef<Selection[]>([]);
  const press = () => {
    const { selections, active } = newest.current;
    presses.current = [selections[active], ...presses.current].slice(0, 2);
  };
  const takeSegment = (id: string, pressed = false) =>
    changeActive((one) => {
      const before = pressed ? presses.current[1] : undefined;
      const base = before?.id === one.id ? { ...before, weight: one.weight } : one;
      return toggleSegment(base, id, cells);
    });
  return { change, changeActive, press, takeSegment };
}
