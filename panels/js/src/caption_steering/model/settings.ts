/** What is asked of the captioner, and what the user's edits make of it. */

import { emptySelection, isEmpty, sentSelection, type Selection } from "./selections";
import { DEFAULT_WEIGHT, type Method } from "./choices";
import { leastWeight } from "./weight";

export interface Settings {
  prompt: string;
  method: Method;
  selections: Selection[];
  active: number;
}

/** The settings as the panel's Python side takes them. */
export function sentSettings(settings: Settings): Record<string, unknown> {
  return {
    prompt: settings.prompt,
    method: settings.method,
    selections: settings.selections.map(sentSelection),
  };
}

/** Whether the settings ask for anything but the captioner's own caption. */
export function asksSomething(settings: Settings): boolean {
  return (
    settings.prompt.trim() !== "" ||
    settings.selections.some((one) => one.weight !== 1 && !isEmpty(one))
  );
}

/** Whether both ask for the same; which selection is being edited is not asked for. */
export function sameSettings(one: Settings, other: Settings): boolean {
  return JSON.stringify(sentSettings(one)) === JSON.stringify(sentSettings(other));
}

/** With the active selection edited. */
export function withActive(settings: Settings, edit: (one: Selection) => Selection): Settings {
  const selections = settings.selections.map((one, index) =>
    index === settings.active ? edit(one) : one,
  );
  return { ...settings, selections };
}

/** With another weight for the active selection. */
export function withWeight(settings: Settings, weight: number): Settings {
  return withActive(settings, (one) => ({ ...one, weight }));
}

/** With another method; weights that it does not know become ones that it does. */
export function withMethod(settings: Settings, method: Method): Settings {
  const least = leastWeight(method);
  const selections = settings.selections.map((one) =>
    one.weight < least ? { ...one, weight: DEFAULT_WEIGHT } : one,
  );
  return { ...settings, method, selections };
}

/** With one more selection, empty and active, of the active one's weight. */
export function withOneMore(settings: Settings): Settings {
  const id = 1 + Math.max(...settings.selections.map((one) => one.id));
  const { weight } = settings.selections[settings.active];
  const selections = [...settings.selections, emptySelection(id, weight)];
  return { ...settings, selections, active: selections.length - 1 };
}

/** Without a selection; of the last one an empty one of the active one's weight remains. */
export function withoutOne(settings: Settings, index: number): Settings {
  const { weight } = settings.selections[settings.active];
  const rest = settings.selections.filter((_, at) => at !== index);
  const selections = rest.length ? rest : [emptySelection(1, weight)];
  return { ...settings, selections, active: Math.min(settings.active, selections.length - 1) };
}
