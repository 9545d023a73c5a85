import { z } from "zod";
import { PROFILING_DEFAULTS, SCHEDULE_DEFAULTS } from "./defaults.ts";
import {
  absolutePath,
  belowShare,
  count,
  flag,
  list,
  optional,
  optionalSection,
  required,
  section,
  text,
  together,
} from "./fields.ts";

const Nsys = section({
  share: optional(belowShare(), {
    description: "Its folder on the cluster's models share.",
    examples: ["tools/nsight-systems-cli/2025.6.1"],
  }),
  image: optional(text("the name of an image"), {
    description: "An image that has it; it is copied from there.",
    examples: ["registry.example.com/nsys:2025.6.1"],
  }),
  folder: optional(absolutePath(), {
    description: "Its folder in that image.",
    default: PROFILING_DEFAULTS.imageFolder,
  }),
});

const Profile = section({
  nsys: optionalSection(Nsys, {
    description: "Where Nsight Systems comes from, on a cluster.",
    defaultWords: "`nsys` on the PATH of the server",
    not: together("share", "image"),
  }),
  trace: optional(list(text(), "a list of what to trace").min(1), {
    description: "What is traced, as `nsys --trace` has it.",
    default: PROFILING_DEFAULTS.trace,
  }),
  concurrency: optional(count(1), {
    description: "Requests in flight while it records.",
    default: PROFILING_DEFAULTS.concurrency,
  }),
  outputTokens: optional(count(1), {
    description: "Tokens of each answer.",
    default: PROFILING_DEFAULTS.outputTokens,
  }),
  requests: optional(count(1), {
    description: "Requests while it records.",
    default: PROFILING_DEFAULTS.requests,
  }),
  allowNoCuda: optional(flag(), {
    description: "Whether a profile without CUDA data is one: where there is no GPU.",
    default: PROFILING_DEFAULTS.allowNoCuda,
  }),
});
export type NsysConfig = z.infer<typeof Nsys>;
export type ProfileConfig = z.infer<typeof Profile>;

const offOrOn = { error: () => "expected off, on or a mapping" };
export const Profiling = z.union([z.enum(["off", "on"], offOrOn), Profile], offOrOn);

export const Schedule = section({
  cron: required(text("five fields, as cron has them"), {
    description: "When: minute, hour, day of month, month, day of week.",
    examples: ["0 2 * * *"],
  }),
  timeZone: optional(text("the name of a time zone"), {
    description: "Time zone of `cron`.",
    default: SCHEDULE_DEFAULTS.timeZone,
    examples: ["Europe/Berlin"],
  }),
  suspend: optional(flag(), {
    description: "Holds the schedule without taking it away.",
    default: SCHEDULE_DEFAULTS.suspend,
  }),
  keepSucceeded: optional(count(0), {
    description: "Runs that stay in the list after success.",
    default: SCHEDULE_DEFAULTS.keepSucceeded,
  }),
  keepFailed: optional(count(1), {
    description: "Runs that stay in the list after failure, where they can be retried.",
    default: SCHEDULE_DEFAULTS.keepFailed,
  }),
});
export type ScheduleConfig = z.infer<typeof Schedule>;
