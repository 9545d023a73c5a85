// Two tasks that wait for each other
import { dag } from "../../../src/argo/index.ts";
import { measure } from "./steps.ts";

dag("main", {}, (d) => {
  // @ts-expect-error
  const first = d.task("first", measure, { url: second.outputs.note });
  // @ts-expect-error
  const second = d.task("second", measure, { url: first.outputs.note });
});
