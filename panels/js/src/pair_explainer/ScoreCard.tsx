import * as React from "react";
import { meaningOf, trustOf } from "./completeness";
import type { Pair } from "./maps";
import { plain, signed } from "./scale";

/** Score, whole, completeness error, and what it means. */
export function ScoreCard({ pair, title }: { pair: Pair; title: string }): React.ReactElement {
  return (
    <div className="capviz-px-card" data-cy="capviz-pair-error">
      <h3>{title}</h3>
      <div className="capviz-px-facts">
        <span title="Cosine of the two embeddings">
          score <b>{signed(pair.score)}</b>
        </span>
        <span title="What all parts must sum to: the pair's score without what a grey image or an empty caption gives">
          to explain <b>{pair.exact === null ? "–" : signed(pair.exact)}</b>
        </span>
        <span title="How far the sum of all parts, special tokens included, is from that">
          completeness error{" "}
          <b>{pair.completeness_error === null ? "–" : plain(pair.completeness_error)}</b>
        </span>
      </div>
      <p className="capviz-px-small">
        <span className="capviz-px-mark" data-trust={trustOf(pair)} aria-hidden />
        {meaningOf(pair)}
      </p>
      {pair.notes.map((note) => (
        <p key={note} className="capviz-px-small" style={{ color: "var(--warn)", marginTop: 4 }}>
          {note}
        </p>
      ))}
    </div>
  );
}
