// Bundles the command line into one file, dist/llmbench.mjs, that runs with nothing but Node beside it.
import { chmod, cp, mkdir, readFile } from "node:fs/promises";
import { build } from "esbuild";

const { version } = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
const root = new URL("..", import.meta.url).pathname;
await mkdir(`${root}dist`, { recursive: true });
await build({
  absWorkingDir: root,
  entryPoints: ["src/cli/main.ts"],
  outfile: "dist/llmbench.mjs",
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  // resvg is a native part: PNG output imports it lazily from the npm install.
  external: ["@resvg/resvg-js"],
  define: { LLMBENCH_VERSION: JSON.stringify(version) },
  banner: {
    js: '#!/usr/bin/env node\nimport { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
  loader: { ".py": "text", ".css": "text" },
  legalComments: "none",
  logLevel: "warning",
});
// PNG plots are drawn with these fonts; src/report/render-png.ts looks for them beside itself.
await cp(`${root}src/report/fonts`, `${root}dist/fonts`, { recursive: true });
await chmod(`${root}dist/llmbench.mjs`, 0o755);
