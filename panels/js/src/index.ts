import { PluginComponentType, registerComponent } from "@fiftyone/plugins";
import type { ComponentType } from "react";
import { CaptionSteering } from "./caption_steering/view/CaptionSteering";
import { PairExplainer } from "./pair_explainer/view/PairExplainer";
import { SegmentGallery } from "./segment_gallery/view/SegmentGallery";
import { WordGraph } from "./word_graph/view/WordGraph";

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
