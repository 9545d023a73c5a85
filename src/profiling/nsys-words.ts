import type { ProfilingPlan } from "../config/cluster-plan.ts";

/**
 * The nsys program. A folder, of a share or an image, is one that NVIDIA's package installs: it holds `bin/nsys`.
 * `sharedRoot`: where the server sees the models share; absent on this machine, where folders are paths.
 */
export function nsysProgram(source: ProfilingPlan["source"], sharedRoot?: string): string {
  if (source.kind === "path") return "nsys";
  const folder =
    source.kind === "image" ? imageFolder : [sharedRoot, source.folder].filter(Boolean).join("/");
  return `${folder.replace(/\/+$/, "")}/bin/nsys`;
}

/** Where the server's container sees what an init container copied out of the image that holds nsys. */
export const imageFolder = "/nsys";

/**
 * A server's command under nsys, not recording yet. What is traced is decided here, what is written by `startWords`.
 * `profile` and a range of cudaProfilerApi are left alone: they end the server with the recording.
 */
export function launchWords(
  nsys: string,
  session: string,
  trace: readonly string[],
  command: readonly string[],
): readonly string[] {
  return [
    nsys,
    "launch",
    `--session-new=${session}`,
    `--trace=${trace.join(",")}`,
    // Engines replay CUDA graphs; traced as a whole, the kernels of the decode would not be seen.
    ...(trace.includes("cuda") ? ["--cuda-graph-trace=node"] : []),
    // Engines start workers by fork and exec.
    "--trace-fork-before-exec=true",
    "--wait=primary",
    ...command,
  ];
}

/** Starts the recording; CPU sampling needs rights that a container has not. `file`: without an ending. */
export function startWords(nsys: string, session: string, file: string): readonly string[] {
  return [
    nsys,
    "start",
    `--session=${session}`,
    "--sample=none",
    "--cpuctxsw=none",
    `--output=${file}`,
    "--force-overwrite=true",
  ];
}

/** Ends the recording and writes the report; the server stays up. */
export function stopWords(nsys: string, session: string): readonly string[] {
  return [nsys, "stop", `--session=${session}`];
}

export function sessionsWords(nsys: string): readonly string[] {
  return [nsys, "sessions", "list"];
}

/** State of a session in what `nsys sessions list` prints: `Launched`, `Collection`; undefined where there is none. */
export function sessionState(listing: string, session: string): string | undefined {
  for (const line of listing.split("\n")) {
    const words = line.trim().split(/\s+/);
    // ID, TIME, STATE, LAUNCH, NAME; a state may be of several words.
    if (words.at(-1) === session && words.length >= 5) return words.slice(2, -2).join(" ");
  }
  return undefined;
}

/** Prints one report as CSV. It exits 0 whatever happens, and says before the table, or in its place, what did. */
export function statsWords(nsys: string, report: string, file: string): readonly string[] {
  return [nsys, "stats", "--report", report, "--format", "csv", "--output", "-", file];
}

/**
 * Makes an .nsys-rep of the raw .qdstrm that is left where `nsys stop` did not find its own importer, as in Debian's
 * package of 2022. Exits 127 where there is no importer.
 */
export function importWords(nsys: string, raw: string, report: string): readonly string[] {
  const script = `folder=$(dirname "$(readlink -f "$(command -v "$1")")")
for importer in "$folder"/../host-linux-*/QdstrmImporter /usr/lib/nsight-systems/host-linux-*/QdstrmImporter; do
  [ -x "$importer" ] && exec "$importer" --input-file "$2" --output-file "$3"
done
exit 127`;
  return ["sh", "-c", script, "llmbench", nsys, raw, report];
}
