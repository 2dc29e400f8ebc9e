import * as React from "react";
import type { Palette } from "./palette";
import { sharedSheet, variables } from "./style";

interface Props {
  /** The class that the panel's own style sheet is written for, and the sheet. */
  className: string;
  sheet: string;
  palette: Palette;
  /** The panel's name in tests. */
  cy: string;
  /** The panel's name for readers of the screen. */
  label?: string;
  children: React.ReactNode;
}

/** The root of a panel, with its colors and style. */
export function Panel({ className, sheet, palette, cy, label, children }: Props) {
  return (
    <div
      className={className}
      data-cy={cy}
      role={label === undefined ? undefined : "region"}
      aria-label={label}
      style={variables(palette)}
    >
      <style>{sharedSheet(className) + sheet}</style>
      {children}
    </div>
  );
}
