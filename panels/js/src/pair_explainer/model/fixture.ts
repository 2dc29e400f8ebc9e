import example from "../../../../../tests/payloads/pair_explainer.json";
import { decodeFloats } from "../../heat/decode";
import type { Box, ImagePayload, PairPayload } from "../../payloads/pair_explainer";
import { decodePair, type Pair } from "./maps";

/** The example that Python checks, as the view is given it. */
export const IMAGE = example.image as unknown as ImagePayload;
export const SUMS = { ...example.sums, box: example.sums.box as unknown as Box };
export const RELATION = {
  ...example.relation,
  matrix: decodeFloats(example.relation.matrix),
};

export function examplePair(change: Partial<PairPayload> = {}): Pair {
  return decodePair({ ...(example.pair as unknown as PairPayload), ...change });
}
