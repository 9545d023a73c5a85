import { readFileSync } from "node:fs";

declare const LLMBENCH_VERSION: string | undefined;

/** The bundle carries its version; a checkout reads package.json. */
export const version: string =
  typeof LLMBENCH_VERSION === "string"
    ? LLMBENCH_VERSION
    : (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string })
        .version;
