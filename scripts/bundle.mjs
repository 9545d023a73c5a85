// Bundles the command line into one file, dist/llmbench.mjs (or in the folder given), that runs with nothing but Node
// beside it; and what others import of the package, beside what it depends on.
import { chmod, cp, mkdir, readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const { version } = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8"));
const root = new URL("..", import.meta.url).pathname;
const out = resolve(process.argv[2] ?? `${root}dist`);
await mkdir(out, { recursive: true });
/** Its modules only define things; it does not say so itself, and then all of its 1,500 would be in the bundle. */
const withoutSideEffects = {
  name: "without-side-effects",
  setup({ onResolve, resolve: find }) {
    onResolve({ filter: /./ }, async (args) => {
      if (args.pluginData === "found" || !/client-node/.test(args.path + args.importer)) return undefined;
      const { path, kind, importer, resolveDir } = { ...args };
      const found = await find(path, { kind, importer, resolveDir, pluginData: "found" });
      return found.path.includes("@kubernetes/client-node/") ? { ...found, sideEffects: false } : found;
    });
  },
};

/** What a worker thread of the load generator runs: src/load/worker-code.ts has it as a text. */
const worker = await build({
  absWorkingDir: root,
  entryPoints: ["src/load/worker-thread.ts"],
  bundle: true,
  write: false,
  minifyWhitespace: true,
  minifySyntax: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  legalComments: "none",
  logLevel: "warning",
});
await build({
  absWorkingDir: root,
  entryPoints: ["src/cli/main.ts"],
  outfile: `${out}/llmbench.mjs`,
  bundle: true,
  plugins: [withoutSideEffects],
  platform: "node",
  format: "esm",
  target: "node20",
  // resvg is a native part: PNG output imports it lazily from the npm install.
  external: ["@resvg/resvg-js", "esbuild"],
  // client-node's fetch asks for Node's own, at which Node warns on every start.
  alias: { punycode: fileURLToPath(import.meta.resolve("punycode/punycode.js")) },
  define: {
    LLMBENCH_VERSION: JSON.stringify(version),
    LLMBENCH_LOAD_WORKER: JSON.stringify(worker.outputFiles[0].text),
  },
  banner: {
    js: '#!/usr/bin/env node\nimport { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
  legalComments: "none",
  logLevel: "warning",
});
await build({
  absWorkingDir: root,
  entryPoints: { api: "src/plugins/api.ts", argo: "src/argo/index.ts" },
  outdir: out,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  logLevel: "warning",
});
// PNG plots are drawn with these fonts; src/report/render-png.ts looks for them beside itself.
await cp(`${root}src/report/fonts`, `${out}/fonts`, { recursive: true });
await chmod(`${out}/llmbench.mjs`, 0o755);
