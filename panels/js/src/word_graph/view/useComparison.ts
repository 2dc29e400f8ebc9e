import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { latest } from "../../asking/latest";
import { useAsking } from "../../asking/useAsking";
import type { Call } from "../../host/panel";
import {
  parseComparison,
  parseFields,
  parseValues,
  type ComparePayload,
} from "../../payloads/word_graph";
import { messageOf } from "./messageOf";

export interface ComparisonModel {
  open: boolean;
  toggle: () => void;
  fields: readonly string[];
  path: string | null;
  values: readonly string[];
  counts: readonly number[];
  a: string | null;
  b: string | null;
  /** Why there is nothing to compare; null where there is. */
  note: string | null;
  result: ComparePayload | null;
  loading: boolean;
  error: string | null;
  choosePath: (path: string) => void;
  chooseSides: (a: string | null, b: string | null) => void;
}

type Choices = Pick<ComparisonModel, "fields" | "path" | "values" | "counts" | "a" | "b">;

const NOTHING: Choices = { fields: [], path: null, values: [], counts: [], a: null, b: null };

/**
 * The comparison of two collections.
 *
 * @param uncounted calls Python
 * @param captionField whose words
 * @param shown changes with the samples in view
 */
export function useComparison(
  uncounted: Call,
  captionField: string | null,
  shown: string | undefined,
): ComparisonModel {
  const [call, loading] = useAsking(uncounted);
  const [open, setOpen] = useState(false);
  const [choices, setChoices] = useState<Choices>(NOTHING);
  const [result, setResult] = useState<ComparePayload | null>(null);
  const [note, setNote] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const chosen = useRef(choices);
  chosen.current = choices;
  const calls = useCalls(call);
  const fail = useCallback((problem: unknown) => setError(messageOf(problem)), []);

  const choosePath = useCallback(
    (path: string) => {
      setError(null);
      calls
        .values(path)
        .then((reply) => {
          if (!reply) return;
          const sides = sidesOf(path, reply.values, chosen.current);
          setChoices((before) => ({ ...before, path, ...reply, ...sides }));
          setNote(noteOn(reply.values));
          if (sides.b === null) setResult(null);
        })
        .catch(fail);
    },
    [calls, fail],
  );

  useEffect(() => {
    if (!open || captionField === null) return;
    calls
      .fields({ caption_field: captionField })
      .then((reply) => {
        if (!reply) return;
        const { fields } = reply;
        if (!fields.length) {
          setChoices(NOTHING);
          setNote("Nothing to compare by: save two views, or add a field with a few values.");
          setResult(null);
          return;
        }
        // What was compared before is compared again.
        const { path } = chosen.current;
        setChoices((before) => ({ ...before, fields }));
        choosePath(path !== null && fields.includes(path) ? path : fields[0]);
      })
      .catch(fail);
  }, [open, captionField, calls, choosePath, fail]);

  const { path, a, b } = choices;
  useEffect(() => {
    if (!open || path === null || a === null || b === null || captionField === null) return;
    calls
      .compare({ path, a, b, caption_field: captionField })
      .then((reply) => {
        if (reply === undefined) return;
        setResult(parseComparison(reply));
        setError(null);
      })
      .catch(fail);
  }, [open, path, a, b, captionField, shown, calls, fail]);

  const toggle = useCallback(() => {
    setError(null);
    setNote(null);
    setResult(null);
    setOpen((before) => !before);
  }, []);
  const chooseSides = useCallback(
    (first: string | null, second: string | null) =>
      setChoices((before) => ({ ...before, a: first, b: second })),
    [],
  );
  return { open, toggle, ...choices, note, result, loading, error, choosePath, chooseSides };
}

/** What is asked of Python; of each question only the newest is answered. */
function useCalls(call: Call) {
  return useMemo(
    () => ({
      fields: latest((params: Record<string, unknown>) =>
        call<unknown>("comparison_fields", params).then(parseFields),
      ),
      values: latest((path: string) =>
        call<unknown>("comparison_values", { path }).then(parseValues),
      ),
      compare: latest((params: Record<string, unknown>) => call<unknown>("compare", params)),
    }),
    [call],
  );
}

/** The sides chosen before where the path still has them; else its most frequent values. */
function sidesOf(
  path: string,
  values: readonly string[],
  before: Choices,
): Pick<Choices, "a" | "b"> {
  const { a, b } = before;
  const kept = path === before.path && a !== null && b !== null;
  if (kept && values.includes(a) && values.includes(b)) return { a, b };
  const [first = null, second = null] = values;
  return { a: first, b: second };
}

function noteOn(values: readonly string[]): string | null {
  if (values.length > 1) return null;
  const found = values.length ? "This field has only one value" : "This field has no values";
  return `${found}: choose another field.`;
}
