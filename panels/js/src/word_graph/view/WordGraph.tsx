import { datasetName, extendedSelection } from "@fiftyone/state";
import * as React from "react";
import { useRecoilValue } from "recoil";
import { latest } from "../../asking/latest";
import { useCall, type PanelProps } from "../../host/panel";
import { recolorPlot } from "../../host/plot";
import { useSeen } from "../../host/seen";
import { usePalette } from "../../host/theme";
import { parseFile, parseSimilar } from "../../payloads/word_graph";
import type { GraphController } from "../canvas/controller";
import type { Spring } from "../graph/layout";
import { DEFAULT_FILTERS, MOST_WORDS, type Filters } from "../graph/selection";
import type { Arrangement } from "./Controls";
import type { Kind } from "./ExportMenu";
import { fileName, saveFile } from "./files";
import { useComparison } from "./useComparison";
import { useWordGraph } from "./useWordGraph";
import { WordGraphView } from "./WordGraphView";

interface Data {
  scope?: string;
}

const SEARCH_DELAY = 250;

/** The Word Graph panel: FiftyOne's side of {@link WordGraphView}. */
export function WordGraph({ data, schema }: PanelProps<Data>) {
  const call = useCall(schema);
  const palette = usePalette();
  const dataset = useRecoilValue<string>(datasetName);
  const selection = useRecoilValue<{ selection: string[] | null } | null>(extendedSelection);
  const narrowed = Array.isArray(selection?.selection);
  const model = useWordGraph(call, data?.scope, recolorPlot, dataset, useSeen(), narrowed);
  const comparison = useComparison(call, model.captionField, model.graph?.key);
  const [filters, setFilters] = React.useState<Filters>(DEFAULT_FILTERS);
  const [arrangement, setArrangement] = React.useState<Arrangement>("together");
  const [similar, setSimilar] = React.useState<readonly Spring[] | null>(null);
  const { graph, captionField, fail, find } = model;
  const change = React.useCallback(
    (part: Partial<Filters>) => setFilters((before) => ({ ...before, ...part })),
    [],
  );

  // Words beyond those sent are looked for in Python, once the typing pauses.
  const search = filters.search.trim().toLowerCase();
  const unsent = graph !== null && graph.total_words > MOST_WORDS;
  React.useEffect(() => {
    const timer = setTimeout(() => find(unsent ? search : ""), SEARCH_DELAY);
    return () => clearTimeout(timer);
  }, [search, unsent, find]);

  const askSimilar = React.useMemo(
    () => latest((params: Record<string, unknown>) => call("similar", params).then(parseSimilar)),
    [call],
  );
  const words = graph?.words.map((one) => one.word).join("\n");
  React.useEffect(() => {
    if (arrangement !== "similar" || words === undefined) return;
    const params = { words: words.split("\n"), caption_field: captionField };
    askSimilar(params)
      .then((reply) => {
        if (!reply) return; // other words are asked for
        const { a, b, similarity } = reply;
        setSimilar(a.map((one, i) => ({ a: one, b: b[i], strength: Math.max(similarity[i], 0) })));
      })
      .catch((problem: unknown) => {
        setArrangement("together");
        setSimilar(null);
        fail(problem);
      });
  }, [arrangement, words, captionField, askSimilar, fail]);

  const save = (kind: Kind, shown: readonly string[], controller: GraphController | null) => {
    const name = fileName(dataset, captionField ?? "captions", "graph");
    const file = async () => {
      if (kind === "svg" && controller) {
        saveFile(`${name}.svg`, controller.svg(`Word graph of ${dataset}`), "image/svg+xml");
      } else if (kind === "png" && controller) {
        saveFile(`${name}.png`, await controller.png());
      } else if (kind !== "svg" && kind !== "png") {
        const params = { kind, words: shown, caption_field: captionField };
        const sent = parseFile(await call("export", params));
        saveFile(fileName(sent.name), sent.text, sent.mime);
      }
    };
    file().catch(fail);
  };

  return (
    <WordGraphView
      model={model}
      comparison={comparison}
      filters={filters}
      change={change}
      arrangement={arrangement}
      arrange={setArrangement}
      similar={similar}
      palette={palette}
      analyze={() => void call("analyze").catch(fail)}
      dropLasso={() => void call("drop_lasso").catch(fail)}
      save={save}
    />
  );
}
