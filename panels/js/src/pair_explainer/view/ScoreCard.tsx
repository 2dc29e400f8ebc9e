import * as React from "react";
import { meaningOf, trustOf, type Sums } from "../model/completeness";
import type { Pair } from "../model/maps";
import { plain, signed } from "../model/numbers";
import type { Relation } from "../model/shown";

/** Of an image and a caption: score, what it is made of, completeness error, and what it means. */
export function ScoreCard({ pair, title }: { pair: Pair; title: string }): React.ReactElement {
  const total = pair.on_patches + pair.on_cls + pair.rest;
  return (
    <SumsCard sums={pair} title={title} layers={layersOf(pair)}>
      <p className="capviz-small capviz-muted" data-cy="capviz-pair-sums">
        words on patches {signed(pair.on_patches)}, words on the whole image’s token{" "}
        {signed(pair.on_cls)}, special tokens and punctuation {signed(pair.rest)}: together{" "}
        {signed(total)}
      </p>
    </SumsCard>
  );
}

/** Of two images, or two captions. */
export function RelationCard(props: {
  relation: Relation;
  between: "image" | "caption";
}): React.ReactElement {
  const { relation, between } = props;
  const images = between === "image";
  const { inside, rest, layer } = relation;
  return (
    <SumsCard
      sums={relation}
      title="Against each other"
      layers={layer === null ? null : `${images ? "image" : "text"} layer ${layer}`}
    >
      <p className="capviz-small capviz-muted" data-cy="capviz-pair-sums">
        {images ? "patches with patches" : "words with words"} {signed(inside)},{" "}
        {images ? "the images’ own tokens" : "special tokens and punctuation"} {signed(rest)}:
        together {signed(inside + rest)}
      </p>
    </SumsCard>
  );
}

function layersOf({ layer, text_layer }: Pair): string | null {
  return layer === null ? null : `image layer ${layer}, text layer ${text_layer}`;
}

interface SumsCardProps {
  sums: Sums;
  title: string;
  layers: string | null;
  children?: React.ReactNode;
}

function SumsCard({ sums, title, layers, children }: SumsCardProps): React.ReactElement {
  return (
    <div className="capviz-card" data-cy="capviz-pair-error">
      <h3>{title}</h3>
      <div className="capviz-px-facts">
        <span title="Cosine of the two embeddings">
          score <b>{signed(sums.score)}</b>
        </span>
        <span title="What all parts must sum to: the pair's score without what a grey image or an empty caption gives">
          to explain <b>{sums.exact === null ? "–" : signed(sums.exact)}</b>
        </span>
        <span title="How far the sum of all parts, special tokens included, is from that">
          completeness error{" "}
          <b>{sums.completeness_error === null ? "–" : plain(sums.completeness_error)}</b>
        </span>
        {layers ? <span className="capviz-muted">{layers}</span> : null}
      </div>
      {children}
      <p className="capviz-small">
        <span className="capviz-px-mark" data-trust={trustOf(sums)} aria-hidden />
        {meaningOf(sums)}
      </p>
      {sums.notes.map((note) => (
        <p
          key={note}
          className="capviz-small"
          style={{ color: "var(--capviz-warning)", marginTop: 4 }}
        >
          {note}
        </p>
      ))}
    </div>
  );
}
