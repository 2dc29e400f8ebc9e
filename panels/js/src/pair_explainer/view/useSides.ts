import * as React from "react";
import type { ImagePayload } from "../../payloads/pair_explainer";
import type { Pair } from "../model/maps";
import { nameOf } from "../model/region";
import { sharedPeaks, shownOfSides, type Compare, type Relation, type Shown } from "../model/shown";
import type { SideProps } from "./Side";
import { useBothChoices, type ActiveChoice } from "./useChoice";
import type { Answer } from "./usePair";

export interface SidesProps {
  image: ImagePayload;
  /** The sample of the second image; null while it is not compared or not there yet. */
  other: ImagePayload | null;
  first: Answer<Pair>;
  second: Answer<Pair>;
  relation: Answer<Relation>;
  compare: Compare;
  together: boolean;
  srcOf: (filepath: string) => string;
  onAnalyze: () => void;
}

export interface Sides {
  pair: Pair | null;
  secondPair: Pair | null;
  shown: [Shown, Shown];
  left: SideProps;
  /** Null where there is one side. */
  right: SideProps | null;
  /** Whether words mean anything where both sides are set against each other. */
  hasWords: boolean;
  blocks: boolean;
  setBlocks: (blocks: boolean) => void;
  outlines: boolean;
  setOutlines: (outlines: boolean) => void;
}

/** Both sides of the panel: what is chosen on each, and what each shows. */
export function useSides(props: SidesProps): Sides {
  const { image, compare, together, relation } = props;
  const two = compare !== "none";
  const otherImage = compare === "image" ? props.other : image;
  const [blocks, setBlocks] = React.useState(false);
  const [outlines, setOutlines] = React.useState(true);
  const pair = props.first.value;
  const secondPair = two ? props.second.value : null;
  const choices = useBothChoices(pair, secondPair, props);
  const [one, other] = choices;
  const names: [string, string] = [
    nameOf(one.region, image.segments),
    nameOf(other.region, otherImage?.segments ?? []),
  ];
  const shown = shownOfSides(props, [pair, secondPair], relation.value, choices, names);
  const peaks = sharedPeaks(two ? shown : [shown[0]]);
  const hasRegion = !(together && compare === "caption");
  const side = (
    at: 0 | 1,
    answer: Answer<Pair>,
    shownImage: ImagePayload,
    choice: ActiveChoice,
  ): SideProps => ({
    image: shownImage,
    src: props.srcOf(shownImage.filepath),
    pair: at ? secondPair : pair,
    busy: answer.loading || (together && relation.loading),
    shown: shown[at],
    peaks,
    choice,
    blocks,
    outlines,
    onRegion: hasRegion ? choice.setRegion : null,
    onAnalyze: props.onAnalyze,
  });
  return {
    pair,
    secondPair,
    shown,
    left: side(0, props.first, image, one),
    right: two && otherImage ? side(1, props.second, otherImage, other) : null,
    hasWords: !(together && compare === "image"),
    blocks,
    setBlocks,
    outlines,
    setOutlines,
  };
}
