import type { GpuTimeline, ProfileRow, ProfileSummary, ProfileTable } from "../results/schema/profile.ts";
import type { CellResult } from "../results/schema/results.ts";
import { count, formatBytes, formatMs, formatNumber, formatTime, joinWords } from "./describe.ts";
import { numericColumn, type Table, type TableCell, text, textColumn } from "./table.ts";

/** What a profile says, in words and tables that every format makes its own of. */
export interface ProfileView {
  readonly sentences: readonly string[];
  readonly tables: readonly Table[];
  /** Paths in the run folder. */
  readonly files: readonly string[];
}

export const PROFILE_SENTENCE =
  "After its sweep each server was started once more under Nsight Systems, warmed up, and recorded under a load of its own. Recording costs time: none of these requests is in any figure above, and none of these times is a latency that a user would see.";

/** Rows that a reader sees; results.json has more, the CSV files have all. */
const mostRows = 10;

export function viewProfile(cell: CellResult, profile: ProfileSummary): ProfileView {
  return {
    sentences: [describeRecording(profile), ...describeGpu(profile), ...describeWithheld(profile)],
    tables: [
      ...profile.gpus.map((gpu) => gapsTable(gpu)),
      ...namedTable(profile.kernels, "What ran on the GPU", "Kernel", "Launches", nameKernel),
      ...namedTable(profile.cudaApi, "What the host asked of CUDA", "Call", "Calls", nameCall),
      ...memoryTable(profile.memory),
      ...namedTable(profile.nvtx, "What the engine itself marks (NVTX)", "Range", "Times", nameRange),
      ...namedTable(
        profile.systemCalls,
        "What the host asked of the operating system",
        "Call",
        "Calls",
        nameSystemCall,
      ),
    ],
    files: profile.files.map(({ name, bytes }) => `cells/${cell.id}/profile/${name} (${formatBytes(bytes)})`),
  };
}

function describeRecording({ load, captureSeconds, tool, recordedAt }: ProfileSummary): string {
  const failed = load.failed === 0 ? "" : `, ${load.failed} of which failed`;
  return `${count(load.planned, "request")} of ${count(load.outputTokens, "token")} at concurrency ${load.concurrency}${failed}, recorded for ${formatMs(captureSeconds * 1000)} with nsys ${tool.version} on ${formatTime(recordedAt)}.`;
}

function describeGpu({ cuda, gpus }: ProfileSummary): string[] {
  if (!cuda) {
    return [
      "No CUDA data: nothing ran on a GPU that nsys could see. The config allows that (allowNoCuda), as on a machine without a GPU.",
    ];
  }
  return gpus.map(
    ({ device, busyShare, spanMs, longestGapMs, operations }) =>
      `${device === "" ? "The GPU" : device} was busy ${formatNumber(busyShare * 100)} % of the ${formatMs(spanMs)} from its first to its last operation (${count(operations, "operation")}); its longest gap was ${formatMs(longestGapMs)}.`,
  );
}

function describeWithheld({ withheld, isolated }: ProfileSummary): string[] {
  return [
    ...(withheld.length === 0
      ? []
      : [
          `The server was started without ${joinWords(withheld)}: a report keeps the environment of what it records.`,
        ]),
    ...(isolated
      ? []
      : [
          "The report also holds names and environments of other processes that its user ran on that machine: look before you pass it on.",
        ]),
  ];
}

function gapsTable({ device, gaps, spanMs, busyMs }: GpuTimeline): Table {
  const share = (ms: number) => text(formatNumber(spanMs === 0 ? null : (ms / spanMs) * 100));
  return {
    caption: `Where the time of ${device === "" ? "the GPU" : device} went`,
    columns: [
      textColumn("Time"),
      numericColumn("Share", "%"),
      numericColumn("Total", "ms"),
      numericColumn("Gaps"),
    ],
    groups: [
      {
        rows: [
          [text("busy"), share(busyMs), text(formatNumber(busyMs)), text("")],
          ...gaps
            .filter((gap) => gap.count > 0)
            .map((gap) => [
              text(`idle, ${describeGap(gap)}`, gapMeaning(gap.fromUs)),
              share(gap.totalMs),
              text(formatNumber(gap.totalMs)),
              text(whole(gap.count)),
            ]),
        ],
      },
    ],
  };
}

function describeGap({ fromUs, toUs }: GpuTimeline["gaps"][number]): string {
  const word = (us: number) => (us < 1000 ? `${us} µs` : `${us / 1000} ms`);
  if (toUs === null) return `${word(fromUs)} and more at once`;
  return fromUs === 0 ? `under ${word(toUs)} at once` : `${word(fromUs)} to ${word(toUs)} at once`;
}

function gapMeaning(fromUs: number): string {
  if (fromUs < 10) return "from one kernel to the next";
  if (fromUs < 100) return "launches that come late";
  if (fromUs < 10_000) return "the host between two steps: scheduling, sampling, tokens to text";
  return "no work, or a host that is held up";
}

function namedTable(
  table: ProfileTable | null,
  title: string,
  what: string,
  times: string,
  nameOf: (name: string) => TableCell,
): Table[] {
  if (table === null) return [];
  const rows = table.rows.slice(0, mostRows);
  return [
    {
      caption: captionOf(table, title, rows.length),
      columns: [
        textColumn(what),
        numericColumn("Share", "%"),
        numericColumn("Total", "ms"),
        numericColumn(times),
        numericColumn("Mean", "µs"),
        numericColumn("Median", "µs"),
        numericColumn("Longest", "µs"),
      ],
      groups: [{ rows: rows.map((row) => [nameOf(row.name), ...figures(row)]) }],
    },
  ];
}

