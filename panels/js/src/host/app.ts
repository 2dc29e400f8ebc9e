/** What the App tells of where the panel stands, and of what is open and selected in it. */
import { usePanelContext } from "@fiftyone/spaces";
import { getSampleSrc, nullableModalSampleId, selectedSamples } from "@fiftyone/state";
import { useMemo } from "react";
import { useRecoilValue } from "recoil";

export { getSampleSrc };

export interface AppState {
  inModal: boolean;
  /** The sample that the modal shows. */
  modalId: string | null;
  /** Ids of the samples that are selected in the grid; the same list until they change. */
  among: string[];
}

export function useApp(): AppState {
  const inModal = usePanelContext()?.scope === "modal";
  const modalId = useRecoilValue<string | null>(nullableModalSampleId);
  const ticked = useRecoilValue<Map<string, unknown> | Set<string>>(selectedSamples);
  const key = [...ticked.keys()].join(" ");
  const among = useMemo(() => (key ? key.split(" ") : []), [key]);
  return { inModal, modalId, among };
}
