/** Colors of one of the App's themes. Yellow and red mark words as in the paper's figures. */
export interface Palette {
  dark: boolean;
  background: string;
  raised: string;
  text: string;
  muted: string;
  line: string;
  accent: string;
  focus: string;
  marked: string;
  markedText: string;
  error: string;
  good: string;
  warning: string;
}

export const DARK: Palette = {
  dark: true,
  background: "#1a1a1a",
  raised: "#262626",
  text: "#f0f0f0",
  muted: "#a8a8a8",
  line: "#3d3d3d",
  accent: "#ff6d04",
  focus: "#ff5a52",
  marked: "#ffe066",
  markedText: "#1a1a1a",
  error: "#ff7b72",
  good: "#5fd38d",
  warning: "#ffc857",
};

export const LIGHT: Palette = {
  dark: false,
  background: "#ffffff",
  raised: "#f4f4f4",
  text: "#1f1f1f",
  muted: "#5f5f5f",
  line: "#d4d4d4",
  accent: "#d65a00",
  focus: "#c9190b",
  marked: "#ffe680",
  markedText: "#1f1f1f",
  error: "#b3261e",
  good: "#1c7c45",
  warning: "#8a5a00",
};
