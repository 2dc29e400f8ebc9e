import * as React from "react";
import type { Suggestion } from "../../payloads/caption_steering";
import { METHODS, type Method } from "../model/choices";
import { subjectHint } from "../model/template";

interface Props {
  prompt: string;
  /** What {subject} stands for in this image. */
  subject: string | null;
  placeholder: string;
  method: Method;
  suggestions: Suggestion[];
  wanted: string;
  busy: boolean;
  ready: boolean;
  live: boolean;
  canLive: boolean;
  onPrompt: (prompt: string) => void;
  onMethod: (method: Method) => void;
  onLive: (live: boolean) => void;
  onGenerate: () => void;
  onCancel: () => void;
}

/** Prompt, method, Generate. */
export function RecipeCard(props: Props) {
  const hint = subjectHint(props.prompt, props.subject);
  return (
    <form
      className="capviz-card"
      onSubmit={(event) => {
        event.preventDefault();
        props.onGenerate();
      }}
    >
      <h3>Prompt</h3>
      <input
        type="text"
        value={props.prompt}
        placeholder={props.placeholder}
        data-cy="capviz-prompt"
        aria-label="Prompt: how the caption begins"
        title="{subject} stands for what each image's own caption names first"
        onChange={(event) => props.onPrompt(event.target.value)}
        onKeyDown={(event) => event.stopPropagation()}
      />
      {hint ? (
        <p
          className="capviz-muted capviz-small"
          style={{ margin: "4px 0 0" }}
          data-cy="capviz-subject"
        >
          {hint}
        </p>
      ) : null}
      <Suggestions {...props} />
      <div className="capviz-row" style={{ marginTop: 10 }}>
        <label>
          <span className="capviz-muted">Weights act by</span>
          <select
            value={props.method}
            data-cy="capviz-steer-method"
            aria-label="Steering method"
            onChange={(event) => props.onMethod(event.target.value as Method)}
          >
            {METHODS.map(({ key, name }) => (
              <option key={key} value={key}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <span className="capviz-row capviz-st-end">
          {props.canLive ? (
            <label title="Ask again after every change">
              <input
                type="checkbox"
                checked={props.live}
                data-cy="capviz-live"
                onChange={(event) => props.onLive(event.target.checked)}
              />
              Live
            </label>
          ) : null}
          {props.busy && !props.canLive ? (
            <button type="button" data-cy="capviz-cancel" onClick={props.onCancel}>
              Cancel
            </button>
          ) : null}
          <button
            type="submit"
            className="capviz-primary"
            data-cy="capviz-generate"
            disabled={!props.ready}
          >
            Generate
          </button>
        </span>
      </div>
    </form>
  );
}

/** Prompts to choose from, each with how likely the wanted word is after it. */
function Suggestions({ suggestions, wanted, prompt, onPrompt }: Props) {
  if (!suggestions.length) return null;
  const ranked = suggestions.some((one) => one.probability !== null);
  return (
    <div
      className="capviz-st-chips"
      style={{ marginTop: 6 }}
      role="group"
      aria-label={ranked ? `Prompts that lead to “${wanted}”` : "Suggested prompts"}
    >
      {suggestions.map((one) => (
        <button
          key={one.prompt}
          type="button"
          className="capviz-st-chip"
          data-cy="capviz-suggestion"
          title={one.text || undefined}
          aria-pressed={one.prompt === prompt}
          onClick={() => onPrompt(one.prompt)}
        >
          {one.prompt}
          {one.probability === null ? null : (
            <span className="capviz-muted">{Math.round(one.probability * 100)}%</span>
          )}
        </button>
      ))}
    </div>
  );
}
