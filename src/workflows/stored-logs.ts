import { z } from "zod";
import { LlmbenchError } from "../error.ts";
import { type ResultsPod, resultsMount } from "./results-pod.ts";

const Logs = z.array(z.object({ file: z.string(), text: z.string() }));

/** Args: folder of the run, cell or nothing. Prints JSON: every server.log, the last megabyte of each. */
const script = `
const fs = require("fs"), path = require("path");
const [, root, only] = process.argv, most = 1 << 20, logs = [];
const names = (folder) => fs.existsSync(folder) ? fs.readdirSync(folder) : [];
const cells = path.join(root, "cells");
for (const cell of only ? [only] : names(cells)) {
  const folder = path.join(cells, cell, "deployments");
  for (const deployment of names(folder).sort((a, b) => a - b)) {
    const file = path.join(folder, deployment, "server.log");
    if (!fs.existsSync(file)) continue;
    logs.push({ file: path.relative(root, file), text: fs.readFileSync(file).subarray(-most).toString() });
  }
}
process.stdout.write(JSON.stringify(logs));
`;

/** What the servers of a run, or of one cell, wrote; oldest deployment first. */
export async function storedServerLogs(
  pod: ResultsPod,
  run: string,
  cell: string | undefined,
): Promise<readonly { readonly file: string; readonly text: string }[]> {
  const { stdout, stderr, exitStatus } = await pod.exec([
    "node",
    "-e",
    script,
    `${resultsMount}/${run}`,
    ...(cell === undefined ? [] : [cell]),
  ]);
  if (exitStatus === 0) return Logs.parse(JSON.parse(stdout));
  throw new LlmbenchError("FETCH_BROKEN", `The server logs of ${run} cannot be read: ${stderr.trim()}`, {
    hint: "See that the results share is mounted and readable for the user of the steps.",
  });
}
