import * as React from "react";
import type { ImagePayload } from "../../payloads/pair_explainer";
import { nameOfFile } from "./Side";

export interface HeaderProps {
  image: ImagePayload;
  /** Null in the modal, whose own arrows turn the page. */
  onStep: ((step: number) => void) | null;
  onField: (field: string) => void;
  onMismatches: () => void;
}

/** Which sample, and which of its captions. */
export function Header({ image, onStep, onField, onMismatches }: HeaderProps): React.ReactElement {
  const arrow = (step: -1 | 1) =>
    onStep ? (
      <button
        type="button"
        className="capviz-quiet"
        style={{ fontSize: 18, lineHeight: 1 }}
        aria-label={step < 0 ? "Previous sample" : "Next sample"}
        data-cy={step < 0 ? "capviz-pair-previous" : "capviz-pair-next"}
        onClick={() => onStep(step)}
      >
        {step < 0 ? "‹" : "›"}
      </button>
    ) : null;
  return (
    <div className="capviz-row">
      {arrow(-1)}
      <span className="capviz-px-grow" title={image.filepath} data-cy="capviz-pair-name">
        {nameOfFile(image.filepath)}
      </span>
      {image.caption_fields.length > 1 && image.caption_field !== null ? (
        <select
          value={image.caption_field}
          aria-label="Caption field"
          data-cy="capviz-pair-field"
          onChange={(event) => onField(event.target.value)}
        >
          {image.caption_fields.map((field) => (
            <option key={field}>{field}</option>
          ))}
        </select>
      ) : null}
      {image.position === null || !onStep ? null : (
        <span className="capviz-muted capviz-small">
          {image.position + 1} of {image.total}
        </span>
      )}
      {arrow(1)}
      <button
        type="button"
        className="capviz-small"
        title="Look in all captions of the view for words that speak against their image"
        data-cy="capviz-pair-mismatches"
        onClick={onMismatches}
      >
        Find mismatches …
      </button>
    </div>
  );
}
