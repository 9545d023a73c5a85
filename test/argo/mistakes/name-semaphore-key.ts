// A semaphore's key that may not exist
import { dag, semaphore, string } from "../../../src/argo/index.ts";
import { measure, slots } from "./steps.ts";

dag("main", { inputs: { pool: string() } }, (d) => {
  // @ts-expect-error
  d.hold(semaphore(slots.key(d.inputs.pool)));
  d.task("measure", measure, { url: "http://server" });
});
