import * as React from "react";
import type { MethodOption } from "../../payloads/pair_explainer";
import type { Settings } from "./usePair";

export interface SettingsBarProps {
  settings: Settings;
  methods: MethodOption[];
  /** The encoder that is meant where none is chosen. */
  encoder: string;
  encoders: string[];
  /** How many layers there are, and the default; null until an explanation said so. */
  layers: { count: number; usual: number } | null;
  onSettings: (settings: Settings) => void;
}

/** Method, layer and encoder. */
export function SettingsBar(props: SettingsBarProps): React.ReactElement {
  const { settings, methods, layers } = props;
  const method = methods.find(({ value }) => value === settings.method);
  const layered = method?.layered ?? true;
  const change = (to: Partial<Settings>) => props.onSettings({ ...settings, ...to });
  return (
    <div className="capviz-row">
      <label className="capviz-small">
        Method
        <select
          value={settings.method}
          title={method?.hint}
          data-cy="capviz-pair-method"
          onChange={(event) => change({ method: event.target.value })}
        >
          {methods.map(({ value, label, hint }) => (
            <option key={value} value={value} title={hint}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <label className="capviz-small">
        Layer
        <select
          value={layered ? (settings.layer ?? "") : ""}
          disabled={layers === null || !layered}
          title="Whose input is attributed to. Layers before the last take longer: minutes with a large encoder on a CPU"
          data-cy="capviz-pair-layer"
          onChange={({ target }) =>
            change({ layer: target.value === "" ? null : Number(target.value) })
          }
        >
          <option value="">{layers ? `default (${layers.usual})` : "default"}</option>
          {Array.from({ length: layers?.count ?? 0 }, (_, i) => (
            <option key={i} value={i}>
              {i}
            </option>
          ))}
        </select>
      </label>
      <EncoderEntry
        used={settings.encoder ?? props.encoder}
        encoders={props.encoders}
        onEncoder={(encoder) => change({ encoder, layer: null })}
      />
    </div>
  );
}

interface EncoderEntryProps {
  used: string;
  encoders: string[];
  onEncoder: (encoder: string) => void;
}

/** The encoder's name, typed or chosen; an empty one goes back to the one in use. */
function EncoderEntry({ used, encoders, onEncoder }: EncoderEntryProps): React.ReactElement {
  const [encoder, setEncoder] = React.useState(used);
  React.useEffect(() => setEncoder(used), [used]);
  const listId = React.useId();
  const take = () => {
    const name = encoder.trim();
    if (!name) setEncoder(used);
    else if (name !== used) onEncoder(name);
  };
  return (
    <form
      className="capviz-row"
      style={{ flex: "1 1 170px" }}
      onSubmit={(event) => {
        event.preventDefault();
        take();
      }}
    >
      <label className="capviz-small" style={{ flex: 1 }}>
        Encoder
        <input
          type="text"
          style={{ flex: 1 }}
          value={encoder}
          list={listId}
          spellCheck={false}
          title="A CLIP-like model: hub name, local folder, or scenes for the synthetic world"
          data-cy="capviz-pair-encoder"
          onChange={(event) => setEncoder(event.target.value)}
          onBlur={take}
        />
      </label>
      <datalist id={listId}>
        {encoders.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </form>
  );
}
