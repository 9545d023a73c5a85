import { cronWorkflow, mutex } from "../src/argo/index.ts";
import fanOut from "./fan-out.ts";

// The cells of fan-out.ts, every night; a run by hand and the nightly one wait for each other.

export default cronWorkflow(
  "nightly",
  {
    schedules: ["30 1 * * *"],
    timezone: "Europe/Berlin",
    concurrency: "Forbid",
    history: { succeeded: 7, failed: 14 },
  },
  { of: fanOut, locks: [mutex("bench")], runLabels: { "example.com/trigger": "nightly" } },
);
