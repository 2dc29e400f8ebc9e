import * as React from "react";
import { gradientOf, rampColor } from "../../heat/scale";
import type { Palette } from "../../ui/palette";

export interface HeatLegendProps {
  signed: boolean;
  palette: Palette;
  onSigned: (signed: boolean) => void;
}

/** The color scale of the heat, and whether what speaks against a word is shown. */
export function HeatLegend({ signed, palette, onSigned }: HeatLegendProps): React.ReactElement {
  const text = { color: palette.muted, fontSize: 11, whiteSpace: "nowrap" } as const;
  return (
    <div
      data-cy="capviz-legend"
      style={{ display: "flex", alignItems: "center", gap: 6, flexWrap: "wrap" }}
      title="Heat of the word shown on a card, relative to the strongest patch of its image"
    >
      <span style={text}>{signed ? "against" : "none"}</span>
      <span
        role="img"
        aria-label={
          signed ? "blue: against the word, red: for the word" : "from none to the strongest"
        }
        style={{
          width: 96,
          height: 10,
          borderRadius: 5,
          border: `1px solid ${palette.line}`,
          background: `${gradientOf(rampColor, signed ? -1 : 0)}, #6a6a6a`,
        }}
      />
      <span style={text}>{signed ? "for the word" : "strongest"}</span>
      <label style={{ ...text, display: "flex", alignItems: "center", gap: 4, cursor: "pointer" }}>
        <input
          type="checkbox"
          data-cy="capviz-signed"
          checked={signed}
          onChange={(event) => onSigned(event.target.checked)}
          style={{ margin: 0, accentColor: palette.accent }}
        />
        negative
      </label>
    </div>
  );
}
