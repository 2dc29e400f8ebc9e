import { defineConfig } from "vite";
import { notices } from "./notices.mjs";

// What the App shares with its plugins as globals. React is the App's own copy, of version 18.
const globals = {
  react: "React",
  "react-dom": "ReactDOM",
  recoil: "recoil",
  "@fiftyone/operators": "__foo__",
  "@fiftyone/plugins": "__fop__",
  "@fiftyone/spaces": "__fosp__",
  "@fiftyone/state": "__fos__",
};

export default defineConfig({
  plugins: [notices()],
  // Classic JSX: the App shares no jsx-runtime.
  esbuild: { jsx: "transform", jsxFactory: "React.createElement", jsxFragment: "React.Fragment" },
  // The tests need React's own checks, which its production build leaves out.
  define: process.env.VITEST ? {} : { "process.env.NODE_ENV": '"production"' },
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    lib: {
      entry: "src/index.ts",
      name: "capviz",
      formats: ["umd"],
      fileName: () => "index.umd.js",
    },
    rollupOptions: { external: Object.keys(globals), output: { globals } },
  },
  test: { environment: "jsdom" },
});
