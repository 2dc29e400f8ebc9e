import * as React from "react";
import { difference, peakOf, total, type Pair } from "../model/maps";
import { signed } from "../model/numbers";
import type { Shown } from "../model/shown";
import { Legend } from "./Legend";
import { Stage } from "./Stage";

interface PairsProps {
  pairs: [Pair, Pair];
  shown: [Shown, Shown];
}

/** Two captions of one image: where the first counts more than the second. */
export function CaptionDifference(
  props: PairsProps & { src: string; name: string; blocks: boolean },
): React.ReactElement | null {
  const [first, second] = props.shown;
  const heat = React.useMemo(
    () => (first.heat && second.heat ? difference(first.heat, second.heat) : null),
    [first.heat, second.heat],
  );
  const [pair] = props.pairs;
  return (
    <div className="capviz-card" data-cy="capviz-pair-difference">
      <h3>Difference: first minus second</h3>
      <Scores {...props} />
      {heat ? (
        <div className="capviz-px-column" style={{ maxWidth: 340 }}>
          <Stage
            src={props.src}
            name={`${props.name}, difference`}
            place={pair}
            heat={heat}
            peak={peakOf(heat)}
            blocks={props.blocks}
            segments={[]}
            outlines={false}
            hot={null}
            region={null}
            hint={null}
            busy={false}
            onRegion={null}
          />
          <Legend
            peak={peakOf(heat)}
            what={`${first.what ?? ""} minus ${second.what ?? ""}`}
            sum={total(heat)}
          />
        </div>
      ) : (
        <p className="capviz-small capviz-muted">
          Select words in both captions to see where they differ.
        </p>
      )}
    </div>
  );
}

/** Two images with one caption: what each word gets in the first and in the second. */
export function ImageDifference(props: PairsProps): React.ReactElement {
  const [first, second] = props.shown;
  return (
    <div className="capviz-card" data-cy="capviz-pair-difference">
      <h3>Difference: first minus second</h3>
      <Scores {...props} />
      <table className="capviz-px-table">
        <thead>
          <tr>
            <th scope="col">word</th>
            <th scope="col">first, {first.from}</th>
            <th scope="col">second, {second.from}</th>
            <th scope="col">difference</th>
          </tr>
        </thead>
        <tbody>
          {props.pairs[0].words.map((word, i) => (
            <tr key={word.start}>
              <th scope="row">{word.text}</th>
              <td>{signed(first.scores[i] ?? 0)}</td>
              <td>{signed(second.scores[i] ?? 0)}</td>
              <td>{signed((first.scores[i] ?? 0) - (second.scores[i] ?? 0))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Scores({ pairs: [first, second] }: PairsProps): React.ReactElement {
  return (
    <div className="capviz-px-facts capviz-small">
      <span>
        first <b>{signed(first.score)}</b>
      </span>
      <span>
        second <b>{signed(second.score)}</b>
      </span>
      <span>
        score difference <b>{signed(first.score - second.score)}</b>
      </span>
    </div>
  );
}
