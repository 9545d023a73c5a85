// A DAG that gives something else
import { dag, number } from "../../../src/argo/index.ts";
import { measure } from "./steps.ts";

// @ts-expect-error
dag("main", { outputs: { rate: number() } }, (d) => {
  const measured = d.task("measure", measure, { url: "http://server" });
  return { rate: measured.outputs.note };
});
