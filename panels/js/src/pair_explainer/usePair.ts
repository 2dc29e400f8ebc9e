import * as React from "react";
import { latest } from "../shared/latest";
import type { Call } from "../shared/panel";
import { decodeFloats, type Pair } from "./maps";
import { parsePair, parseRelation } from "./payloads";
import type { Relation } from "./shown";

export interface Answer<Value> {
  value: Value | null;
  loading: boolean;
  error: string | null;
}

const NONE = { value: null, loading: false, error: null };

/** Asks again whenever what is asked changes; null asks nothing. The newest answer counts. */
function useAnswer<Value>(
  call: Call,
  event: string,
  asked: Record<string, unknown> | null,
  attempt: number,
  parse: (reply: unknown) => Value,
): Answer<Value> {
  const [answer, setAnswer] = React.useState<Answer<Value>>(NONE);
  const ask = React.useMemo(
    () =>
      latest((params: Record<string, unknown>) =>
        call<unknown>(event, params)
          .then(parse)
          .then(
            (value): Answer<Value> => ({ value, loading: false, error: null }),
            (error: Error): Answer<Value> => ({
              value: null,
              loading: false,
              error: error.message,
            }),
          ),
      ),
    [call, event, parse],
  );
  const key = asked && JSON.stringify(asked);
  React.useEffect(() => {
    if (key === null) {
      setAnswer(NONE);
      return undefined;
    }
    let wanted = true;
    setAnswer((now) => ({ ...now, loading: true, error: null }));
    void ask(JSON.parse(key) as Record<string, unknown>).then((found) => {
      if (found && wanted) setAnswer(found);
    });
    return () => {
      wanted = false;
    };
  }, [ask, key, attempt]);
  return answer;
}

export interface Settings {
  /** Null for the one of the analysis' own family. */
  encoder: string | null;
  method: string;
  layer: number | null;
}

export interface PairRequest {
  sample_id: string;
  caption_field: string | null;
  /** Null for the sample's own. */
  caption: string | null;
  settings: Settings;
}

/** The explanation of an image and a caption. */
export function usePair(call: Call, asked: PairRequest | null, attempt: number): Answer<Pair> {
  return useAnswer(call, "explain", asked && { ...asked }, attempt, readPair);
}

/** What two images, or two captions, have to do with each other. */
export function useRelation(
  call: Call,
  asked: Record<string, unknown> | null,
  attempt: number,
): Answer<Relation> {
  return useAnswer(call, "relate", asked, attempt, readRelation);
}

function readPair(reply: unknown): Pair {
  const pair = parsePair(reply);
  return { ...pair, maps: decodeFloats(pair.maps) };
}

function readRelation(reply: unknown): Relation {
  const relation = parseRelation(reply);
  return { ...relation, matrix: decodeFloats(relation.matrix) };
}
