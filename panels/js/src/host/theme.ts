import { theme } from "@fiftyone/state";
import { useRecoilValue } from "recoil";
import { DARK, LIGHT, type Palette } from "../ui/palette";

/** The palette of the App's present theme. */
export function usePalette(): Palette {
  return useRecoilValue<string>(theme) === "light" ? LIGHT : DARK;
}
