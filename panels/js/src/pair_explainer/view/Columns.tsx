import * as React from "react";
import type { Compare, Relation } from "../model/shown";
import { RelationCard, ScoreCard } from "./ScoreCard";
import { SidePicture, SideWords } from "./Side";
import type { Sides } from "./useSides";

export interface ColumnsProps {
  sides: Sides;
  compare: Compare;
  together: boolean;
  relation: Relation | null;
  /** Where the caption can be changed. */
  entry: React.ReactNode;
}

/** The image beside its words, or two images with theirs. */
export function Columns(props: ColumnsProps): React.ReactElement {
  const { sides, compare, together } = props;
  const { left, right, pair, secondPair } = sides;
  return (
    <div className="capviz-px-sides" data-two={right !== null}>
      <div className="capviz-px-column">
        <SidePicture {...left} />
        <Looks sides={sides} />
        {right ? <BelowFirst {...props} /> : null}
      </div>
      {right ? (
        <div className="capviz-px-column">
          <SidePicture {...right} />
          {sides.hasWords ? (
            <SideWords
              {...right}
              title={compare === "image" ? "The same caption" : "Second caption"}
            />
          ) : null}
          {secondPair && !together ? <ScoreCard pair={secondPair} title="Second pair" /> : null}
        </div>
      ) : (
        <div className="capviz-px-column">
          <SideWords {...left} title="Caption: select words">
            {props.entry}
          </SideWords>
          {pair ? <ScoreCard pair={pair} title="Does it add up?" /> : null}
        </div>
      )}
    </div>
  );
}

/** How heat and segments are drawn, on both sides. */
function Looks({ sides }: { sides: Sides }): React.ReactElement {
  return (
    <div className="capviz-row capviz-small">
      <label>
        <input
          type="checkbox"
          checked={sides.blocks}
          data-cy="capviz-pair-blocks"
          onChange={(event) => sides.setBlocks(event.target.checked)}
        />
        Patches as they are
      </label>
      {sides.left.image.segments.length ? (
        <label>
          <input
            type="checkbox"
            checked={sides.outlines}
            data-cy="capviz-pair-outlines"
            onChange={(event) => sides.setOutlines(event.target.checked)}
          />
          Outlines
        </label>
      ) : null}
    </div>
  );
}

/** The words and sums of the first side, where there are two. */
function BelowFirst(props: ColumnsProps): React.ReactElement {
  const { sides, compare, together, relation } = props;
  const { pair, left, hasWords } = sides;
  return (
    <>
      {hasWords ? (
        <SideWords {...left} title="First caption">
          {props.entry}
        </SideWords>
      ) : null}
      {pair && !together ? <ScoreCard pair={pair} title="First pair" /> : null}
      {together && relation ? (
        <RelationCard relation={relation} between={compare === "image" ? "image" : "caption"} />
      ) : null}
    </>
  );
}
