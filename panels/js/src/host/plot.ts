import { executeOperator } from "@fiftyone/operators";

/** Parameters of the App's `set_panel_data`, made by the panel's Python side. */
export type PanelData = Record<string, unknown>;

/**
 * Makes the open Embeddings plot fetch the values of its color again.
 *
 * It fetches them when the color field changes and only then, so the field is taken away and,
 * a moment later, set again.
 */
export async function recolorPlot(steps: PanelData[]): Promise<void> {
  for (const [index, params] of steps.entries()) {
    if (index > 0) await new Promise((resolve) => setTimeout(resolve, 120));
    await executeOperator("set_panel_data", params);
  }
}
