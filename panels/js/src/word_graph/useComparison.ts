import { useCallback, useEffect, useMemo, useState } from "react";
import { latest } from "../shared/latest";
import type { Call } from "../shared/panel";
import { parseComparison } from "./parse";
import type { ComparePayload, ValuesPayload } from "./payloads";
import { messageOf } from "./useWordGraph";

export interface ComparisonModel {
  open: boolean;
  toggle: () => void;
  fields: readonly string[];
  path: string | null;
  values: readonly string[];
  counts: readonly number[];
  a: string | null;
  b: string | null;
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
 * @param shown changes with the samples in view
 */
export function useComparison(
  call: Call,
  captionField: string | null,
  shown: string | undefined,
): ComparisonModel {
  const [open, setOpen] = useState(false);
  const [choices, setChoices] = useState<Choices>(NOTHING);
  const [result, setResult] = useState<ComparePayload | null>(null);
  const [loading, setLoading] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const calls = useMemo(
    () => ({
      values: latest((path: string) => call<ValuesPayload>("comparison_values", { path })),
      compare: latest((params: Record<string, unknown>) => call<unknown>("compare", params)),
    }),
    [call],
  );
  const fail = useCallback((problem: unknown) => {
    setLoading(false);
    setError(messageOf(problem));
  }, []);

  const choosePath = useCallback(
    (path: string) => {
      setError(null);
      setLoading(true);
      calls
        .values(path)
        .then((reply) => {
          if (!reply) return;
          const [a = null, b = null] = reply.values;
          setChoices((before) => ({ ...before, path, ...reply, a, b }));
          if (b === null) setLoading(false);
        })
        .catch(fail);
    },
    [calls, fail],
  );

  useEffect(() => {
    if (!open || captionField === null) return;
    call<{ fields: string[] }>("comparison_fields", { caption_field: captionField })
      .then(({ fields }) => {
        setChoices({ ...NOTHING, fields });
        setResult(null);
        if (fields.length) choosePath(fields[0]);
      })
      .catch(fail);
  }, [open, captionField, call, choosePath, fail]);

  const { path, a, b } = choices;
  useEffect(() => {
    if (!open || path === null || a === null || b === null || captionField === null) return;
    setLoading(true);
    calls
      .compare({ path, a, b, caption_field: captionField })
      .then((reply) => {
        if (reply === undefined) return;
        setResult(parseComparison(reply));
        setError(null);
        setLoading(false);
      })
      .catch(fail);
  }, [open, path, a, b, captionField, shown, calls, fail]);

  const toggle = useCallback(() => {
    setError(null);
    setResult(null);
    setOpen((before) => !before);
  }, []);
  const chooseSides = useCallback(
    (first: string | null, second: string | null) =>
      setChoices((before) => ({ ...before, a: first, b: second })),
    [],
  );
  return { open, toggle, ...choices, result, loading, error, choosePath, chooseSides };
}
