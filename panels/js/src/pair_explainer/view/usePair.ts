import * as React from "react";
import { newId } from "../../asking/newId";
import { decodeFloats } from "../../heat/decode";
import type { Call } from "../../host/panel";
import {
  parsePair,
  parseRelation,
  parseWait,
  type MethodOption,
} from "../../payloads/pair_explainer";
import { decodePair, type Pair } from "../model/maps";
import type { Compare, Relation } from "../model/shown";

export interface Answer<Value> {
  value: Value | null;
  loading: boolean;
  error: string | null;
  /** Seconds that it would take, where the user has to agree to that first. */
  wait: number | null;
}

export interface Asked<Value> extends Answer<Value> {
  /** No longer waits for what is on its way. */
  cancel: () => void;
  /** Agrees to the wait. */
  confirm: () => void;
}

const NONE = { value: null, loading: false, error: null, wait: null };
const WAITING = { ...NONE, loading: true };

/**
 * Asks again whenever what is asked changes; null asks nothing. Only its own answer counts.
 *
 * Each request has a name, by which the server ends it once nobody waits for it any more.
 */
export function useAnswer<Value>(
  call: Call,
  event: string,
  asked: Record<string, unknown> | null,
  attempt: number,
  parse: (reply: unknown) => Value,
): Asked<Value> {
  const [kept, setKept] = React.useState<{ key: string; answer: Answer<Value> } | null>(null);
  const [agreed, setAgreed] = React.useState<string | null>(null);
  const running = React.useRef<string | null>(null);
  const end = React.useCallback(() => {
    if (running.current) void call("cancel", { request: running.current }).catch(() => undefined);
    running.current = null;
  }, [call]);
  const key = asked && JSON.stringify(asked);
  const confirmed = key !== null && agreed === key;
  React.useEffect(() => {
    end();
    if (key === null) return;
    const request = newId();
    running.current = request;
    setKept(null);
    const params = JSON.parse(key) as Record<string, unknown>;
    void call<unknown>(event, { ...params, request, confirmed })
      .then((reply): Answer<Value> => {
        const wait = parseWait(reply);
        return wait === null ? { ...NONE, value: parse(reply) } : { ...NONE, wait };
      })
      .catch((error: Error): Answer<Value> => ({ ...NONE, error: error.message }))
      .then((answer) => {
        if (running.current !== request) return; // nobody waits for it any more
        running.current = null;
        setKept({ key, answer });
      });
  }, [call, event, parse, end, key, attempt, confirmed]);
  React.useEffect(() => end, [end]); // whoever closes the panel waits no more
  const cancel = React.useCallback(() => {
    if (key === null || !running.current) return;
    end();
    setKept({ key, answer: { ...NONE, error: "The explanation was cancelled." } });
  }, [end, key]);
  const confirm = React.useCallback(() => setAgreed(key), [key]);
  // What was asked before belongs to another image, caption or layer: better nothing than that.
  const answer = key === null ? NONE : kept?.key === key ? kept.answer : WAITING;
  return { ...answer, cancel, confirm };
}

export interface Settings {
  /** Null for the one of the analysis' own family. */
  encoder: string | null;
  method: string;
  layer: number | null;
}

/** What is asked for: the encoder that is meant, and a layer only where the method has one. */
export function settingsAsked(
  { encoder, method, layer }: Settings,
  usual: string | null,
  methods: MethodOption[],
): Settings {
  const layered = methods.find(({ value }) => value === method)?.layered ?? true;
  return { encoder: encoder ?? usual, method, layer: layered ? layer : null };
}

export interface PairRequest {
  sample_id: string;
  caption_field: string | null;
  /** Null for the sample's own. */
  caption: string | null;
  settings: Settings;
}

/** The explanation of an image and a caption. */
export function usePair(call: Call, asked: PairRequest | null, attempt: number): Asked<Pair> {
  return useAnswer(call, "explain", asked && { ...asked }, attempt, readPair);
}

/** What two images, or two captions, have to do with each other. */
export function useRelation(
  call: Call,
  asked: Record<string, unknown> | null,
  attempt: number,
): Asked<Relation> {
  return useAnswer(call, "relate", asked, attempt, readRelation);
}

/** What is asked: an image with a caption, and what stands beside it. */
export interface Question {
  sampleId: string | null;
  field: string | null;
  caption: string | null;
  settings: Settings;
  beside: { compare: Compare; together: boolean; sampleId: string | null; caption: string };
}

/** The explanations of both sides, and what both have to do with each other. */
export function useAnswers(
  call: Call,
  { sampleId, field, caption, settings, beside }: Question,
  attempt: number,
): { first: Asked<Pair>; second: Asked<Pair>; relation: Asked<Relation> } {
  const { compare, together } = beside;
  const ask = (id: string | null, text: string | null): PairRequest | null =>
    id && text ? { sample_id: id, caption_field: field, caption: text, settings } : null;
  const asked = ask(sampleId, caption);
  const otherId = compare === "image" ? beside.sampleId : sampleId;
  const asked2 =
    compare === "none" ? null : ask(otherId, compare === "image" ? caption : beside.caption.trim());
  const first = usePair(call, asked, attempt);
  const second = usePair(call, asked2, attempt);
  const related =
    !together || !asked || !asked2
      ? null
      : compare === "image"
        ? { sample_id: sampleId, other_id: otherId, settings }
        : { caption: asked.caption, other_caption: asked2.caption, settings };
  const relation = useRelation(call, related, attempt);
  return { first, second, relation };
}

function readPair(reply: unknown): Pair {
  return decodePair(parsePair(reply));
}

function readRelation(reply: unknown): Relation {
  const relation = parseRelation(reply);
  return { ...relation, matrix: decodeFloats(relation.matrix) };
}
