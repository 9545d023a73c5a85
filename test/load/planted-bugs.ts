import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { ReaderParts } from "./stream-property.ts";

/** A bug as one that was really made somewhere might look: in this file, this becomes that. */
export interface PlantedBug {
  readonly what: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export const plantedBugs: readonly PlantedBug[] = [
  {
    what: "a \\r\\n cut in two ends two lines",
    file: "sse-scanner.ts",
    from: "if (position === to) this.#afterCr = true;",
    to: "if (position === to) this.#afterCr = false;",
  },
  {
    what: "data held over a read is not copied",
    file: "sse-scanner.ts",
    from: "if (this.#hasData && this.#source !== this.#owned) this.#ownData();\n    if (position < to)",
    to: "if (position < to)",
  },
  {
    what: "the event that a stream ends in is dropped",
    file: "sse-scanner.ts",
    from: "      this.#takeLine(this.#line, 0, length);\n    }\n    this.#dispatch();",
    to: "      this.#takeLine(this.#line, 0, length);\n    }",
  },
  {
    what: "several data lines are put together without their line break",
    file: "sse-scanner.ts",
    from: "this.#owned[length] = LF;",
    to: "this.#owned[length] = 0x22;",
  },
  {
    what: "an event's name outlives the event",
    file: "sse-scanner.ts",
    from: 'const type = this.#type;\n      this.#type = "";',
    to: "const type = this.#type;",
  },
  {
    what: "a template's beginning is not compared, so reasoning passes for the answer",
    file: "template-event-reader.ts",
    from: "if (!sameBytes(view, from, template.bytes, before.length - beforeBytes, prefixBytes)) return -1;",
    to: "",
  },
  {
    what: "an escape counts as two bytes of text",
    file: "template-event-reader.ts",
    from: "const textBytes = textTo - textFrom - escapes;",
    to: "const textBytes = textTo - textFrom;",
  },
  {
    what: "two events of one read are two reads",
    file: "read-series.ts",
    from: "if (sameRead) {",
    to: "if (false) {",
  },
  {
    what: "a chunk without text is a chunk of text, as a role chunk would be",
    file: "response-reader.ts",
    from: "if (textBytes > 0) {\n      this.#series.add",
    to: "if (textBytes >= 0) {\n      this.#series.add",
  },
  {
    what: "each piece of a read is a read of its own",
    file: "response-reader.ts",
    from: "if (t !== this.#readT) {",
    to: "{",
  },
  {
    what: "[DONE] is proof of a whole answer",
    file: "answer-state.ts",
    from: "if (state.finishedMask !== 0 && usage.outputTokens >= 0 && state.done) return true;",
    to: "if (state.done) return true;",
  },
  {
    what: "of two choices' usage only the last counts",
    file: "token-account.ts",
    from: "return choices > 1 ? this.#finalSum : this.#finalLast;",
    to: "return this.#finalLast;",
  },
  {
    what: "a token without text of its own is lost",
    file: "token-account.ts",
    from: "if (ids > 0) this.#pendingIds += ids;",
    to: "",
  },
];

const entry = `
export { ResponseReader } from "./response-reader.ts";
export { ReadersShare, TemplateEventReader } from "./template-event-reader.ts";
`;

/** The reader as it is but for the bug. Throws unless the place to change is there exactly once. */
export async function plant(bug: PlantedBug): Promise<ReaderParts> {
  let changed = 0;
  const built = await build({
    stdin: {
      contents: entry,
      resolveDir: fileURLToPath(new URL("../../src/load", import.meta.url)),
      loader: "ts",
    },
    bundle: true,
    write: false,
    platform: "node",
    format: "esm",
    plugins: [
      {
        name: "plant",
        setup(plugins) {
          plugins.onLoad({ filter: /src[\\/]load[\\/].*\.ts$/ }, async ({ path }) => {
            const contents = await readFile(path, "utf8");
            if (basename(path) !== bug.file) return { contents, loader: "ts" };
            const parts = contents.split(bug.from);
            if (parts.length !== 2) throw new Error(`${bug.file} has ${parts.length - 1} times: ${bug.from}`);
            changed++;
            return { contents: parts.join(bug.to), loader: "ts" };
          });
        },
      },
    ],
  });
  if (changed !== 1) throw new Error(`${bug.file} is not part of the reader`);
  const code = built.outputFiles[0]?.text ?? "";
  return (await import(`data:text/javascript;base64,${Buffer.from(code).toString("base64")}`)) as ReaderParts;
}
