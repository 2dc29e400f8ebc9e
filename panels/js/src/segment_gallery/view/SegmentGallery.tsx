import { executeOperator } from "@fiftyone/operators";
import { usePanelStatePartial } from "@fiftyone/spaces";
import { getSampleSrc } from "@fiftyone/state";
import * as React from "react";
import { useCall, type PanelProps } from "../../host/panel";
import { recolorPlot } from "../../host/plot";
import { useSeen } from "../../host/seen";
import { usePalette } from "../../host/theme";
import { DEFAULTS, type Settings } from "../model/state";
import { SegmentGalleryView } from "./SegmentGalleryView";
import { useGallery } from "./useGallery";

interface GalleryData {
  focus_version?: number;
  scope_version?: string;
}

const OUTSIDE = {
  recolorPlot,
  openSample: (id: string) => void executeOperator("open_sample", { id }),
};

/** The panel: FiftyOne's hooks to the view's props. */
export function SegmentGallery({ data, schema }: PanelProps<GalleryData>): React.ReactElement {
  const call = useCall(schema);
  const palette = usePalette();
  // Local: saved state would reset a lasso.
  const [stored, setStored] = usePanelStatePartial<Partial<Settings>>("settings", {}, true);
  const change = React.useCallback(
    (to: (before: Settings) => Settings) =>
      // The App hands over nothing until something was set.
      setStored((before?: Partial<Settings>) => to({ ...DEFAULTS, ...before })),
    [setStored],
  );
  const { state, actions } = useGallery(
    call,
    { focus: data?.focus_version, scope: data?.scope_version, seen: useSeen() },
    { ...DEFAULTS, ...stored },
    change,
    OUTSIDE,
  );
  return (
    <SegmentGalleryView state={state} actions={actions} palette={palette} sourceOf={getSampleSrc} />
  );
}