function figures({ share, totalMs, count: times, meanUs, medianUs, maxUs }: ProfileRow): TableCell[] {
  return [...sums(share, totalMs, times), ...[meanUs, medianUs, maxUs].map((us) => text(formatNumber(us)))];
}

function sums(share: number, totalMs: number, times: number): TableCell[] {
  return [text(formatNumber(share * 100)), text(formatNumber(totalMs)), text(whole(times))];
}

function whole(n: number): string {
  return n.toLocaleString("en-US");
}

function memoryTable(table: ProfileTable | null): Table[] {
  if (table === null) return [];
  const rows = table.rows.slice(0, mostRows);
  return [
    {
      caption: captionOf(table, "Memory copied and set", rows.length),
      columns: [
        textColumn("Operation"),
        numericColumn("Share", "%"),
        numericColumn("Total", "ms"),
        numericColumn("Operations"),
        numericColumn("Moved", "MB"),
        numericColumn("Rate", "GB/s"),
      ],
      groups: [
        {
          rows: rows.map(({ name, share, totalMs, count: times, megabytes }) => [
            nameMemory(name),
            ...sums(share, totalMs, times),
            text(formatNumber(megabytes)),
            text(formatNumber(megabytes === undefined ? null : megabytes / totalMs)),
          ]),
        },
      ],
    },
  ];
}

function captionOf({ names, totalMs }: ProfileTable, title: string, shown: number): string {
  const which = shown < names ? `the ${shown} longest of ${names}` : `all ${names}`;
  return `${title}: ${which}, ${formatMs(totalMs)} in all`;
}

/** A full C++ name is in the note; what heads the row is the function without its template's arguments. */
function nameKernel(name: string): TableCell {
  const short = shortKernelName(name);
  return short === name ? text(name) : text(short, cut(name));
}

/**
 * `void at::native::<unnamed>::f<(int)4, std::array<char *, 2>>(int)` is `at::native::f`; names that are none of C++
 * stay as they are.
 */
export function shortKernelName(name: string): string {
  const plain = name.replaceAll(/<unnamed>::|\(anonymous namespace\)::/g, "");
  let depth = 0;
  let bare = "";
  for (const character of plain) {
    if ("<([".includes(character)) depth += 1;
    if (depth === 0) bare += character;
    if (">)]".includes(character)) depth = Math.max(0, depth - 1);
  }
  const words = bare.trim().split(/\s+/);
  return (words.at(-1) ?? "") === "" ? name : (words.at(-1) ?? name);
}

/** What a call does, for who has never called it. The first that fits. */
const calls: readonly (readonly [RegExp, string])[] = [
  [/GraphLaunch/, "replays a CUDA graph"],
  [/LaunchKernel|LaunchCooperative/, "starts a kernel"],
  [/Synchronize|EventQuery|StreamQuery/, "waits for the GPU"],
  [/StreamWaitEvent/, "lets one stream wait for another"],
  [/Memcpy/, "copies memory"],
  [/Memset/, "sets memory"],
  [/Malloc|MemAlloc|HostAlloc|MemCreate|MemMap/, "takes memory"],
  [/Free|MemRelease|MemUnmap/, "gives memory back"],
  [/Module|Library/, "loads kernels"],
  [/GraphInstantiate|StreamBeginCapture|StreamEndCapture|Graph/, "makes a CUDA graph"],
  [/EventRecord|EventCreate|EventDestroy/, "marks a moment on the GPU"],
];

function nameCall(name: string): TableCell {
  return text(name, calls.find(([pattern]) => pattern.test(name))?.[1]);
}

const systemCalls: readonly (readonly [RegExp, string])[] = [
  [/cond_(timed|clock)?wait|sem_(timed|clock)?wait|futex|join/, "waits for another thread"],
  [/^(e?poll|epoll_p?wait2?|ppoll|select|pselect)/, "waits for a socket or file"],
  [/sleep/, "sleeps"],
  [/mutex|rwlock/, "waits for a lock"],
  [/^(read|recv|pread|readv)/, "reads"],
  [/^(write|send|pwrite|writev)/, "writes"],
  [/mmap|munmap|mprotect|madvise/, "memory of the process"],
  [/ioctl/, "asks a driver"],
];

function nameSystemCall(name: string): TableCell {
  return text(name, systemCalls.find(([pattern]) => pattern.test(name))?.[1]);
}

function nameRange(name: string): TableCell {
  return text(cut(name));
}

const directions: readonly (readonly [RegExp, string])[] = [
  [/memset/i, "set on the GPU"],
  [/HtoD|Host-to-Device/i, "host to GPU"],
  [/DtoH|Device-to-Host/i, "GPU to host"],
  [/DtoD|Device-to-Device/i, "within the GPU"],
  [/PtoP|Peer-to-Peer/i, "GPU to GPU"],
];

function nameMemory(name: string): TableCell {
  const words = directions.find(([pattern]) => pattern.test(name))?.[1];
  return words === undefined ? text(name) : text(words, name);
}

function cut(name: string): string {
  return name.length <= 160 ? name : `${name.slice(0, 159)}…`;
}
