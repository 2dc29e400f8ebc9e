import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const EVERY_LINE = { skipBlankLines: false, skipComments: false };

export default tseslint.config(
  { ignores: ["node_modules", "../dist"] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  { files: ["*.mjs"], languageOptions: { globals: { process: "readonly", URL: "readonly" } } },
  {
    files: ["src/**/*.{ts,tsx}"],
    plugins: { "react-hooks": hooks },
    rules: {
      // Not the plugin's whole set: the rest is for code that React's compiler takes apart.
      "react-hooks/rules-of-hooks": "error",
      "react-hooks/exhaustive-deps": "error",
      // How many files a folder holds, and what may import what, is under test: src/rooms.test.ts.
      "max-lines": ["error", { max: 400, ...EVERY_LINE }],
      "max-lines-per-function": ["error", { max: 80, ...EVERY_LINE }],
    },
  },
);
