import * as React from "react";
import { aboutWord, type WordFacts } from "../graph/about";
import type { Scene } from "../graph/scene";

interface TipProps {
  word: string | null;
  facts: ReadonlyMap<string, WordFacts>;
  scene: Scene;
}

/** What is known of the word under the mouse. */
export function Tip({ word, facts, scene }: TipProps) {
  const known = word === null ? undefined : facts.get(word);
  if (!known) return null;
  const ring = scene.words.find((one) => one.word === word)?.ring ?? null;
  const links = scene.links.filter((one) => one.a === word || one.b === word).length;
  return (
    <div className="capviz-wg-tip" aria-hidden="true">
      {aboutWord(known, ring)}, linked to {links} words
    </div>
  );
}
