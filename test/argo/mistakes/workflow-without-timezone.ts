// A schedule without a time zone
import { cronWorkflow } from "../../../src/argo/index.ts";
import { deploy } from "./steps.ts";

cronWorkflow(
  "nightly",
  // @ts-expect-error
  { schedules: ["0 2 * * *"], concurrency: "Forbid", history: { succeeded: 3, failed: 10 } },
  { entry: deploy },
);
