import * as React from "react";
import type { Compare } from "../model/shown";

export interface CompareBarProps {
  compare: Compare;
  together: boolean;
  /** The second caption as it is explained. */
  caption: string;
  /** Name and place of the second image. */
  imageName: string | null;
  place: string | null;
  /** Whether another sample is ticked in the grid. */
  ticked: boolean;
  busy: boolean;
  onCompare: (compare: Compare) => void;
  onTogether: (together: boolean) => void;
  onCaption: (caption: string) => void;
  /** Takes the caption, or the image, of a neighbour or of the ticked sample. */
  onStep: (step: -1 | 1) => void;
  onTicked: () => void;
}

const KINDS: { value: Compare; label: string }[] = [
  { value: "none", label: "Nothing" },
  { value: "caption", label: "Another caption" },
  { value: "image", label: "Another image" },
];

/** What stands beside the pair, and whether both are set against each other. */
export function CompareBar(props: CompareBarProps): React.ReactElement {
  const { compare, together } = props;
  return (
    <div className="capviz-card capviz-row" data-cy="capviz-pair-compare">
      <span className="capviz-muted capviz-small" id="capviz-px-compare">
        Compare with
      </span>
      <Switch
        label="Compare with"
        options={KINDS}
        value={compare}
        name="compare"
        onChange={props.onCompare}
      />
      {compare === "caption" ? <OtherCaption {...props} /> : null}
      {compare === "none" ? null : <Neighbors {...props} />}
      {compare === "none" ? null : (
        <Switch
          label="How they are compared"
          options={[
            { value: "apart", label: "Side by side" },
            { value: "together", label: "Against each other" },
          ]}
          value={together ? "together" : "apart"}
          name="together"
          onChange={(value) => props.onTogether(value === "together")}
        />
      )}
      {props.busy ? <span className="capviz-spin" role="status" aria-label="Explaining" /> : null}
    </div>
  );
}

/** Another caption, typed. */
function OtherCaption({ caption, onCaption }: CompareBarProps): React.ReactElement {
  const [text, setText] = React.useState(caption);
  React.useEffect(() => setText(caption), [caption]);
  return (
    <form
      className="capviz-row"
      style={{ flex: "1 1 220px", flexWrap: "nowrap" }}
      onSubmit={(event) => {
        event.preventDefault();
        onCaption(text);
      }}
    >
      <input
        type="text"
        style={{ flex: 1 }}
        value={text}
        placeholder="Type a caption"
        aria-label="The other caption"
        data-cy="capviz-pair-other-caption"
        onChange={(event) => setText(event.target.value)}
        onBlur={() => onCaption(text)}
      />
      <button type="submit" disabled={!text.trim()}>
        Explain
      </button>
    </form>
  );
}

/** The image, or the caption, of another sample. */
function Neighbors(props: CompareBarProps): React.ReactElement {
  const { compare } = props;
  const sample = compare === "image" ? "image" : "sample's caption";
  return (
    <span className="capviz-row" style={{ gap: 4 }}>
      <button
        type="button"
        className="capviz-quiet"
        aria-label={`Previous ${sample}`}
        title={`Previous ${sample}`}
        data-cy="capviz-pair-other-previous"
        onClick={() => props.onStep(-1)}
      >
        ‹
      </button>
      <span className="capviz-small capviz-muted">
        {compare === "image" ? (props.imageName ?? "…") : "of a sample"}
        {props.place ? ` · ${props.place}` : ""}
      </span>
      <button
        type="button"
        className="capviz-quiet"
        aria-label={`Next ${sample}`}
        title={`Next ${sample}`}
        data-cy="capviz-pair-other-next"
        onClick={() => props.onStep(1)}
      >
        ›
      </button>
      {props.ticked ? (
        <button type="button" data-cy="capviz-pair-other-ticked" onClick={props.onTicked}>
          Selected sample
        </button>
      ) : null}
    </span>
  );
}

interface SwitchProps<Value extends string> {
  label: string;
  name: string;
  options: { value: Value; label: string }[];
  value: Value;
  onChange: (value: Value) => void;
}

function Switch<Value extends string>(props: SwitchProps<Value>): React.ReactElement {
  const { options, value } = props;
  const root = React.useRef<HTMLDivElement>(null);
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation(); // the App's modal turns the page by arrow keys
    const at = options.findIndex((one) => one.value === value);
    const next = (at + step + options.length) % options.length;
    props.onChange(options[next].value);
    root.current?.querySelectorAll("button")[next]?.focus();
  };
  return (
    <div
      ref={root}
      className="capviz-switch"
      role="radiogroup"
      aria-label={props.label}
      onKeyDown={onKeyDown}
    >
      {options.map((one) => (
        <button
          key={one.value}
          type="button"
          role="radio"
          aria-checked={one.value === value}
          tabIndex={one.value === value ? 0 : -1}
          data-cy={`capviz-pair-${props.name}-${one.value}`}
          onClick={() => props.onChange(one.value)}
        >
          {one.label}
        </button>
      ))}
    </div>
  );
}
