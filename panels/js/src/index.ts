import { PluginComponentType, registerComponent } from "@fiftyone/plugins";
import type { ComponentType } from "react";
import { CaptionSteering } from "./caption_steering/CaptionSteering";
import { PairExplainer } from "./pair_explainer/PairExplainer";
import { SegmentGallery } from "./segment_gallery/SegmentGallery";
import { WordGraph } from "./word_graph/WordGraph";

// Names are global in the App, hence the prefix; panels/*.py name them as `component`.
const COMPONENTS: Record<string, ComponentType<never>> = {
  CapvizCaptionSteering: CaptionSteering,
  CapvizPairExplainer: PairExplainer,
  CapvizWordGraph: WordGraph,
  CapvizSegmentGallery: SegmentGallery,
};

for (const [name, component] of Object.entries(COMPONENTS)) {
  registerComponent({
    name,
    label: name,
    component,
    type: PluginComponentType.Component,
    activator: () => true,
  });
}
